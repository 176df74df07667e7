"""A company's admin and one of its drivers, for all tests of the API."""

import pytest

from tests.world import Caller, World


@pytest.fixture
def boss(world: World) -> Caller:
    return world.company()


@pytest.fixture
def driver(world: World, boss: Caller) -> Caller:
    return world.driver(boss, device=None)
