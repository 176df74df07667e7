"""Only a test with the mark `bench` may play a bench."""

import pytest

from tests.bench import quick


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    quick.may_play = item.get_closest_marker("bench") is not None
