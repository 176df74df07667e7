"""The search area: where a load home may be picked up and where it may be delivered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.corridors import Corridor
from geo.distance import ROUGH_M, distances_m, roughly_m
from geo.fences import CircleFence, InvalidFence, PolygonFence
from geo.outlines import DECIMALS, Shape, drawn, solid, untangled
from geo.points import Point

Degrees = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_DRAWN_VERTICES = 2_000
"""The most for all drawn areas of one search together: every candidate is tested
against each of them."""


class AreaReason(StrEnum):
    """Why a load is not in the area. The order is the order of the tests."""

    OUTSIDE_CIRCLE = "outside_circle"
    OUTSIDE_CORRIDOR = "outside_corridor"
    OUTSIDE_OPERATING_AREA = "outside_operating_area"
    IN_NO_GO_AREA = "in_no_go_area"


@dataclass(frozen=True, slots=True)
class SearchArea:
    """Where a load between a drop (`corridor.start`) and home (`corridor.end`) may lie.

    circle: how far a pickup may be from the drop.
    corridor: which places are on the way; pickups and deliveries must be inside.
    operating: where the carrier drives, all drawn areas together; if none is drawn,
        everywhere.
    no_go: where the carrier does not drive.

    Raises InvalidFence if the drawn areas have more than `MAX_DRAWN_VERTICES`.
    """

    circle: CircleFence
    corridor: Corridor
    operating: tuple[PolygonFence, ...] = ()
    no_go: tuple[PolygonFence, ...] = ()

    def __post_init__(self) -> None:
        shapes = [fence.shape for fence in (*self.operating, *self.no_go)]
        vertices = int(shapely.get_num_coordinates(shapes).sum()) if shapes else 0
        if vertices > MAX_DRAWN_VERTICES:
            raise InvalidFence(
                f"The drawn areas have {vertices} vertices together; "
                f"at most {MAX_DRAWN_VERTICES} are allowed."
            )

    def beyond_circle(self, lat: Degrees, lon: Degrees) -> Mask:
        """Say which of these pickups are outside the circle."""
        return distances_m(self.circle.center, lat, lon) > self.circle.radius_m

    def refused(self, lat: Degrees, lon: Degrees) -> dict[AreaReason, Mask]:
        """Say which of these stops are refused, by reason.

        A stop must be in the corridor, in an operating area if any is drawn, and in no
        no-go area. An edge counts as inside, so the edge of a no-go area is forbidden.
        The circle is not asked.
        """
        outside = np.zeros(len(lat), "?")
        if self.operating:
            outside = ~_in_any(self.operating, lat, lon)
        return {
            AreaReason.OUTSIDE_CORRIDOR: _outside(self.corridor, lat, lon),
            AreaReason.OUTSIDE_OPERATING_AREA: outside,
            AreaReason.IN_NO_GO_AREA: _in_any(self.no_go, lat, lon),
        }

    def to_geojson(self) -> dict[str, Any]:
        """Return a FeatureCollection for a map; `properties.role` names each feature.

        drop, home, circle, corridor, operating and no_go (one for each drawn area),
        then pickup_area and delivery_area: what remains of them together. Those two
        are coarser if the drawings cross more than `outlines.MAX_CROSSINGS` times.
        """
        circle, corridor = self.circle.shape(), self.corridor.shape()
        delivery = self._allowed(corridor)
        pickup = solid(shapely.intersection(circle, delivery))
        return {
            "type": "FeatureCollection",
            "features": [
                _feature("drop", _position(self.corridor.start)),
                _feature("home", _position(self.corridor.end)),
                _feature("circle", drawn(circle)),
                _feature("corridor", drawn(corridor)),
                *(_feature("operating", drawn(f.shape)) for f in self.operating),
                *(_feature("no_go", drawn(f.shape)) for f in self.no_go),
                _feature("pickup_area", drawn(pickup)),
                _feature("delivery_area", drawn(delivery)),
            ],
        }

    def to_record(self) -> dict[str, Any]:
        """Return JSON from which `from_record` makes an equal area."""
        return {
            "circle": {
                "center": _degrees(self.circle.center),
                "radius_m": self.circle.radius_m,
            },
            "corridor": {
                "start": _degrees(self.corridor.start),
                "end": _degrees(self.corridor.end),
                "length_m": self.corridor.length_m,
            },
            "operating": [fence.to_geojson() for fence in self.operating],
            "no_go": [fence.to_geojson() for fence in self.no_go],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the area from a record that `to_record` made."""
        circle, corridor = record["circle"], record["corridor"]
        return cls(
            CircleFence(Point(**circle["center"]), circle["radius_m"]),
            Corridor(
                Point(**corridor["start"]),
                Point(**corridor["end"]),
                corridor["length_m"],
            ),
            tuple(PolygonFence.from_geojson(d) for d in record["operating"]),
            tuple(PolygonFence.from_geojson(d) for d in record["no_go"]),
        )

    def _allowed(self, shape: Shape) -> Shape:
        """Return the part of `shape` in the operating areas and in no no-go area."""
        drawings = untangled([f.shape for f in (*self.operating, *self.no_go)])
        operating = drawings[: len(self.operating)]
        no_go = drawings[len(self.operating) :]
        if operating:
            shape = solid(shapely.intersection(shape, shapely.union_all(operating)))
        return solid(shapely.difference(shape, shapely.union_all(no_go)))


def forbidden(
    operating: tuple[PolygonFence, ...],
    no_go: tuple[PolygonFence, ...],
    stops: Sequence[Point],
) -> AreaReason | None:
    """Return why the drawn areas forbid one of these stops; None if they do not."""
    lat = np.array([stop.lat for stop in stops])
    lon = np.array([stop.lon for stop in stops])
    if operating and not _in_any(operating, lat, lon).all():
        return AreaReason.OUTSIDE_OPERATING_AREA
    if _in_any(no_go, lat, lon).any():
        return AreaReason.IN_NO_GO_AREA
    return None


def _outside(corridor: Corridor, lat: Degrees, lon: Degrees) -> Mask:
    """Say which places are outside the corridor: first roughly, then exactly near its
    edge. No corridor is longer than the 15,000 km up to which `roughly_m` is right."""
    rough = lat.astype("f4"), lon.astype("f4")
    way_m = roughly_m(corridor.start, *rough) + roughly_m(corridor.end, *rough)
    outside = way_m > corridor.length_m
    edge = np.flatnonzero(np.abs(way_m - corridor.length_m) <= 2 * ROUGH_M)
    way_m = distances_m(corridor.start, lat[edge], lon[edge])
    way_m += distances_m(corridor.end, lat[edge], lon[edge])
    outside[edge] = way_m > corridor.length_m
    return np.asarray(outside)


def _in_any(fences: tuple[PolygonFence, ...], lat: Degrees, lon: Degrees) -> Mask:
    inside = np.zeros(len(lat), "?")
    for fence in fences:
        inside |= shapely.intersects_xy(fence.shape, lon, lat)
    return inside


def _degrees(point: Point) -> dict[str, float]:
    return {"lat": point.lat, "lon": point.lon}


def _position(point: Point) -> dict[str, Any]:
    position = [round(point.lon, DECIMALS), round(point.lat, DECIMALS)]
    return {"type": "Point", "coordinates": position}


def _feature(role: str, geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"role": role}, "geometry": geometry}
