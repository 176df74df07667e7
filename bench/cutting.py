"""A proxy before the database that cuts connections, also between COMMIT and answer."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

HOST = "127.0.0.1"
CHUNK = 65_536
COMMIT = b"COMMIT"


@dataclass(eq=False)
class Line:
    """One connection: the web's end and the database's."""

    near: socket.socket
    far: socket.socket
    used_at: float = 0.0
    is_commit_under_way: bool = False

    def cut(self) -> None:
        for end in (self.near, self.far):
            # A close alone would not wake the thread that reads.
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@dataclass(eq=False)
class Cutter:
    """Cuts connections that go through it.

    lost_commits: how often the database got a COMMIT and web never got the answer.
    """

    far: tuple[int, str | tuple[str, int]]
    cuts: int = 0
    lost_commits: int = 0
    _owed_commits: int = 0
    _lines: set[Line] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def asked(self) -> int:
        """How many connections were cut or will be at the next COMMIT."""
        return self.cuts + self._owed_commits

    def cut_busiest(self) -> None:
        """Cut the connection that was used last, if there is one."""
        with self._lock:
            line = max(self._lines, key=lambda one: one.used_at, default=None)
            if line is not None:
                self._lines.discard(line)
                self.cuts += 1
        if line is not None:
            line.cut()

    def lose_a_commit(self) -> None:
        """Let the next COMMIT reach the database, and cut before its answer."""
        with self._lock:
            self._owed_commits += 1

    def serve(self, listener: socket.socket) -> None:
        """Accept connections until the listener is shut down."""
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            family, address = self.far
            far = socket.socket(family, socket.SOCK_STREAM)
            try:
                far.connect(address)
            except OSError:
                near.close()
                continue
            line = Line(near, far)
            with self._lock:
                self._lines.add(line)
            for pump in (self._ask, self._answer):
                threading.Thread(target=pump, args=[line], daemon=True).start()

    def close(self) -> None:
        """Cut all connections that are left."""
        with self._lock:
            left, self._lines = self._lines, set()
        for line in left:
            line.cut()

    def _ask(self, line: Line) -> None:
        with suppress(OSError):
            while chunk := line.near.recv(CHUNK):
                line.used_at = time.monotonic()
                if COMMIT in chunk:
                    with self._lock:
                        line.is_commit_under_way = self._owed_commits > 0
                        self._owed_commits -= line.is_commit_under_way
                line.far.sendall(chunk)
        self._end(line)

    def _answer(self, line: Line) -> None:
        with suppress(OSError):
            while chunk := line.far.recv(CHUNK):
                if line.is_commit_under_way:
                    with self._lock:
                        self.cuts += 1
                        self.lost_commits += 1
                    break
                line.near.sendall(chunk)
        self._end(line)

    def _end(self, line: Line) -> None:
        with self._lock:
            self._lines.discard(line)
        line.cut()


Kind = TypeVar("Kind", bound=Cutter)


@contextmanager
def cutting(
    database_url: str,
    kind: type[Kind] = Cutter,  # type: ignore[assignment]
) -> Iterator[tuple[str, Kind]]:
    """Yield an address of the same database that leads through a cutter."""
    parts = {k: str(v) for k, v in conninfo_to_dict(database_url).items()}
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    far: tuple[int, str | tuple[str, int]] = (socket.AF_INET, (host, int(port)))
    if host.startswith("/"):
        far = (socket.AF_UNIX, f"{host}/.s.PGSQL.{port}")
    cutter = kind(far)
    with socket.create_server((HOST, 0)) as listener:
        taker = threading.Thread(target=cutter.serve, args=[listener])
        taker.start()
        who = ":".join(
            quote(parts[k], safe="") for k in ("user", "password") if k in parts
        )
        address = f"{HOST}:{listener.getsockname()[1]}"
        try:
            yield f"postgresql://{who}@{address}/{parts['dbname']}", cutter
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            taker.join()
            cutter.close()
