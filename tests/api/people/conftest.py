"""A desk, a driver, their phone; a hasher that counts what a refused sign-in costs."""

from collections.abc import Iterator
from typing import Any

import pytest

from market.phone_keys import PhoneKey
from services.people import passwords
from tests.api.people.phones import new_id
from tests.world import Caller, World


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


@pytest.fixture
def busy(world: World, boss: Caller, driver: Caller) -> Caller:
    """The driver, with a load."""
    world.assign(boss, driver, world.load(world.shipper()))
    return driver


@pytest.fixture
def key() -> PhoneKey:
    return PhoneKey()


@pytest.fixture
def phone() -> str:
    return new_id()
