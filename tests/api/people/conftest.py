"""A hasher that counts, for tests of what a refused sign-in costs."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.people import passwords


class Counting:
    """The hasher, counting the passwords it verifies."""

    def __init__(self, hasher: Any) -> None:
        self.hasher, self.asked = hasher, 0

    def hash(self, password: str) -> str:
        return str(self.hasher.hash(password))

    def verify(self, password_hash: str, password: str) -> bool:
        self.asked += 1
        return bool(self.hasher.verify(password_hash, password))


@pytest.fixture
def hasher() -> Iterator[Counting]:
    kept = passwords.HASHER
    counting = Counting(kept)
    passwords.HASHER = counting  # type: ignore[assignment]
    yield counting
    passwords.HASHER = kept
