"""A test that needs a server or a process is marked, so `make test-fast` is quick."""

import subprocess
import sys

import pytest

from tests.bench import quick
from tests.marks import Unmarked

END_AT_ONCE = [sys.executable, "-c", ""]


def test_a_test_without_the_mark_may_not_start_a_process() -> None:
    with pytest.raises(Unmarked, match="test_a_test_without_the_mark"):
        subprocess.run(END_AT_ONCE, check=True)


@pytest.mark.process
def test_a_test_with_the_mark_may() -> None:
    subprocess.run(END_AT_ONCE, check=True)


def test_a_test_whose_fixture_needs_the_database_has_the_mark(
    request: pytest.FixtureRequest, database_url: str
) -> None:
    assert request.node.get_closest_marker("server")
    subprocess.run(END_AT_ONCE, check=True)


def test_another_test_has_not(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("server") is None


def test_only_a_test_with_the_mark_may_play_a_bench() -> None:
    with pytest.raises(AssertionError, match="Mark the test with `bench`"):
        quick.play("fuzz")
