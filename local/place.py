"""The paths of one server, and the locks that processes take in turn.

Three files beside the data directory are locked by flock. The kernel releases a lock
however its process ends:

- `<data_dir>.gate`: exclusive while a process starts or stops the server;
- `<data_dir>.users`: shared by every process inside `server()`; the last one stops it;
- `<data_dir>.alive`: exclusive, inherited by every process of the server. It tells
  whether any of them still runs; a process id would only allow a guess.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from psycopg.pq import PGconn, Ping

from runtime.errors import CannotStart

DATABASE = "backhaul"
"""The database that `make run` works on."""

DEFAULT_DATA_DIR = Path(__file__).parent.parent / ".data/postgres"

SOCKETS = Path("/tmp")
"""Where socket directories are made. Short, as a socket's path may have only 104 to
108 bytes."""

STORES = Path("/var/tmp")
"""For programs and data that cannot be used in the checkout; outlives a reboot."""

USER = "backhaul"
PORT = "5432"
"""A part of the socket's name; nothing listens on TCP."""

GATE_TIMEOUT_S = 180.0
"""More than a start and a stop may take together."""


class EmbeddedServerError(CannotStart):
    """The server cannot run. The message says what to do, in words for a person."""


@contextmanager
def sentences(home: Path) -> Iterator[None]:
    """Turn the system's errors (disk full, not permitted) into one sentence."""
    try:
        yield
    except OSError as error:
        remedies = {
            errno.ENOSPC: "make room on that disk",
            errno.EACCES: "run as its owner, or delete it as its owner",
            errno.EPERM: "run as its owner, or delete it as its owner",
        }
        remedy = remedies.get(error.errno or 0, "make it usable")
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot use {error.filename or home}"
            f" ({error.strerror}): {remedy}, or set DATABASE_URL to another server."
        ) from error


@dataclass
class Place:
    """The paths of one server. `socket` and `store` need `key`, which `gate` sets."""

    home: Path
    key: str = ""

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Wait until no other process starts or stops this server, and keep others out.

        The gate's file contains a random token. Token and path together name the socket
        directory and the store. The name is stable over restarts, new for a copied or
        recreated checkout, and another user cannot guess it and take it first.

        Raises: EmbeddedServerError.
        """
        gate = os.open(f"{self.home}.gate", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + GATE_TIMEOUT_S
            while not take(gate):
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(
                        f"Another process keeps {self.home}.gate locked: stop it."
                    )
                time.sleep(0.02)
            if not os.pread(gate, 64, 0):
                os.pwrite(gate, secrets.token_hex(16).encode(), 0)
            key = key_of(self.home)
            if self.key not in ("", key):
                raise EmbeddedServerError(
                    f"{self.home} was deleted while in use: its server stops by itself"
                    " within a minute."
                )
            self.key = key
            yield
        finally:
            os.close(gate)

    @contextmanager
    def nothing_alive(self) -> Iterator[int | None]:
        """Yield the lock that the server's processes inherit; None while they run."""
        fd = os.open(f"{self.home}.alive", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield fd if take(fd) else None
        finally:
            # Never LOCK_UN: it would also unlock for the processes that inherited it.
            os.close(fd)

    @property
    def data(self) -> Path:
        """The data directory: `home`, or what it links to."""
        return Path(os.path.realpath(self.home))

    @property
    def socket(self) -> Path:
        return SOCKETS / f"backhaul-{self.key}"

    @property
    def store(self) -> Path:
        return STORES / f"backhaul-{self.key}"

    def url(self) -> str:
        query = urlencode({"host": str(self.socket), "port": PORT})
        return f"postgresql://{USER}@/postgres?{query}"

    def ping(self) -> Ping:
        return Ping(PGconn.ping(f"{self.url()}&connect_timeout=2".encode()))


def data_dir() -> Path:
    """Return where the server of `make run` keeps its data (BACKHAUL_DATA_DIR)."""
    return Path(os.environ.get("BACKHAUL_DATA_DIR") or DEFAULT_DATA_DIR)


def has_database(environ: Mapping[str, str]) -> bool:
    """Say whether the environment names a database, itself or in a file."""
    return any(environ.get(name) for name in ("DATABASE_URL", "DATABASE_URL_FILE"))


def key_of(home: Path) -> str:
    """Return the name of the directories of `home` outside the checkout."""
    token = Path(f"{home}.gate").read_bytes()
    return hashlib.sha256(os.fsencode(home) + b"\0" + token).hexdigest()[:16]


def take(fd: int) -> bool:
    """Lock an open file exclusively; return False if another process has locked it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
