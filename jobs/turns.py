"""Within a process, jobs for which a driver waits at a dock go before the many of loads
that came: a process runs one thread at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

GIVES_WAY_S = 0.5
"""The longest that a job gives way, so that it gets its turn beside any number."""


class Turns:
    """Counts the running jobs of `match`, to which those of `wake` give way."""

    def __init__(self) -> None:
        self._running = 0
        self._changed = Condition()

    @contextmanager
    def of(self, queue: str) -> Iterator[None]:
        """Do a job of this queue when it is its turn."""
        if queue == "wake":
            with self._changed:
                self._changed.wait_for(lambda: not self._running, GIVES_WAY_S)
        is_first = queue == "match"
        self._count(is_first)
        try:
            yield
        finally:
            self._count(-is_first)

    def _count(self, more: int) -> None:
        with self._changed:
            self._running += more
            if not self._running:
                self._changed.notify_all()
