"""`python -m local run -- COMMAND`: run COMMAND with a database to work on."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType

from local import EmbeddedServerError
from local.run import database

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    """Run a command with DATABASE_URL set; return its exit code, 2 without a server.

    Starts nothing where a database is given already. Data: BACKHAUL_DATA_DIR.
    """
    if arguments[:2] != ["run", "--"] or len(arguments) < 3:
        sys.stderr.write("usage: python -m local run -- COMMAND [ARGUMENT ...]\n")
        return 2
    command = arguments[2:]
    for number in ENDINGS:
        signal.signal(number, _leave)
    try:
        with database() as env:
            return _run(command, env)
    except EmbeddedServerError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _run(command: Sequence[str], env: Mapping[str, str]) -> int:
    try:
        child = subprocess.Popen(command, env={**os.environ, **env})
    except OSError as error:
        sys.stderr.write(f"Cannot run {command[0]}: {error.strerror}.\n")
        return 127

    def forward(number: int, frame: FrameType | None) -> None:
        # Ctrl-C reaches the child by itself; a second one would cut its cleanup short.
        if number != signal.SIGINT or not _in_foreground():
            child.send_signal(number)

    # Kept to the end: a later signal must not cut the server's stop short.
    for number in ENDINGS:
        signal.signal(number, forward)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    with suppress(OSError), open("/dev/tty") as terminal:
        return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
