"""Patience with a busy machine."""

import pytest

from edges import threads
from tests.waiting import LONGEST_S


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests within this process wait for a thread as long as the suite waits."""
    monkeypatch.setattr(threads, "LONGEST_WAIT_S", LONGEST_S)
