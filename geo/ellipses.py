"""The ellipse on the sphere: its axes, its outline and its bounds."""

from dataclasses import dataclass
from math import acos, asin, atan2, cos, degrees, hypot, pi, radians, sin, sqrt, tau
from typing import Self

from geo.boxes import MARGIN_RAD, Box, cut_boxes
from geo.distance import EARTH_RADIUS_M, haversine_m
from geo.points import Point

Vector = tuple[float, float, float]

BOUND_STEPS = 128
"""The number of outline points at which `boxes` reads the latitude."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """All x with d(start, x) + d(x, end) <= length, for a length under half the Earth.

    Seen from the Earth's centre it is a cone. With the axes `along` the foci, `across`
    them and through the `middle` between them, it contains the directions (x, y, z)
    with

        x² / tan²a + y² / tan²b <= z²,  z > 0

    where a = length / 2, cos b = cos a / cos c, and 2c is the angle between the foci.
    The fields `long` and `short` are tan a and tan b.

    Source: Salmon, "A Treatise on the Analytic Geometry of Three Dimensions", ch. X
    (sphero-conics); b is the leg of the right triangle with hypotenuse a and leg c.
    """

    along: Vector
    across: Vector
    middle: Vector
    long: float
    short: float

    @classmethod
    def between(cls, start: Point, end: Point, length_m: float) -> Self:
        """Return the ellipse with the foci `start` and `end`.

        It is `MARGIN_RAD` longer at each end, so that it contains every point that
        `haversine_m` counts as inside in spite of rounding.
        """
        s, e = _vector(start), _vector(end)
        middle = _unit((s[0] + e[0], s[1] + e[1], s[2] + e[2]))
        across = _cross(middle, (e[0] - s[0], e[1] - s[1], e[2] - s[2]))
        if _dot(across, across) < 1e-24:  # one focus: any direction is an axis
            lon = atan2(middle[1], middle[0])
            across = (-sin(lon), cos(lon), 0.0)
        across = _unit(across)
        c = haversine_m(start, end) / EARTH_RADIUS_M / 2
        a = length_m / EARTH_RADIUS_M / 2 + MARGIN_RAD
        return cls(
            along=_cross(across, middle),
            across=across,
            middle=middle,
            long=sin(a) / cos(a),
            short=sqrt(sin(a - c) * sin(a + c)) / cos(a),
        )

    def outline(self, count: int) -> list[Point]:
        """Return `count` points of the edge, counterclockwise seen from above."""
        return [_point(v) for v in self._edge(count)]

    def boxes(self) -> list[Box]:
        """Return boxes that contain the ellipse.

        West and east are exact: the two meridian planes that touch the cone. South
        and north are the extremes of `BOUND_STEPS` points of the edge, moved outward
        by the most that the edge can rise between two of them. For the edge u(t),
        |u'| <= long and |u''| <= long + 2 long² (the cone's generator is never shorter
        than 1), so between two samples h apart the sine of the latitude rises at most
        (long + 2 long²) h² / 8 above the higher one. Measured: 0.2 km from Dallas to
        Chicago, 2 km from coast to coast.
        """
        heights = [v[2] for v in self._edge(BOUND_STEPS)]
        slack = (self.long + 2 * self.long**2) * (tau / BOUND_STEPS) ** 2 / 8
        south = degrees(asin(max(-1.0, min(heights) - slack)))
        north = degrees(asin(min(1.0, max(heights) + slack)))
        sides = self._sides_deg()
        if sides is None:
            if self.middle[2] > 0:
                return cut_boxes(south, -180, 90, 180)
            return cut_boxes(-90, -180, north, 180)
        return cut_boxes(south, sides[0], north, sides[1])

    def _sides_deg(self) -> tuple[float, float] | None:
        """Return west and east, or None if a pole is inside.

        The plane of the meridian l east of the middle, with the normal
        n = -sin(l) out + cos(l) east, meets the cone where
        q(l) = long² n.along² + short² n.across² - n.middle² >= 0, and
        q(l) = mean + swing cos(2 l + phase).
        """
        x, y, _ = self.middle
        lon = atan2(y, x)
        out, east = (cos(lon), sin(lon), 0.0), (-sin(lon), cos(lon), 0.0)
        along = self.long * _dot(self.along, east), self.long * _dot(self.along, out)
        across = (
            self.short * _dot(self.across, east),
            self.short * _dot(self.across, out),
        )
        at_zero = along[0] ** 2 + across[0] ** 2
        at_right = along[1] ** 2 + across[1] ** 2 - (x * x + y * y)
        mixed = along[0] * along[1] + across[0] * across[1]
        mean, half = (at_zero + at_right) / 2, (at_zero - at_right) / 2
        swing = hypot(half, mixed)
        if mean >= swing:
            return None
        phase, reach = atan2(mixed, half), acos(max(-1.0, min(1.0, -mean / swing)))
        return (
            degrees(lon + (-reach - phase) / 2),
            degrees(lon + (reach - phase) / 2),
        )

    def _edge(self, count: int) -> list[Vector]:
        edge = []
        for i in range(count):
            x, y = self.long * cos(tau * i / count), self.short * sin(tau * i / count)
            p, q, m = self.along, self.across, self.middle
            edge.append(
                _unit(
                    (
                        x * p[0] + y * q[0] + m[0],
                        x * p[1] + y * q[1] + m[1],
                        x * p[2] + y * q[2] + m[2],
                    )
                )
            )
        return edge


def _vector(point: Point) -> Vector:
    lat, lon = radians(point.lat), radians(point.lon)
    return cos(lat) * cos(lon), cos(lat) * sin(lon), sin(lat)


def _point(v: Vector) -> Point:
    lon = max(-pi, min(pi, atan2(v[1], v[0])))
    return Point(lat=degrees(atan2(v[2], hypot(v[0], v[1]))), lon=degrees(lon))


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _unit(v: Vector) -> Vector:
    length = sqrt(_dot(v, v))
    return v[0] / length, v[1] / length, v[2] / length
