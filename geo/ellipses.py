"""The ellipse on the sphere: its axes and its outline."""

from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, pi, radians, sin, sqrt, tau
from typing import Self

from geo.distance import EARTH_RADIUS_M, haversine_m
from geo.points import Point

Vector = tuple[float, float, float]

MARGIN_RAD = 1e-7
"""The ellipse is made this much longer at each end: 0.64 m, more than the rounding
error of any formula here."""


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
