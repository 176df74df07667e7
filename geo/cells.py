"""Cells: the Earth in squares of one degree, each with a number."""

from collections.abc import Iterable
from math import asin, cos, floor, radians, sin

from geo.boxes import Box
from geo.distance import EARTH_RADIUS_M
from geo.points import Point

COLUMNS = 361
"""Cells in a row: from longitude -180 to 180, both edges of the map."""


def cell_of(point: Point) -> int:
    """Return the number of the cell that contains `point`.

    A cell contains its south and west edges.
    """
    return floor(point.lat) * COLUMNS + floor(point.lon)


def cells_of(boxes: Iterable[Box]) -> set[int]:
    """Return every cell that contains a point of the boxes."""
    return {
        lat * COLUMNS + lon
        for box in boxes
        for lat in range(floor(box.south), floor(box.north) + 1)
        for lon in range(floor(box.west), floor(box.east) + 1)
    }


def nearest_m(point: Point, cell: int) -> float:
    """Return a lower bound of the metres from `point` to any place in the cell.

    The way to a parallel is along the meridian, the way to a meridian at least the
    perpendicular to it; the way to a corner is longer than either.

    Source: Napier's rule for the right triangle, sin(a) = sin(A) sin(c) (Todhunter,
    "Spherical Trigonometry", 1886, art. 62).
    """
    south, west = _corner(cell)
    lat_deg = max(south - point.lat, point.lat - (south + 1), 0.0)
    away = (point.lon - west) % 360
    lon_deg = min(max(away - 1, 0.0), 360 - away) if away > 1 else 0.0
    aside = asin(sin(radians(min(lon_deg, 90.0))) * cos(radians(point.lat)))
    return EARTH_RADIUS_M * max(radians(lat_deg), aside)


def _corner(cell: int) -> tuple[int, int]:
    """Return the south and the west edge."""
    south = (cell + 180) // COLUMNS
    return south, cell - south * COLUMNS
