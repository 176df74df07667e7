"""The orders in which a driver may want their offers: lower is better."""

import numpy as np
import pytest

from freight.orders import RankBy, worse

LOADS = {
    "score_cents": np.array([100.0, 900.0, 500.0]),
    "home_after_s": np.array([3_600.0, 36_000.0, 18_000.0]),
    "empty_after_m": np.array([30.0, 20.0, 10.0]),
}


@pytest.mark.parametrize(
    ("rank_by", "best_first"),
    [
        (RankBy.GAIN, [1, 2, 0]),
        (RankBy.HOME_TIME, [0, 2, 1]),
        (RankBy.GAIN_PER_HOUR, [0, 2, 1]),
        (RankBy.CO2, [2, 1, 0]),
    ],
)
def test_table(rank_by, best_first):
    assert np.argsort(worse(rank_by, **LOADS)).tolist() == best_first


def test_every_order_has_a_row():
    assert len(RankBy) == 4


def test_a_trip_of_less_than_an_hour_counts_as_one():
    times = {"home_after_s": np.array([0.0, 1.0, 3_600.0])}
    found = worse(RankBy.GAIN_PER_HOUR, **LOADS | times)
    assert found.tolist() == [-100, -900, -500]


def test_no_load_is_in_any_order():
    nothing = {name: np.array([]) for name in LOADS}
    assert [len(worse(rank_by, **nothing)) for rank_by in RankBy] == [0, 0, 0, 0]
