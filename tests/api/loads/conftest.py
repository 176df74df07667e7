"""These tests are about the calls by which a load is made and seen."""

import pytest

from tests.over_http import HttpWorld
from tests.world import World


@pytest.fixture
def kind_of_world() -> type[World]:
    return HttpWorld
