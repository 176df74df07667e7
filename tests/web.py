"""A real web process for a test, and requests to it."""

import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from local.processes import Processes, web_argv
from runtime.config import Settings
from tests.waiting import LONGEST_S


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def web_process(
    settings: Settings,
    folder: Path,
    *,
    workers: int,
    options: Sequence[str] = (),
) -> Iterator[tuple[Processes, int]]:
    """Run the web process on the suite's database; yield its supervisor and port.

    It writes `web.log` to the folder, and has answered /readyz.

    options: more options for Granian.
    """
    port = free_port()
    environ = {
        "DATABASE_URL": settings.DATABASE_URL,
        "DATA_DIR": settings.DATA_DIR,
    }
    with Processes(folder) as processes:
        argv = [*web_argv("127.0.0.1", port, workers), *options]
        processes.start("web", argv, environ)
        processes.wait_for(f"http://127.0.0.1:{port}/readyz", LONGEST_S)
        yield processes, port


@dataclass(frozen=True)
class Said:
    """What a process answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json()["code"])


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> Said:
    """Ask on a new connection, as `ask_on`."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    return ask_on(line, method, path, body, **headers)


def ask_on(
    line: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    **headers: str,
) -> Said:
    """Ask on this connection and close it; `_` in a header's name stands for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        line.request(method, path, body, sent)
        answer = line.getresponse()
        return Said(answer.status, answer.headers, answer.read())
    finally:
        line.close()


def truck(number: int) -> str:
    """Return the body of a truck."""
    return json.dumps(
        {
            "unit_number": f"T{number}",
            "equipment": "van",
            "payload_kg": 20_000,
            "deck_length_m": 16.15,
            "is_hazmat_allowed": False,
        }
    )


def waiters(onlooker: psycopg.Connection) -> int:
    """Return how many transactions of this database wait for a lock."""
    row = onlooker.execute(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        " and datname = current_database()"
    ).fetchone()
    return row[0] if row else 0
