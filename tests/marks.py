"""What a test needs: `make test-fast` runs those that need no server and no process.

A test has the mark `server` if one of its fixtures needs a server: the database, the
fake FCM, a mail server. One that starts a process must be marked `process`; a start
without that mark fails.
"""

import subprocess
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest

NEED_A_SERVER = {"server_url", "fcm", "own_fcm", "box", "canary"}
running: list[pytest.Item] = []
"""The test that runs now, if any."""


class Unmarked(Exception):
    """A test started a process and does not say so."""


def mark(items: list[pytest.Item]) -> None:
    """Mark the tests whose fixtures need a server."""
    for item in items:
        if NEED_A_SERVER & set(getattr(item, "fixturenames", ())):
            item.add_marker("server")


def check(item: pytest.Item) -> None:
    """Raise if the test may not start a process."""
    if not any(map(item.get_closest_marker, ("server", "process", "bench"))):
        raise Unmarked(f"Mark {item.nodeid} with `process`: it starts one.")


def watch(start: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor of processes that checks the test that runs."""

    @wraps(start)
    def checked(*arguments: Any, **options: Any) -> None:
        for item in running:
            check(item)
        start(*arguments, **options)

    return checked


class Marks:
    """The plugin."""

    def pytest_configure(self) -> None:
        self.start = subprocess.Popen.__init__
        subprocess.Popen.__init__ = watch(self.start)  # type: ignore[method-assign]

    def pytest_unconfigure(self) -> None:
        subprocess.Popen.__init__ = self.start  # type: ignore[method-assign]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # Before pytest selects by `-m`.
        mark(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        running[:] = [item]

    def pytest_runtest_logfinish(self) -> None:
        running.clear()
