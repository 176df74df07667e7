"""Reading a drawn area: from GeoJSON to a valid shape, or a sentence on its fault."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import shapely
from shapely import MultiPolygon, Polygon

from geo.outlines import Shape

MAX_VERTICES = 500
"""The most for one drawing, all rings together. What people draw has fewer than 100."""

Position = tuple[float, float]


class InvalidFence(ValueError):
    """Not an area. The message is a sentence for the member who drew it."""


def read_shape(drawing: object) -> Shape:
    """Return the shape of a GeoJSON Polygon or MultiPolygon.

    Positions are [longitude, latitude], a third number (height) is ignored, and
    sides are straight lines on the map. Rings are turned right-handed.

    Raises: InvalidFence, with what is wrong and where.
    Source: RFC 7946, sections 3.1.6, 3.1.7 and 3.1.9.
    """
    polygons = [[_ring(r) for r in rings] for rings in _ring_lists(drawing)]
    parts = [Polygon(rings[0], rings[1:]) for rings in polygons]
    shape = parts[0] if len(parts) == 1 else MultiPolygon(parts)
    if not shape.is_valid:
        raise InvalidFence(_why_not_simple(shape))
    return shapely.orient_polygons(shape)


def _ring_lists(drawing: object) -> list[Sequence[Sequence[object]]]:
    """Return the rings of each polygon, after counting them."""
    if not isinstance(drawing, Mapping):
        raise InvalidFence("An area must be a GeoJSON object.")
    kind, coordinates = drawing.get("type"), drawing.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise InvalidFence("An area must be a Polygon or a MultiPolygon.")
    polygons = _list(coordinates) if kind == "MultiPolygon" else [coordinates]
    ring_lists = [[_list(ring) for ring in _list(p)] for p in polygons]
    if not ring_lists or not all(ring_lists):
        raise InvalidFence("The area is empty: it needs at least one ring.")
    vertices = sum(max(len(ring) - 1, 1) for rings in ring_lists for ring in rings)
    if vertices > MAX_VERTICES:
        raise InvalidFence(
            f"The area has {vertices} vertices; at most {MAX_VERTICES} are allowed."
        )
    return list(ring_lists)


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise InvalidFence("The area's coordinates must be lists of positions.")
    return value


def _ring(raw: Sequence[object]) -> list[Position]:
    ring = [_position(p) for p in raw]
    if len(ring) < 4:
        raise InvalidFence(
            "A ring needs at least three corners and the first one again at the end."
        )
    if ring[0] != ring[-1]:
        raise InvalidFence(
            "A ring is not closed: its last position must repeat its first."
        )
    if any(abs(a[0] - b[0]) > 180 for a, b in pairwise(ring)):
        raise InvalidFence(
            "The area crosses the antimeridian: cut it there into two polygons."
        )
    return ring


def _position(raw: object) -> Position:
    position = _list(raw)
    if len(position) not in (2, 3):
        raise InvalidFence("A position must be [longitude, latitude].")
    return _degrees("Longitude", position[0], 180), _degrees(
        "Latitude", position[1], 90
    )


def _degrees(name: str, value: object, limit: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise InvalidFence(f"{name} must be a number.")
    if not -limit <= value <= limit:
        # An integer of 400 digits cannot be printed as a float.
        shown = f" {value:.6g}" if isinstance(value, float) else ""
        raise InvalidFence(
            f"{name}{shown} is not within +-{limit}. "
            "A position is [longitude, latitude]."
        )
    return float(value)


def _why_not_simple(shape: Shape) -> str:
    """Return GEOS's reason, "Self-intersection[-96.8 32.8]", as a sentence."""
    reason, _, place = shapely.is_valid_reason(shape).rstrip("]").partition("[")
    return (
        f"The area's outline is not simple: {reason.lower()} "
        f"at longitude and latitude {place}."
    )
