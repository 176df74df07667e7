"""What the tests of the market share: a scene, and a market in memory."""

import pytest

from services.market.market import Market
from tests.services.scene import Scene
from tests.world import ROADS, World


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


@pytest.fixture
def market() -> Market:
    return Market(ROADS)
