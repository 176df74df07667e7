"""The empty way home of a truck that found no load, and where the truck is by when."""

from bisect import bisect
from itertools import accumulate, pairwise

import numpy as np

from freight.hours import elapsed_s
from geo.distance import METRES_PER_MILE, haversine_m
from geo.points import Point
from geo.roads import Roads
from runtime.config import Settings

MINUTE_S = 60.0
MPS = Settings.ROAD_MPH * METRES_PER_MILE / 3600
"""As the server plans it."""

DRIVEN_S = np.arange(0.0, 70 * 60) * MINUTE_S
TOOK_S = elapsed_s(DRIVEN_S)
"""How long so much driving takes, with the rests that the law requires; a rest is
driven very slowly."""


class Homeward:
    """A truck that drives home without a pause but for the rests of the law."""

    def __init__(self, roads: Roads, drop: Point, home: Point) -> None:
        line = roads.line(drop, home) or (drop, home)
        air_m = [haversine_m(a, b) for a, b in pairwise(line)]
        self._line = line
        self._ends_m = [0.0, *accumulate(air_m)]
        way_m = roads.distance_m(drop, home)
        # The line is coarser than the road: its pieces are driven in their share of it.
        self._share = self._ends_m[-1] / way_m if way_m > 0 else 0.0

    def after(self, seconds: float) -> Point | None:
        """Return where the truck is so long after it left; None once it is home."""
        driven_s = float(np.interp(seconds, TOOK_S, DRIVEN_S))
        along_m = MPS * driven_s * self._share
        if along_m >= self._ends_m[-1]:
            return None
        piece = bisect(self._ends_m, along_m) - 1
        begin_m, end_m = self._ends_m[piece : piece + 2]
        a, b = self._line[piece : piece + 2]
        part = (along_m - begin_m) / (end_m - begin_m)
        return Point(a.lat + (b.lat - a.lat) * part, a.lon + (b.lon - a.lon) * part)
