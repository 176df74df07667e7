"""The ranking computed a second time in numpy, to check the server's answers.

Nothing is imported from the server, so that an error there is not repeated here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.board import BoardLoad, Place, Trip

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

EARTH_RADIUS_MI = 6_371_008.8 / 1609.344
COST_USD_PER_MI = 2.26
BAND_MI = np.array([150.0, 225.0, 450.0, 800.0])
BAND_RATIO = np.array([1.30, 1.235, 1.215, 1.175])


@dataclass(frozen=True)
class Answers:
    """The reference's answers, by trip (row) and load (column).

    is_worth: in the circle, within the detour, right equipment, gain above 0.
    baseline_mi: of each trip, the empty way from its drop home.
    """

    is_worth: Mask
    gain_usd: Matrix
    baseline_mi: Matrix

    @property
    def share(self) -> float:
        """The share of trucks that have at least one load worth taking."""
        return float(self.is_worth.any(axis=1).mean())


def great_circle_mi(a: Matrix, b: Matrix) -> Matrix:
    """Return the miles between places; the last axis is latitude and longitude."""
    a, b = np.radians(a), np.radians(b)
    lat_a, lat_b = a[..., 0], b[..., 0]
    north = np.sin((lat_b - lat_a) / 2) ** 2
    east = np.sin((b[..., 1] - a[..., 1]) / 2) ** 2
    part = np.sqrt(np.minimum(north + np.cos(lat_a) * np.cos(lat_b) * east, 1.0))
    return np.asarray(2 * EARTH_RADIUS_MI * np.arcsin(part))


def road_mi(great_circle: Matrix) -> Matrix:
    """Return the miles by road, interpolated linearly between the measured bands."""
    between = np.interp(great_circle, BAND_MI, BAND_MI * BAND_RATIO)
    short, long = BAND_RATIO[0] * great_circle, BAND_RATIO[-1] * great_circle
    is_short, is_long = great_circle < BAND_MI[0], great_circle > BAND_MI[-1]
    return np.asarray(np.where(is_short, short, np.where(is_long, long, between)))


def answers(
    trips: Sequence[Trip],
    loads: Sequence[BoardLoad],
    *,
    radius_mi: float,
    max_detour_mi: float,
    has_posted_mileage: bool = False,
) -> Answers:
    """Judge every load for every trip.

    radius_mi: by great circle, as in the server's search.
    has_posted_mileage: take the loaded miles from the board, not from our estimate.
    """
    drops, homes = _places([t.drop for t in trips]), _places([t.home for t in trips])
    origins = _places([load.origin for load in loads])
    ends = _places([load.destination for load in loads])
    to_pickup = great_circle_mi(drops[:, None], origins[None])
    to_home = road_mi(great_circle_mi(ends[None], homes[:, None]))
    loaded = road_mi(great_circle_mi(origins, ends))
    if has_posted_mileage:
        loaded = np.array([load.posted_mi for load in loads])
    baseline = road_mi(great_circle_mi(drops, homes))
    detour = road_mi(to_pickup) + loaded + to_home - baseline[:, None]
    gain = np.array([load.price_cents / 100 for load in loads])
    gain = gain - COST_USD_PER_MI * detour
    is_worth = (
        (to_pickup <= radius_mi)
        & (detour <= max_detour_mi)
        & (_words([t.equipment for t in trips])[:, None] == _words_of(loads))
        & (gain > 0)
    )
    return Answers(is_worth, gain, baseline)


def most_gain_usd(found: Answers) -> float:
    """Return the highest gain of any matching of trips with loads, USD.

    Source: the Hungarian method with potentials, O(n^2 m); Kuhn, Naval Research
    Logistics Quarterly 2 (1955), 83.
    """
    worth = np.where(found.is_worth, found.gain_usd, 0.0)
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    rows, columns = worth.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    taken_by = np.zeros(columns + 1, dtype=int)
    for row in range(1, rows + 1):
        taken_by[0] = row
        _augment(worth, row_price, column_price, taken_by)
    pairs = [(taken_by[j] - 1, j - 1) for j in range(1, columns + 1) if taken_by[j]]
    return float(sum(worth[i, j] for i, j in pairs))


def _augment(
    worth: Matrix,
    row_price: Matrix,
    column_price: Matrix,
    taken_by: NDArray[np.int_],
) -> None:
    """Find the cheapest way to give the waiting row (`taken_by[0]`) a column."""
    slack = np.full(len(taken_by), np.inf)
    came_from = np.zeros(len(taken_by), dtype=int)
    is_used = np.zeros(len(taken_by), dtype=bool)
    column = 0
    while True:
        is_used[column] = True
        row = taken_by[column]
        cost = -worth[row - 1] - row_price[row] - column_price[1:]
        is_better = np.append(False, ~is_used[1:] & (cost < slack[1:]))
        slack[is_better] = cost[is_better[1:]]
        came_from[is_better] = column
        open_slack = np.where(is_used, np.inf, slack)
        column = int(open_slack.argmin())
        step = slack[column]
        row_price[taken_by[is_used]] += step
        column_price[is_used] -= step
        slack[~is_used] -= step
        if taken_by[column] == 0:
            break
    while column:
        taken_by[column] = taken_by[came_from[column]]
        column = came_from[column]


def _places(places: Sequence[Place]) -> Matrix:
    return np.array(places, dtype=float)


def _words(words: Sequence[str]) -> NDArray[np.str_]:
    return np.array(words)


def _words_of(loads: Sequence[BoardLoad]) -> NDArray[np.str_]:
    return _words([load.equipment for load in loads])
