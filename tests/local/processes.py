"""Real processes that use the embedded server, and queries of tests to it."""

import os
import pwd
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from local import server
from tests.waiting import LONGEST_S

CHECKOUT = Path(__file__).parent.parent.parent
IS_ROOT = os.geteuid() == 0
# Neither root nor the account that root runs the server as.
DAEMON = pwd.getpwnam("daemon")
ORDINARY = {"user": DAEMON.pw_uid, "group": DAEMON.pw_gid, "extra_groups": []}
only_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")

USE_UNTIL_TOLD = """
import sys
from pathlib import Path
from local import server
with server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def ask(url, query):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchone()[0]


def tell(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def socket_dir(url) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def postmaster(data_dir) -> int:
    return int((data_dir / "postmaster.pid").read_text().split()[0])


def contains_sigterm(mask: str, pid: int) -> bool:
    """Say whether SIGTERM is in one of the process's masks of signals.

    mask: SigCgt for handled signals, ShdPnd for those not yet delivered. See proc(5).
    """
    status = Path(f"/proc/{pid}/status").read_text()
    (bits,) = re.findall(rf"{mask}:\t(\w+)", status)
    return bool(int(bits, 16) >> (signal.SIGTERM - 1) & 1)


def reachable_interpreter(user) -> str:
    """Return a Python interpreter that the ordinary user can run too."""
    for path in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            found = subprocess.run([path, "-c", "import psycopg, local"], **user)
            if found.returncode == 0:
                return path
    # Ours may be in root's home, and the system's own may lack the libraries.
    pytest.skip("an ordinary user reaches no Python with our libraries")


def python(*arguments, interpreter=sys.executable, **options):
    """Start Python in the checkout, with warnings as errors."""
    return subprocess.Popen(
        [interpreter, "-B", "-W", "error", *map(str, arguments)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@contextmanager
def another_user_of(data_dir, **options):
    """Run another process inside of `server()`; it leaves at the end of the block."""
    process = python("-c", USE_UNTIL_TOLD, data_dir, **options)
    try:
        yield process
    finally:
        # That this ends also shows that no server keeps its starter's pipes open.
        _, complaints = process.communicate(timeout=LONGEST_S)
        assert complaints == ""


def join_and_leave(data_dir):
    with server(data_dir):
        pass


def entered(process) -> str:
    """Wait until the process has entered `server()`; return its URL."""
    return process.stdout.readline().strip()
