"""Finding a load in memory does not depend on how its poster made the id."""

from time import perf_counter

import numpy as np

from services.search.rows import Index

NUMBER = 20_000


def seconds_to_find_all(high: np.ndarray, low: np.ndarray) -> float:
    index = Index(high, low)
    keys = np.stack((high, low), 1).astype(">u8").view("V16").ravel()
    began = perf_counter()
    which, where = index.find(keys)
    took_s = perf_counter() - began
    assert sorted(which.tolist()) == sorted(where.tolist()) == list(range(NUMBER))
    return took_s


def test_ids_with_the_same_lower_half_are_found_as_fast_as_others() -> None:
    counted = np.arange(NUMBER, dtype="u8")
    same = np.full(NUMBER, 7, "u8")

    usual_s = seconds_to_find_all(same, counted)
    chosen_s = seconds_to_find_all(counted, same)

    assert chosen_s < 20 * usual_s
