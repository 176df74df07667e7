"""One moment for the fixes of a module."""

from datetime import datetime

import pytest

from tests.world import utcnow


@pytest.fixture(scope="module")
def now() -> datetime:
    return utcnow().replace(microsecond=0)
