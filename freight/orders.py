"""The orders in which a driver may want their offers."""

import numpy as np
from numpy.typing import NDArray

from freight.preferences import RankBy

Numbers = NDArray[np.float64]


def worse(
    rank_by: RankBy,
    *,
    score_cents: Numbers,
    home_after_s: Numbers,
    empty_after_m: Numbers,
) -> Numbers:
    """Return for each load a number that is lower the better the load is.

    home_after_s: from the drop until home.
    empty_after_m: the empty metres with the load. All loads of a search have the same
        empty way without it, so the least of these saves the most.
    """
    if rank_by is RankBy.HOME_TIME:
        return home_after_s
    if rank_by is RankBy.GAIN_PER_HOUR:
        # A trip of less than an hour counts as one: no load is endlessly good.
        return -score_cents / np.maximum(home_after_s / 3600, 1.0)
    if rank_by is RankBy.CO2:
        return empty_after_m
    return -score_cents
