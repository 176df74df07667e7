"""How the suite waits: for a condition, never for a time that should be enough."""

import os
import time
from collections.abc import Callable

LONGEST_S = float(os.environ.get("TESTS_WAIT_S", "1200"))
"""The limit of every wait. It only ends a run that hangs: on a busy machine a process
may start ten times more slowly than alone."""

LOOK_EVERY_S = 0.02


def wait_until(
    condition: Callable[[], object], what: str, *, within_s: float = LONGEST_S
) -> None:
    """Return when `condition` is true. Raises: AssertionError after `within_s`."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"Never happened: {what}"
        time.sleep(LOOK_EVERY_S)
