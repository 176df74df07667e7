"""How the suite waits: for a condition, never for a time that should be enough."""

import os
import time
from collections.abc import Callable

LONGEST_S = float(os.environ.get("TESTS_WAIT_S", "1200"))
"""The limit of every wait. It only ends a run that hangs: on a busy machine a process
may start ten times more slowly than alone."""

LOOK_EVERY_S = 0.02


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return when `condition` is true. Raises: AssertionError after LONGEST_S."""
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < deadline, f"Never happened: {what}"
        time.sleep(LOOK_EVERY_S)
