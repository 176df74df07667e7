"""The bench of what-ifs in its quick form."""

import pytest

from tests.bench.test_walls import quick


@pytest.mark.bench
class TestWhatIf:
    def test_every_record_is_filled_beside_the_drops(self):
        figures = quick("what_if")["figures"]

        assert figures["asked"] == 8
        assert figures["refused"] == figures["drops_lost"] == 0
        assert figures["outcomes"].keys() <= {"found", "nothing_found"}
        assert figures["with_relaxations"] > 0
