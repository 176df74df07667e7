"""Which nodes of the graph a point reaches, and how far they are."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.distance import EARTH_RADIUS_M
from geo.roads.graph import Graph
from geo.roads.places import ACCESS_STEP_M, NO_COMPONENT, NODES, Places
from geo.roads.water import Water
from geo.sphere import Floats, arc_m, unit_vectors

ACCESS = 1.3
"""Metres off the highways for a metre of great circle."""

REACH_M = 100_000.0
"""A point farther than this from every node has no road."""

FAR_M = 5_000.0
"""Beyond this the nearest node may lie across a strait, so water is looked at."""

WET_M = 1_500.0
"""A line with more water under it than this is no way over land."""

LOOKED_AT = 300
"""So many of the nearest nodes are looked at for one over dry land."""

SEA_M = 12_000.0
"""A point is at sea, or on an island without a highway, if more water than this lies
before each of these nodes. Ferries of 14 km and more are beyond it (Vinalhaven), bays
with a causeway are not (Grand Isle 5 km, Saint George Island 9 km)."""

FARTHER, FARTHER_M = 3.0, 6_000.0
"""A node is kept up to 3 times the distance of the nearest and 6 km: one farther may
lie across a bay (Kingston WA, a node at Edmonds)."""


class Snapper:
    """Finds the nodes of points. The same point always has the same nodes."""

    def __init__(self, graph: Graph, water: Water) -> None:
        self._graph = graph
        self._tree = cKDTree(unit_vectors(*graph.places_of(slice(None))))
        self._water = water
        island = graph.island.astype(np.float64)
        self._discs = unit_vectors(island[:, 0] / 1e4, island[:, 1] / 1e4)
        self._cosines = np.cos(island[:, 2] / EARTH_RADIUS_M)

    def places(self, lat: Floats, lon: Floats) -> Places:
        """Return the points with their nodes, nearest first."""
        points = unit_vectors(lat, lon)
        chord, nodes = self._tree.query(points, k=NODES)
        air_m = arc_m(chord)
        at_sea = [
            row
            for row in self._across_water(lat, lon, nodes, air_m)
            if not self._keep_dry(lat, lon, points, nodes, air_m, row)
        ]
        nearest_m = air_m[:, :1]
        component = self._graph.component[nodes].astype(np.int16)
        own = component[:, 0].copy()
        own[(nearest_m[:, 0] > REACH_M) | self._is_on_island(points)] = NO_COMPONENT
        own[at_sea] = NO_COMPONENT
        kept = (component == component[:, :1]) & (
            air_m <= FARTHER * nearest_m + FARTHER_M
        )
        # A node that is not kept is replaced by the nearest, which changes no way.
        nodes = np.where(kept, nodes, nodes[:, :1]).astype(np.int32)
        air_m = np.minimum(np.where(kept, air_m, nearest_m), REACH_M)
        access = np.ceil(ACCESS * air_m / ACCESS_STEP_M).astype(np.uint16)
        return Places(lat, lon, own, nodes, access)

    def _across_water(
        self, lat: Floats, lon: Floats, nodes: NDArray[np.int64], air_m: Floats
    ) -> NDArray[np.int64]:
        """Return the rows that are far from a node and have water before one."""
        far = np.flatnonzero((air_m[:, 0] > FAR_M) & (air_m[:, 0] <= REACH_M))
        dry = self._is_dry(
            np.repeat(lat[far], NODES),
            np.repeat(lon[far], NODES),
            nodes[far].ravel(),
            air_m[far].ravel(),
        )
        return far[~dry.reshape(-1, NODES).all(1)]

    def _keep_dry(
        self,
        lat: Floats,
        lon: Floats,
        points: Floats,
        nodes: NDArray[np.int64],
        air_m: Floats,
        row: int,
    ) -> bool:
        """Put the nearest nodes over dry land into the row, if there are any.

        Returns whether the point is on land that a road may reach.
        """
        chord, near = self._tree.query(points[row], k=LOOKED_AT)
        near_m = arc_m(chord)
        here = np.full(len(near), row)
        lines = lat[here], lon[here], near, near_m
        dry = np.flatnonzero(self._is_dry(*lines))[:NODES]
        if not len(dry):
            return bool(self._is_dry(*lines, wet_m=SEA_M).any())
        nodes[row], air_m[row] = near[dry[0]], np.inf
        nodes[row, : len(dry)] = near[dry]
        air_m[row, : len(dry)] = near_m[dry]
        return True

    def _is_dry(
        self,
        lat: Floats,
        lon: Floats,
        nodes: NDArray[np.int64],
        air_m: Floats,
        *,
        wet_m: float = WET_M,
    ) -> NDArray[np.bool_]:
        to_lat, to_lon = self._graph.places_of(nodes)
        return self._water.is_dry(lat, lon, to_lat, to_lon, air_m=air_m, wet_m=wet_m)

    def _is_on_island(self, points: Floats) -> NDArray[np.bool_]:
        on_discs = points @ self._discs.T > self._cosines
        return np.asarray(on_discs.any(axis=-1))
