"""The bench of the roads in its quick form."""

import pytest

from bench import __main__ as benches
from tests.bench.quick import line_of, play


@pytest.mark.bench
def test_without_the_board_day_the_rest_is_measured(tmp_path):
    ended = play("roads", "--loads", tmp_path / "none.csv")
    line = line_of(ended, "roads")

    assert "The accuracy is skipped" in ended.stderr
    assert "error_percent_mean" not in line["figures"]
    exact = [bar for bar in line["bars"] if bar["limit"] == 0]
    assert len(exact) == 4
    assert all(bar["met"] for bar in exact), line
    assert benches.table_rows(line)[0].count("| roads |") == 1
