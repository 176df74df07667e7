"""`make run`: database, web and worker on this machine, until Ctrl-C."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

from local.databases import create_database
from local.lifecycle import server
from local.place import DATABASE, data_dir, has_database
from local.processes import (
    ROOT,
    ProcessEnded,
    Processes,
    stop_on_signals,
    web_argv,
    worker_argv,
)
from runtime.errors import CannotStart

WATCH_S = 0.5
WEB_WORKERS = 2


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Yield what must be added to the environment so that it names a database.

    That is nothing if it names one already. Otherwise it is the URL of a database on
    the embedded server, which runs during the block.

    Raises: EmbeddedServerError.
    """
    if has_database(os.environ):
        yield {}
        return
    with server(data_dir()) as url:
        yield {"DATABASE_URL": create_database(url, DATABASE)}


def main() -> None:
    """Migrate, then run web and worker until we are stopped or one is given up.

    Raises: CannotStart.
    """
    stop_on_signals()
    host = os.environ.get("HOST") or "127.0.0.1"
    port = _port()
    _check_free(host, port)
    with ExitStack() as stack:
        try:
            env = stack.enter_context(database()) | _console()
            _migrate(env)
            # The workers of the web process report their metrics together.
            metrics = stack.enter_context(TemporaryDirectory(prefix="metrics-"))
            processes = stack.enter_context(Processes())
            shared = env | {"PROMETHEUS_MULTIPROC_DIR": metrics}
            processes.start("web", web_argv(host, port, WEB_WORKERS), shared)
            processes.start("worker", worker_argv(), env)
            url = f"http://{host}:{port}"
            processes.wait_for(f"{url}/healthz")
            _say(f"Backhaul listens on {url}: its API is at {url}/docs. Ctrl-C stops.")
            while True:
                processes.keep()
                time.sleep(WATCH_S)
        except KeyboardInterrupt:
            return
        except (ProcessEnded, TimeoutError) as error:
            raise CannotStart(f"{error}.") from None


def _port() -> int:
    port = os.environ.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise CannotStart(f"PORT is {port}: set it to a number from 1 to 65535.")
    return int(port)


def _check_free(host: str, port: int) -> None:
    """Raise CannotStart where nothing more can listen, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise CannotStart(
            f"Web cannot listen on {host}, port {port} ({error.strerror}): stop what"
            " does, or set PORT to another number."
        ) from None


def _console() -> dict[str, str]:
    """Let a development machine without Firebase credentials print its pushes."""
    asked = ("PUSH", "PUSH_FILE", "FCM_SERVICE_ACCOUNT", "FCM_SERVICE_ACCOUNT_FILE")
    is_development = os.environ.get("ENVIRONMENT", "development") == "development"
    if not is_development or any(os.environ.get(name) for name in asked):
        return {}
    _say("PUSH=console: pushes are printed, as FCM_SERVICE_ACCOUNT is not set.")
    return {"PUSH": "console"}


def _migrate(env: dict[str, str]) -> None:
    migrated = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "migrate"],
        env={**os.environ, **env},
        check=False,
    )
    if migrated.returncode:
        raise SystemExit(migrated.returncode)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
