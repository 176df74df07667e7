"""What the rest of the house knows of roads: places, ways between them, the port."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from geo.points import Point

NODES = 4
"""Nodes of the road graph that a place keeps, nearest first."""

ACCESS_STEP_M = 2
"""Access metres are kept as multiples of this, so that 16 bits reach 131 km."""

NO_COMPONENT = -1
"""The component of a place that no road reaches."""

_ROW = np.dtype(
    [
        ("component", "<i2"),
        ("nodes", "<i4", (NODES,)),
        ("access", "<u2", (NODES,)),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Points as the roads see them: columns of one length, one row a point.

    lat, lon: degrees, float64.
    component: the part of the road network that reaches the point, int16;
        NO_COMPONENT where none does. Two points are joined by road if theirs are equal.
    nodes, access: of NODES columns, for the roads that made them: numbers of nodes, and
        the way there in steps of ACCESS_STEP_M.
    """

    WIDTH = _ROW.itemsize

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    component: NDArray[np.int16]
    nodes: NDArray[np.int32]
    access: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.lat)

    def take(self, rows: NDArray[Any]) -> Self:
        """Return the places of these row numbers, or of this mask, in that order."""
        return type(self)(
            self.lat[rows],
            self.lon[rows],
            self.component[rows],
            self.nodes[rows],
            self.access[rows],
        )

    def to_bytes(self) -> list[bytes]:
        """Return one record of WIDTH bytes a place, without its coordinates."""
        rows = np.empty(len(self), _ROW)
        rows["component"] = self.component
        rows["nodes"], rows["access"] = self.nodes, self.access
        return [row.tobytes() for row in rows]

    @classmethod
    def of_bytes(
        cls,
        buffer: bytes | bytearray | memoryview | NDArray[Any],
        lat: NDArray[np.float64],
        lon: NDArray[np.float64],
    ) -> Self:
        """Return the places from the records of `to_bytes`, one after the other.

        Raises: ValueError if there are not as many records as coordinates.
        """
        rows = np.frombuffer(buffer, _ROW)
        if not len(rows) == len(lat) == len(lon):
            raise ValueError(f"{len(rows)} records for {len(lat)} places.")
        return cls(
            np.asarray(lat, np.float64),
            np.asarray(lon, np.float64),
            rows["component"].astype(np.int16),
            rows["nodes"].astype(np.int32),
            rows["access"].astype(np.uint16),
        )


class Ways(NamedTuple):
    """Ways by road from one start: columns of one length, one row an end.

    metres: infinity where no road leads, and beyond the limit.
    access_m: the part of `metres` that is off the highways; 0 where they are infinite.
    has_road: whether a road leads there; true also beyond the limit.
    """

    metres: NDArray[np.float64]
    access_m: NDArray[np.float64]
    has_road: NDArray[np.bool_]


class Way(NamedTuple):
    """One way by road: metres, infinite where no road leads, and those of them that are
    off the highways."""

    metres: float
    access_m: float


class Roads(Protocol):
    """Distances by road. What one method says of a pair, every other one says too.

    A way is as long there as back, to the last bit; zero if the points are equal; never
    shorter than the great circle. It is no true metric: a way over a third place
    can come out a little shorter than the direct one.

    source: where a distance comes from: "highways" or "estimated".
    version: of the data and the model. A kept place is for this version only.
    """

    source: str
    version: str

    def places(self, points: Sequence[Point]) -> Places:
        """Return the points as these roads see them, in their order."""
        ...

    def ways_from(self, start: Point, ends: Places, limit_m: float = inf) -> Ways:
        """Return the ways from `start` to each of `ends`.

        limit_m: longer ways are given as infinite. A limit makes the search quicker.
        """
        ...

    def way(self, a: Point, b: Point) -> Way:
        """Return the way from `a` to `b`; infinite metres if no road leads there."""
        ...

    def distance_m(self, a: Point, b: Point) -> float:
        """Return the metres of `way`."""
        ...

    def line(self, a: Point, b: Point) -> tuple[Point, ...] | None:
        """Return the way on the map, from `a` to `b`; None if no road leads there."""
        ...
