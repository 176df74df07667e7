"""Distances by road over the graph of the highways."""

from collections.abc import Sequence
from functools import lru_cache
from math import cos, inf, radians
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from geo.points import Point
from geo.roads.graph import DATA, HIGHWAYS, WATER, Graph, read_graph, read_water
from geo.roads.lines import nodes_between
from geo.roads.places import Places, Way, Ways
from geo.roads.searches import Searches, access_cost, ways_of
from geo.roads.snapping import WET_M, Snapper
from geo.roads.water import Water
from geo.sphere import Floats, great_circle_m

MODEL = 1
"""Changes with each constant that a place is made of: kept places are then remade."""

DIRECT, DIRECT_MORE_M, DIRECT_NEAR = 1.2, 1_000.0, 2.0
"""A direct way is 1.2 times the great circle and 1 km, and at most twice the great
circle: two docks of one street do not drive to a highway and back."""

DIRECT_REACH_M = 80_000.0
"""A way is direct up to this great-circle distance, and only over dry land."""

LIMITS_M = tuple(100_000.0 * 2 ** (step / 2) for step in range(11))
"""A single way is searched up to the first limit that seems enough. Few limits let the
ways from one start share a search."""

FEW = 4
"""For up to so many ends their ways are searched one by one: most are much shorter than
the limit, and a search takes longer the farther it goes."""

KEPT_PLACES = 4096
"""Starts whose nodes are kept: docks and homes come again."""

METRES_PER_DEGREE = 111_000.0
"""A little less than a degree of latitude."""

BYTES_PER_MB = 1_000_000


class Highways:
    """Distances over motorways and trunk roads, with the ways to and from them.

    A way is the least of 1.3 x air to a node + 1.06 x graph + 1.3 x air from a node,
    over the nodes of both ends; up to 80 km over dry land it may be direct. Metres are
    whole. No road leads between two components of the graph, to a point more than 100
    km from any node, or out of an island that is known to have none.

    Measured on 244 posted loads of 50 miles and more that nothing was set on: see
    `bench/roads.py` and `docs/adr/0043-roads-as-data.md`.
    """

    source: str = "highways"

    def __init__(self, graph: Graph, water: Water, *, cache_mb: int) -> None:
        self.version = f"{MODEL}-{graph.version}-{water.version}"
        self._graph = graph
        self._water = water
        self._snapper = Snapper(graph, water)
        self._searches = Searches(graph, cache_mb * BYTES_PER_MB)
        self._place = lru_cache(KEPT_PLACES)(self._place_of)

    @classmethod
    def read(cls, folder: Path = DATA, *, cache_mb: int) -> Self:
        """Return the roads of the files in `folder`.

        Raises: RoadsUnusable.
        """
        graph, water = read_graph(folder / HIGHWAYS), read_water(folder / WATER)
        return cls(graph, water, cache_mb=cache_mb)

    def places(self, points: Sequence[Point]) -> Places:
        """Return the points with the nodes they reach."""
        return self._snapper.places(
            np.array([point.lat for point in points], np.float64),
            np.array([point.lon for point in points], np.float64),
        )

    def ways_from(self, start: Point, ends: Places, limit_m: float = inf) -> Ways:
        """Return the ways from `start` to each of `ends`; kept for the next call."""
        place = self._place(start)
        if not 0 < len(ends) <= FEW or self._searches.is_kept(place, limit_m):
            return self._ways(place, ends, limit_m)
        each = [
            self._way(place, ends.take(np.array([row])), limit_m)
            for row in range(len(ends))
        ]
        columns = zip(*((w.metres, w.access_m, w.has_road) for w in each), strict=True)
        return Ways(*map(np.concatenate, columns))

    def way(self, a: Point, b: Point) -> Way:
        """Return the way from `a` to `b`: the same as `ways_from`, to the last bit."""
        ways = self._way(self._place(a), self._place(b), inf)
        return Way(float(ways.metres[0]), float(ways.access_m[0]))

    def distance_m(self, a: Point, b: Point) -> float:
        """Return the metres of `way`."""
        return self.way(a, b).metres

    def line(self, a: Point, b: Point) -> tuple[Point, ...] | None:
        """Return the way on the map: straight from node to node, and to both ends."""
        way = self.way(a, b)
        if np.isinf(way.metres):
            return None
        start, end = self._place(a), self._place(b)
        nodes = nodes_between(self._searches, start, end, way)
        if nodes is None:
            return a, b
        lat, lon = self._graph.places_of(np.array(nodes))
        passed = map(Point, lat.tolist(), lon.tolist())
        return a, *passed, b

    def _place_of(self, point: Point) -> Places:
        return self.places([point])

    def _way(self, start: Places, end: Places, limit_m: float) -> Ways:
        """Return the one way, searched no farther than seems enough. It costs the same
        there and back, so the search begins at an end from where one is kept."""
        likely_m = 1.3 * float(_air_m(start, end)[0]) + 20_000
        limits_m = [limit for limit in LIMITS_M if likely_m <= limit < limit_m]
        limits_m.append(limit_m)
        if self._searches.is_kept(end, limits_m[0]):
            start, end = end, start
        for limit in limits_m:
            ways = self._ways(start, end, limit)
            if np.isfinite(ways.metres[0]) or not ways.has_road[0]:
                break
        return ways

    def _ways(self, start: Places, ends: Places, limit_m: float) -> Ways:
        component = start.component[0]
        has_road = (ends.component == component) & (component >= 0)
        cost = np.full(len(ends), inf)
        if has_road.any():
            costs = self._searches.costs(start, limit_m)
            for nodes, access in zip(ends.nodes.T, ends.access.T, strict=True):
                np.minimum(cost, costs[nodes] + access_cost(access), out=cost)
            cost[~has_road] = inf
        metres, access_m = ways_of(cost)
        self._shorten(start, ends, has_road, metres, access_m)
        is_here = (ends.lat == start.lat[0]) & (ends.lon == start.lon[0])
        metres[is_here] = access_m[is_here] = 0.0
        beyond = metres > limit_m
        metres[beyond], access_m[beyond] = inf, 0.0
        return Ways(metres, access_m, has_road | is_here)

    def _shorten(
        self,
        start: Places,
        ends: Places,
        has_road: NDArray[np.bool_],
        metres: Floats,
        access_m: Floats,
    ) -> None:
        """Put in the direct ways that are shorter; all of one is off the highways."""
        near = np.flatnonzero(has_road & _is_near(start, ends))
        near_ends = ends.take(near)
        air_m = _air_m(start, near_ends)
        direct_m = np.minimum(
            DIRECT_NEAR * air_m, np.ceil(DIRECT * air_m) + DIRECT_MORE_M
        )
        shorter = (air_m < DIRECT_REACH_M) & (direct_m < metres[near])
        near, near_ends = near[shorter], near_ends.take(shorter)
        air_m, direct_m = air_m[shorter], direct_m[shorter]
        dry = self._water.is_dry(
            np.repeat(start.lat, len(near)),
            np.repeat(start.lon, len(near)),
            near_ends.lat,
            near_ends.lon,
            air_m=air_m,
            wet_m=WET_M,
        )
        metres[near[dry]] = access_m[near[dry]] = direct_m[dry]


def _air_m(start: Places, ends: Places) -> Floats:
    return great_circle_m(start.lat[0], start.lon[0], ends.lat, ends.lon)


def _is_near(start: Places, ends: Places) -> NDArray[np.bool_]:
    """Leave out most ends that are beyond the reach of a direct way, and no other."""
    degrees = DIRECT_REACH_M / METRES_PER_DEGREE
    farthest_north = min(abs(float(start.lat[0])) + degrees, 89.0)
    wide = degrees / cos(radians(farthest_north))
    return np.asarray(
        (np.abs(ends.lat - start.lat[0]) <= degrees)
        & (np.abs(ends.lon - start.lon[0]) <= wide)
    )
