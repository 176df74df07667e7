"""Finding a load in memory does not depend on how its poster made the id."""

import numpy as np
import pytest

from services.market.rows import Index

NUMBER = 20_000

COUNTED = np.arange(NUMBER, dtype="u8")
SAME = np.full(NUMBER, 7, "u8")


@pytest.mark.parametrize(
    ("high", "low"),
    [
        (SAME, COUNTED),
        (COUNTED, SAME),
        (COUNTED, COUNTED),
        (COUNTED << np.uint64(32), SAME),
        (SAME, COUNTED << np.uint64(32)),
    ],
    ids=["low", "high", "both", "high bits", "low bits"],
)
def test_chosen_ids_are_found_one_by_one_and_need_no_more_rounds_than_others(
    high: np.ndarray, low: np.ndarray
) -> None:
    index = Index(high, low)
    keys = np.stack((high, low), 1).astype(">u8").view("V16").ravel()

    which, where = index.find(keys)

    assert sorted(which.tolist()) == sorted(where.tolist()) == list(range(NUMBER))
    assert which.tolist() == where.tolist()
    # As many rounds as ids with equal mixes: by chance a pair in 20 runs.
    _, times = np.unique(index._sorted, return_counts=True)
    assert times.max() <= 3
