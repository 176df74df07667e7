"""The roads as the server measures them."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from edges.roads import load_roads
from geo.distance import haversine_m
from geo.points import Point
from geo.roads import Roads

CACHE_MB = 4


@cache
def roads() -> Roads:
    """Return the roads, read once."""
    return load_roads(CACHE_MB)


def along(start: Point, end: Point, parts: Sequence[float]) -> Iterator[Point]:
    """Yield where a truck is after each of these parts (0 to 1) of its way by road."""
    line = roads().line(start, end) or (start, end)
    steps_m = [haversine_m(a, b) for a, b in pairwise(line)]
    so_far_m = np.cumsum([0.0, *steps_m])
    at_m = np.array(parts) * so_far_m[-1]
    lats = np.interp(at_m, so_far_m, [point.lat for point in line])
    lons = np.interp(at_m, so_far_m, [point.lon for point in line])
    yield from (Point(float(a), float(b)) for a, b in zip(lats, lons, strict=True))
