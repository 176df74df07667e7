"""Starting, joining and stopping the server."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg.pq import Ping

from local.account import Account, account_for, give, private_dir, run
from local.place import PORT, USER, EmbeddedServerError, Place, key_of, sentences, take
from local.store import choose_data, programs_for, version

MEMORY_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20

SETTINGS = {
    # A quarter of the memory, as PostgreSQL's manual advises; it is taken as needed.
    "shared_buffers": f"{min(max(MEMORY_MB // 4, 128), 1024)}MB",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0


@contextmanager
def server(
    data_dir: Path,
    *,
    settings: Mapping[str, str] | None = None,
    timeout_s: float = START_TIMEOUT_S,
) -> Iterator[str]:
    """Run a server on `data_dir`, or join the one that runs; yield its URL.

    The last process that leaves the block stops it. A process that is killed leaves
    the server running for the next one. A forked child may use the URL, but its end
    does not stop the server.

    settings: PostgreSQL settings that override `SETTINGS`; a running server keeps its
        own.
    timeout_s: how long to wait for a starting, recovering or dying server.

    Raises: EmbeddedServerError.
    """
    place = _place(data_dir)
    with sentences(place.home):
        place.home.parent.mkdir(parents=True, exist_ok=True)
        users = os.open(f"{place.home}.users", os.O_RDWR | os.O_CREAT, 0o600)
    me = os.getpid()
    try:
        with sentences(place.home), place.gate():
            fcntl.flock(users, fcntl.LOCK_SH)
            _ensure_running(place, {**SETTINGS, **(settings or {})}, timeout_s)
        yield place.url()
    finally:
        try:
            if os.getpid() == me:
                with sentences(place.home), place.gate():
                    # Unlocked for a moment, but others cannot act: we locked the gate.
                    if take(users):
                        _stop(place)
        finally:
            os.close(users)


def url_of_running(data_dir: Path) -> str | None:
    """Return the URL of the server that is up on `data_dir`; None if none is."""
    place = _place(data_dir)
    try:
        place.key = key_of(place.home)
    except OSError:
        # It was never started, or belongs to another user.
        return None
    return place.url() if place.ping() == Ping.OK else None


def _place(data_dir: Path) -> Place:
    return Place(Path(os.path.realpath(data_dir.parent)) / data_dir.name)


def _ensure_running(
    place: Place, settings: Mapping[str, str], timeout_s: float
) -> None:
    """Return when the server answers, starting it when nothing of it is alive.

    Also waits for a server in recovery and for the orphaned backends of a postmaster
    that was killed: the data must not be touched before they are gone.
    """
    deadline = time.monotonic() + timeout_s
    log_start: int | None = None
    while True:
        with place.nothing_alive() as lock:
            if lock is not None:
                if log_start is not None:
                    raise EmbeddedServerError(
                        f"The embedded PostgreSQL did not start: see what it says, or"
                        f" delete {place.home} to start with an empty database."
                        f"{_last_lines(place, log_start)}"
                    )
                log_start = _start(place, lock, settings)
                deadline = time.monotonic() + timeout_s
        if place.ping() == Ping.OK:
            return
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL on {place.home} did not answer within"
                f" {timeout_s:.0f} s: see whether an earlier one still runs, and try"
                f" again.{_last_lines(place, log_start or 0)}"
            )
        time.sleep(0.02)


def _start(place: Place, lock: int, settings: Mapping[str, str]) -> int:
    """Start the postmaster, making the database first; return where its log begins."""
    account = account_for(place.home)
    programs = programs_for(place, account)
    choose_data(place, account)
    if not _contains_database(place.data):
        _init(place.data, programs, account, lock)
    private_dir(place.socket, 0o700, account)
    # No process is alive, so these are stale, even if their process id is in use again.
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    for stale in place.socket.iterdir():
        stale.unlink()

    options = {
        **settings,
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": str(place.socket),
        "unix_socket_permissions": "0700",
    }
    flags = [f"--{name}={setting}" for name, setting in options.items()]
    # The data belongs to the account: root must not follow a link found there.
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    log = os.open(place.data / "log", appending, 0o600)
    try:
        give(log, account)
        log_start = os.fstat(log).st_size
        # The shell ends and init adopts the postmaster, which leaves us no zombie.
        start: list[str | Path] = [
            "/bin/sh",
            "-c",
            '"$@" &',
            "sh",
            programs / "postgres",
        ]
        run([*start, "-D", place.data, *flags], account, lock=lock, output=log)
    finally:
        os.close(log)
    return log_start


def _stop(place: Place) -> None:
    """Stop the server if it runs; clients that are still connected are cut off."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while True:
        with place.nothing_alive() as lock:
            if lock is not None:
                break
        # Only a postmaster listens, so while the socket answers the pid is its own.
        if place.ping() != Ping.NO_RESPONSE:
            with suppress(FileNotFoundError, ProcessLookupError, IndexError):
                pid = (place.data / "postmaster.pid").read_text().split()[0]
                os.kill(int(pid), signal.SIGINT)
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL on {place.home} does not stop: kill it."
            )
        time.sleep(0.02)
    with suppress(OSError):
        place.socket.rmdir()


def _contains_database(data: Path) -> bool:
    """Say whether `data` contains our database; False if it is still to be made.

    Raises: EmbeddedServerError if it contains something else.
    """
    if not data.exists() or not any(data.iterdir()):
        return False
    if not (data / "global/pg_control").exists():
        raise EmbeddedServerError(f"{data} contains no complete database: delete it.")
    found, ours = (data / "PG_VERSION").read_text().strip(), version().split(".")[0]
    if found != ours:
        raise EmbeddedServerError(
            f"{data} was made by PostgreSQL {found} and this is PostgreSQL {ours}:"
            " delete it to start with an empty database."
        )
    return True


def _init(data: Path, programs: Path, account: Account | None, lock: int) -> None:
    """Make the database beside `data`, then rename it: `data` is never half made."""
    half = data.with_name(data.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(0o700)
    give(half, account)
    flags = [f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C"]
    flags += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = run(
        [programs / "initdb", *flags, "-D", half],
        account,
        lock=lock,
        output=subprocess.PIPE,
    )
    if made.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        raise EmbeddedServerError(
            f"initdb could not make a database in {data}: see what it says and try"
            f" again, or set DATABASE_URL.{_indented(made.stdout + made.stderr)}"
        )
    half.rename(data)


def _last_lines(place: Place, log_start: int) -> str:
    with suppress(OSError):
        return _indented((place.data / "log").read_bytes()[log_start:])
    return ""


def _indented(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()[-5:]
    return "".join(f"\n    {line}" for line in lines)
