"""What the play runs on: a fresh database, the fake FCM, web and worker."""

import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from local import create_database, server
from local.place import data_dir
from local.processes import (
    FIRST_ANSWER_S,
    ProcessEnded,
    Processes,
    web_argv,
    worker_argv,
)
from runtime import migrating
from runtime.config import UNLIMITED, Settings
from runtime.db import check_server, make_engine
from runtime.errors import CannotStart

HOST = "127.0.0.1"
NAME = "backhaul_demo"
MOST_AT_ONCE = 9
WEB_WORKERS = 2


@dataclass(frozen=True)
class Rig:
    """The addresses, logs and processes of the play.

    environment: variables that every process of the play gets over ours.
    """

    url: str
    fcm_url: str
    logs: Path
    environment: Mapping[str, str]
    processes: Processes

    @property
    def operator(self) -> dict[str, str]:
        """The environment of a command that works on the same database."""
        return {**os.environ, **self.environment}


@contextmanager
def database(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the name and URL of an empty, migrated database of our own.

    On the server of DATABASE_URL, or on the embedded one. A demo that runs already
    keeps its database, and this one takes the next name. The database stays after the
    demo, to be looked at; the next demo drops it.

    Raises: EmbeddedServerError, DatabaseUnusable, CannotStart.
    """
    if settings.DATABASE_URL:
        check_server(make_engine(settings))
        with _own_database(settings.DATABASE_URL) as name_and_url:
            yield name_and_url
        return
    with server(data_dir()) as url, _own_database(url) as name_and_url:
        yield name_and_url


@contextmanager
def _own_database(url: str) -> Iterator[tuple[str, str]]:
    # The lock ends with this connection, however the process ends.
    with psycopg.connect(url, autocommit=True) as connection:
        name = _take_name(connection)
        try:
            drop = sql.SQL("drop database if exists {} with (force)")
            connection.execute(drop.format(sql.Identifier(name)))
            own = create_database(url, name)
        except psycopg.Error as error:
            raise CannotStart(
                f"The demo cannot make its database {name} ({error}): let this user"
                " create databases, or unset DATABASE_URL to use the embedded server."
            ) from None
        engine = make_engine(Settings(DATABASE_URL=own))
        migrating.upgrade(engine)
        engine.dispose()
        yield name, own


def _take_name(connection: psycopg.Connection) -> str:
    for number in range(1, MOST_AT_ONCE + 1):
        name = NAME if number == 1 else f"{NAME}_{number}"
        lock = "select pg_try_advisory_lock(hashtext(%s))"
        row = connection.execute(lock, [name]).fetchone()
        if row is not None and row[0]:
            return name
    raise CannotStart(f"{MOST_AT_ONCE} demos run on this server: stop one of them.")


@contextmanager
def running(settings: Settings, name: str, database_url: str) -> Iterator[Rig]:
    """Run the fake FCM, web and worker on this database; yield where they are.

    Raises: CannotStart.
    """
    logs = Path(settings.DATA_DIR) / name
    logs.mkdir(parents=True, exist_ok=True)
    account = logs / "fcm-account.json"
    with Processes(logs) as processes:
        try:
            processes.start("fcm", _fcm_argv(account), {})
            fcm_url = _written(processes, logs / "fcm.log", "http://")
            environment = {
                "DATABASE_URL": database_url,
                "DATABASE_URL_FILE": "",
                "ENVIRONMENT": "development",
                "PUSH": "fcm",
                "FCM_SERVICE_ACCOUNT_FILE": str(account),
                "FCM_BASE_URL": fcm_url,
                "OFFER_STRATEGY": "broadcast",
                **UNLIMITED,
            }
            port = _port()
            url = f"http://{HOST}:{port}"
            web = [*web_argv(HOST, port, WEB_WORKERS), "--workers-kill-timeout", "3"]
            processes.start("web", web, environment)
            processes.start("worker", worker_argv(), environment)
            processes.wait_for(f"{url}/readyz")
            _written(processes, logs / "worker.log", "worker.started")
        except (ProcessEnded, TimeoutError) as error:
            raise CannotStart(f"The demo cannot start: {error}.") from None
        yield Rig(url, fcm_url, logs, environment, processes)


def _fcm_argv(account: Path) -> list[str]:
    program = [sys.executable, "-m", "demo.fcm"]
    return [*program, "--service-account-file", str(account)]


def _written(processes: Processes, log: Path, text: str) -> str:
    """Wait for the first whole line with `text` in a log; return it."""
    deadline = time.monotonic() + FIRST_ANSWER_S
    while time.monotonic() < deadline:
        processes.check()
        for line in log.read_text(errors="replace").splitlines(keepends=True):
            if text in line and line.endswith("\n"):
                return line.strip()
        time.sleep(0.05)
    raise TimeoutError(f"{text} does not appear in {log}")


def _port() -> int:
    """Return PORT, or any free port. Raises: CannotStart if PORT cannot be used."""
    wanted = os.environ.get("PORT", "").strip() or "0"
    with socket.socket() as probe:
        # As a server does: lingering connections of an earlier demo do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(wanted)))
        except (OSError, ValueError, OverflowError) as error:
            raise CannotStart(
                f"PORT is {wanted} and cannot be used ({error}): choose another port,"
                " or leave it out to get a free one."
            ) from None
        port: int = probe.getsockname()[1]
        return port
