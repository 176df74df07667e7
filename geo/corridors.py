"""Corridors: the places where a stop makes a trip only a little longer."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from geo.distance import haversine_m
from geo.ellipses import Ellipse
from geo.fences import MAX_RADIUS_M, OUTLINE_VERTICES, InvalidFence
from geo.outlines import Shape, drawn, outline
from geo.points import Point

MAX_LENGTH_M = 2 * MAX_RADIUS_M


@dataclass(frozen=True, slots=True)
class Corridor:
    """All points x with d(start, x) + d(x, end) <= length_m, d by great circle.

    An ellipse with the foci `start` and `end`; a circle if they are equal. Raises
    InvalidFence if `length_m` is less than the distance between them, so that nothing
    is inside, or more than `MAX_LENGTH_M`.
    """

    start: Point
    end: Point
    length_m: float

    def __post_init__(self) -> None:
        if not isfinite(self.length_m) or self.length_m > MAX_LENGTH_M:
            raise InvalidFence(
                f"A corridor's length must be at most {MAX_LENGTH_M / 1000:.0f} km."
            )
        if self.length_m < haversine_m(self.start, self.end):
            raise InvalidFence(
                "The corridor is shorter than the distance between its ends."
            )

    def contains(self, point: Point) -> bool:
        """Say whether `point` is inside; exact by `haversine_m`."""
        return (
            haversine_m(self.start, point) + haversine_m(point, self.end)
            <= self.length_m
        )

    def shape(self) -> Shape:
        """Return the polygon of `OUTLINE_VERTICES` points of the edge."""
        ellipse = Ellipse.between(self.start, self.end, self.length_m)
        return outline(ellipse.outline(OUTLINE_VERTICES))

    def to_geojson(self) -> dict[str, Any]:
        """Return the corridor as a polygon to look at."""
        return drawn(self.shape())


def corridor_home(
    drop: Point, home: Point, road_m: float, max_detour_m: float
) -> Corridor:
    """Return the corridor that contains every stop within a detour of `max_detour_m`.

    Never loses a candidate: where road(drop, x) + road(x, home) - road_m is at most
    `max_detour_m`, x is inside, because no road is shorter than the great circle.
    Contains more than that, because roads are longer: test the detour afterwards.

    A longer one than `MAX_LENGTH_M` is cut: it contains all places with roads.

    road_m: by road from `drop` to `home`. An engine that snaps to its network may
        answer less than the great circle; then the great circle counts, as it does
        where no road leads home (infinity) and no detour is short enough anyway.
    """
    air_m = haversine_m(drop, home)
    way_m = max(road_m, air_m) if isfinite(road_m) else air_m
    # A micrometre for the rounding of the caller's own sums.
    length_m = way_m + max_detour_m + 1e-6
    return Corridor(drop, home, min(length_m, MAX_LENGTH_M))
