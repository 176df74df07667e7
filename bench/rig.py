"""What a bench runs against: a new database, web, worker, a fake FCM."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import psycopg

from bench.client import Client
from bench.report import say
from local import create_database, server
from local.place import data_dir
from local.processes import Processes, web_argv, worker_argv
from runtime.config import UNLIMITED

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
WEB_WORKERS = 2
LAST_WORDS = 1000
PASSWORD = "not in any example"

SETTINGS = {
    "ENVIRONMENT": "development",
    "LOG_LEVEL": "WARNING",
    "PUSH": "fcm",
    "FEE_PERCENT": "0",
    "OFFER_STRATEGY": "broadcast",
    # Longer than a bench runs: no token and no offer expires in it.
    "ACCESS_TOKEN_TTL_S": "7200",
    "OFFER_TTL_S": "7200",
    **UNLIMITED,
}


Between = Callable[[str], AbstractContextManager[tuple[str, Any]]]


class CannotSetUp(Exception):
    """A command of the set-up failed; the message contains its output."""


@dataclass(frozen=True)
class Rig:
    """The running processes.

    fcm: a client of the fake FCM, which tells what the phones received.
    between: the proxy between web and database, if there is one.
    """

    web: Client
    fcm: Client
    env: Mapping[str, str]
    processes: Processes
    between: Any = None

    def create_company(self, kind: str, number: int, *roles: str) -> Client:
        """Make a company; return its signed-in admin, who has `roles` too.

        Raises: CannotSetUp, Refused.
        """
        email = f"{kind}{number}@example.com"
        wanted = [part for role in roles for part in ("--role", role)]
        run(
            [
                *("create-org", "--name", f"{kind} {number}", "--kind", kind),
                *("--admin-name", "Ada Admin", "--admin-email", email),
                *("--password", PASSWORD, "--usdot", str(1_000_000 + number), *wanted),
            ],
            self.env,
        )
        return self.web.signed_in(email, PASSWORD)

    def verify(self, admin: Client) -> None:
        """Say that the register knows the admin's company.

        Raises: CannotSetUp, Refused.
        """
        org_id = admin.need("GET", "/v1/organisation")["id"]
        said = ("--org", org_id, "--state", "verified", "--source", "bench")
        run(["verify-org", *said], self.env)


@contextmanager
def set_up(
    settings: Mapping[str, str],
    *,
    web_workers: int = WEB_WORKERS,
    web_options: Sequence[str] = (),
    between: Between | None = None,
    has_worker: bool = True,
    server_url: str | None = None,
    fcm_log: Path | None = None,
) -> Iterator[Rig]:
    """Run web, worker and fake FCM on a new database; remove everything afterwards.

    The database is on the server of DATABASE_URL, or on the embedded one.

    settings: replace those of `SETTINGS`.
    web_options: more options for Granian.
    between: takes the database's address, yields that of a proxy in front of it.
    has_worker: False starts no worker, so that jobs wait.
    server_url: a database server to use instead.
    fcm_log: where the fake FCM writes every request, refused ones too.

    Raises: CannotSetUp, ProcessEnded, TimeoutError, EmbeddedServerError.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="backhaul-bench-")))
        env = {
            **SETTINGS,
            **settings,
            "DATABASE_URL": stack.enter_context(new_database(server_url)),
            # Emptied, as a secret's file takes precedence over its variable.
            "DATABASE_URL_FILE": "",
            "DATA_DIR": str(folder / "data"),
        }
        run(["migrate"], env)
        key_file = folder / "service-account.json"
        ports = _free_ports(2)
        web, fcm = (Client(f"http://{HOST}:{port}") for port in ports)
        env |= {"FCM_BASE_URL": fcm.url, "FCM_SERVICE_ACCOUNT_FILE": str(key_file)}
        processes = stack.enter_context(Processes(log_dir=folder / "logs"))
        fcm_argv = [sys.executable, "-m", "demo.fcm", "--port", str(ports[1])]
        fcm_argv += ["--service-account-file", str(key_file)]
        fcm_argv += ["--log", str(fcm_log)] if fcm_log else []
        processes.start("fcm", fcm_argv, {})
        processes.wait_for(f"{fcm.url}/received")
        way, gate = env["DATABASE_URL"], None
        if between is not None:
            way, gate = stack.enter_context(between(way))
        web_env = env | {"DATABASE_URL": way}
        argv = [*web_argv(HOST, ports[0], web_workers), *web_options]
        processes.start("web", argv, web_env)
        if has_worker:
            processes.start("worker", worker_argv(), env)
        try:
            processes.wait_for(f"{web.url}/readyz")
            yield Rig(web, fcm, env, processes, gate)
            processes.check()
        except Exception:
            # Printed here, as the folder with the logs is about to be deleted.
            say(_last_words(folder / "logs"))
            raise


def run(arguments: list[str], env: Mapping[str, str]) -> None:
    """Run one of the operator's commands (`cli.py`).

    Raises: CannotSetUp.
    """
    ended = subprocess.run(
        [sys.executable, "cli.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        said = ended.stderr.strip() or ended.stdout.strip()
        raise CannotSetUp(f"cli.py {arguments[0]}: {said}")


@contextmanager
def new_database(server_url: str | None = None) -> Iterator[str]:
    """Yield the address of a new, empty database, which is dropped afterwards."""
    with ExitStack() as stack:
        given = server_url or os.environ.get("DATABASE_URL")
        url = given or stack.enter_context(server(data_dir()))
        name = f"bench_{uuid4().hex[:12]}"
        try:
            yield create_database(url, name)
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"drop database if exists {name} with (force)")


def _last_words(log_dir: Path) -> str:
    texts = {log.name: log.read_text(errors="replace") for log in log_dir.iterdir()}
    return "\n".join(
        f"{name}: {text.strip()[-LAST_WORDS:]}"
        for name, text in sorted(texts.items())
        if text.strip()
    )


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def free_port() -> int:
    """Return a port on which no process listens."""
    return _free_ports(1)[0]
