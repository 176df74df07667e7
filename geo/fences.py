"""Areas on the Earth that a truck can be in or out of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self

import shapely

from geo.distance import destination, haversine_m
from geo.drawings import InvalidFence, read_shape
from geo.outlines import Shape, drawn, exact, outline
from geo.points import Point

__all__ = [
    "CircleFence",
    "Crossing",
    "Fence",
    "InvalidFence",
    "PolygonFence",
    "crossing",
]

MIN_RADIUS_M = 1.0
MAX_RADIUS_M = 7_500_000.0
"""A wider circle is near half the Earth: a map no longer shows which side is inside."""

OUTLINE_VERTICES = 96
"""For a curve on a map; a polygon of 96 sides lies within 0.06 % of its circle."""


class Fence(Protocol):
    """An area of the Earth. The edge counts as inside."""

    def contains(self, point: Point) -> bool: ...

    def to_geojson(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class CircleFence:
    """All points within `radius_m` of `center`. Raises InvalidFence."""

    center: Point
    radius_m: float

    def __post_init__(self) -> None:
        if not MIN_RADIUS_M <= self.radius_m <= MAX_RADIUS_M:
            raise InvalidFence(
                f"A circle's radius must be between {MIN_RADIUS_M:.0f} m and "
                f"{MAX_RADIUS_M / 1000:.0f} km."
            )

    def contains(self, point: Point) -> bool:
        """Say whether `point` is inside; exact by `haversine_m`."""
        return haversine_m(self.center, point) <= self.radius_m

    def shape(self) -> Shape:
        """Return the polygon of `OUTLINE_VERTICES` points of the edge."""
        bearings = (-360 * i / OUTLINE_VERTICES for i in range(OUTLINE_VERTICES))
        return outline([destination(self.center, b, self.radius_m) for b in bearings])

    def to_geojson(self) -> dict[str, Any]:
        """Return the circle as a polygon to look at."""
        return drawn(self.shape())


@dataclass(frozen=True, slots=True)
class PolygonFence:
    """A drawn area, with holes or in several parts. Made by `from_geojson`."""

    shape: Shape

    @classmethod
    def from_geojson(cls, drawing: object) -> Self:
        """Read a GeoJSON Polygon or MultiPolygon of [longitude, latitude].

        Raises: InvalidFence, with a sentence for the member who drew it.
        """
        shape = read_shape(drawing)
        shapely.prepare(shape)
        return cls(shape)

    @property
    def vertices(self) -> int:
        """How many positions its rings have, each ring's first one twice."""
        return int(shapely.get_num_coordinates(self.shape))

    @property
    def southmost(self) -> float:
        """Its lowest latitude."""
        return float(self.shape.bounds[1])

    def contains(self, point: Point) -> bool:
        """Say whether `point` is inside; holes are outside, every edge is inside."""
        return bool(shapely.intersects_xy(self.shape, point.lon, point.lat))

    def to_geojson(self) -> dict[str, Any]:
        """Return the area as it was drawn, to the last digit, rings right-handed."""
        return exact(self.shape)


class Crossing(StrEnum):
    """What happened between two consecutive positions."""

    STAYED_OUT = "stayed_out"
    ENTERED = "entered"
    STAYED_IN = "stayed_in"
    LEFT = "left"


def crossing(fence: Fence, before: Point | None, after: Point) -> Crossing:
    """Compare two consecutive positions with `fence`.

    A first report (`before` is None) inside the fence counts as ENTERED. A truck
    that drove through between two reports is STAYED_OUT: sampling cannot see it.
    """
    was_in = before is not None and fence.contains(before)
    is_in = fence.contains(after)
    if is_in:
        return Crossing.STAYED_IN if was_in else Crossing.ENTERED
    return Crossing.LEFT if was_in else Crossing.STAYED_OUT
