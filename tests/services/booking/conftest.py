"""A booked load, for tests of what becomes of it."""

import pytest
from sqlalchemy.orm import Session as OrmSession

from tests.api.kernel.conftest import limited
from tests.trips import Trip, make_trip
from tests.world import World

__all__ = ["limited"]


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return make_trip(world, session)
