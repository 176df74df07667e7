"""Between which cities loads go, and how often: gravity, with real haul lengths."""

import math
from array import array
from bisect import bisect_right
from functools import cache
from random import Random
from statistics import NormalDist

import numpy as np

from geo.distance import METRES_PER_MILE
from geo.roads import road_m
from places.cities import cities, distances_m

HAUL_MILES = NormalDist(math.log(461), 0.79)
"""Logarithm of the road miles of a load.

Source: 500 loads posted on one day (123Loadboard, November 2023): p10 172, median
461, p90 1,266. A little wider than those, as no city pair is above 3,300 miles.
"""


def draw_lane(random: Random, origin: int | None = None) -> tuple[int, int]:
    """Draw the positions of two cities, the first of them `origin` if that is given."""
    up_to, size = _shares(), len(cities())
    first, last = (0, size) if origin is None else (origin, origin + 1)
    low = up_to[first * size - 1] if first else 0.0
    at = low + random.random() * (up_to[last * size - 1] - low)
    return divmod(bisect_right(up_to, at, first * size, last * size - 1), size)


@cache
def _shares() -> "array[float]":
    """The running sum of the freight between each pair of cities, row by row.

    In the standard library's array, which bisect reads faster than numpy's.
    """
    people = np.array([place.population for place in cities()], dtype=np.float64)
    pull = np.outer(people, people)
    edges_m = np.geomspace(50_000, 4_500_000, 61)
    band = np.digitize(distances_m(), edges_m)
    pulls = np.bincount(band.ravel(), weights=pull.ravel(), minlength=62)
    miles = [road_m(edge_m) / METRES_PER_MILE for edge_m in edges_m]
    wanted = np.diff([HAUL_MILES.cdf(math.log(mile)) for mile in miles])
    # Pairs nearer than the first edge get no freight; none is beyond the last.
    factor = np.zeros(62)
    np.divide(wanted, pulls[1:61], out=factor[1:61], where=pulls[1:61] > 0)
    return array("d", np.cumsum(pull * factor[band]).tobytes())
