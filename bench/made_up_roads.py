"""Roads for comparisons: estimates with all that measured roads have, and quick.

Metres are whole, a part of each way is off the highways, and islands have no road to
the mainland. So every field of a way counts, which an estimate alone leaves at zero.
"""

from collections.abc import Sequence
from math import inf

import numpy as np

from geo.distance import haversine_m
from geo.points import Point
from geo.roads import EstimatedRoads, Places, Way, Ways, road_m

ISLANDS = ((18.0, 23.0, -161.0, -154.0), (40.9, 41.6, -70.5, -69.7))
"""South, north, west and east of Hawaii and of Nantucket."""

LONGEST_ACCESS_M = 9_000


class MadeUpRoads:
    """Estimated roads with access, and without roads to ISLANDS."""

    source: str = "made up"
    version: str = "made up"

    def __init__(self) -> None:
        self._estimated = EstimatedRoads()

    def places(self, points: Sequence[Point]) -> Places:
        """Return the points; their component says on which island they are."""
        places = self._estimated.places(points)
        places.component[:] = [_island(point) for point in points]
        return places

    def ways_from(self, start: Point, ends: Places, limit_m: float = inf) -> Ways:
        """Return the ways from `start` to each of `ends`."""
        each = zip(ends.lat.tolist(), ends.lon.tolist(), strict=True)
        ways = [self.way(start, Point(*place)) for place in each]
        metres = np.array([way.metres for way in ways], np.float64)
        access_m = np.array([way.access_m for way in ways], np.float64)
        beyond = metres > limit_m
        metres[beyond], access_m[beyond] = inf, 0.0
        return Ways(metres, access_m, ends.component == _island(start))

    def way(self, a: Point, b: Point) -> Way:
        """Return the way from `a` to `b`."""
        if _island(a) != _island(b):
            return Way(inf, 0.0)
        metres = float(round(road_m(haversine_m(a, b))))
        return Way(metres, min(_access_m(a) + _access_m(b), metres))

    def distance_m(self, a: Point, b: Point) -> float:
        """Return the metres of `way`."""
        return self.way(a, b).metres

    def line(self, a: Point, b: Point) -> tuple[Point, ...] | None:
        """Return the straight line; None if no road leads there."""
        return None if self.way(a, b).metres == inf else (a, b)


def _island(point: Point) -> int:
    """Return the number of the island, 0 for the mainland."""
    for number, (south, north, west, east) in enumerate(ISLANDS, start=1):
        if south <= point.lat <= north and west <= point.lon <= east:
            return number
    return 0


def _access_m(point: Point) -> float:
    """Return how far a place is from the highways, any figure that stays the same."""
    return float(round((point.lat - point.lon) * 1e5) % LONGEST_ACCESS_M)
