"""Boxes of latitude and longitude: what an index can search."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import asin, cos, degrees, radians, sin

from geo.distance import EARTH_RADIUS_M
from geo.points import Point

MARGIN_RAD = 1e-7
"""A shape is made this much larger before its box is taken: 0.64 m, more than the
rounding error of any formula here."""


@dataclass(frozen=True, slots=True)
class Box:
    """A range of latitudes and one of longitudes, degrees; never west > east."""

    south: float
    west: float
    north: float
    east: float

    def contains(self, point: Point) -> bool:
        """Say whether `point` is in the box; the edge counts as inside."""
        return (
            self.south <= point.lat <= self.north
            and self.west <= point.lon <= self.east
        )


def boxes_around(point: Point, radius_m: float) -> list[Box]:
    """Return boxes that contain every point within `radius_m` of `point`.

    One box, or two side by side where the circle crosses the antimeridian. A
    circle that reaches a pole spans all longitudes.

    Source: Bronstein & Semendjajew, "Handbook of Mathematics", 3.1.4 (a meridian
    touches the circle at sin(dlon) = sin(radius) / cos(lat)).
    """
    radius = radius_m / EARTH_RADIUS_M + MARGIN_RAD
    lat, lon = radians(point.lat), point.lon
    south, north = lat - radius, lat + radius
    if degrees(south) <= -90 or degrees(north) >= 90:
        return cut_boxes(degrees(south), -180, degrees(north), 180)
    aside = degrees(asin(min(1.0, sin(radius) / cos(lat))))
    return cut_boxes(degrees(south), lon - aside, degrees(north), lon + aside)


def cut_boxes(south: float, west: float, north: float, east: float) -> list[Box]:
    """Return the boxes of a range that may cross the poles or the antimeridian.

    west, east: -540 to 540, in this order. A range that touches the antimeridian
        gets its far side too, because +180 and -180 are one meridian.
    """
    south, north = max(south, -90.0), min(north, 90.0)
    if east - west >= 360 or (west <= -180 and east >= 180):
        return [Box(south, -180.0, north, 180.0)]
    if west <= -180:
        return cut_boxes(south, west + 360, north, east + 360)
    if east >= 180:
        if west > 180:
            return cut_boxes(south, west - 360, north, east - 360)
        return [Box(south, west, north, 180.0), Box(south, -180.0, north, east - 360)]
    return [Box(south, west, north, east)]


def common_boxes(these: Iterable[Box], those: Iterable[Box]) -> list[Box]:
    """Return boxes of every point that is in a box of `these` and a box of `those`."""
    others = list(those)
    shared = (
        Box(
            max(a.south, b.south),
            max(a.west, b.west),
            min(a.north, b.north),
            min(a.east, b.east),
        )
        for a in these
        for b in others
    )
    return [box for box in shared if box.south <= box.north and box.west <= box.east]
