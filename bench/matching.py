"""The best that any matching of trucks with loads could gain."""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

Gains = Mapping[tuple[int, int], int]
"""Cents of each pair (trip, load) that is worth taking, by their places."""


def most_gain_usd(gains: Gains) -> float:
    """Return the highest gain of any matching of trips with loads, USD.

    Source: Crouse, "On implementing 2D rectangular assignment algorithms", IEEE
    Transactions on Aerospace and Electronic Systems 52 (2016), 1679.
    """
    if not gains:
        return 0.0
    worth = np.zeros((1 + max(i for i, _ in gains), 1 + max(j for _, j in gains)))
    for (trip, load), cents in gains.items():
        worth[trip, load] = cents
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return float(worth[rows, columns].sum() / 100)
