"""Rings on the sphere as shapes on a map: RFC 7946 GeoJSON, cut at the antimeridian."""

from collections.abc import Sequence
from math import remainder
from typing import Any

import numpy as np
import shapely
from shapely import LinearRing, MultiPolygon, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from geo.points import Point

Shape = Polygon | MultiPolygon

DECIMALS = 6
"""Decimals of a drawn coordinate in degrees: 0.11 m. Source: RFC 7946, section 11.2."""

MAX_CROSSINGS = 1_000
"""The most crossings between edges of shapes to be joined. Two combs of 1,000 teeth
cross a million times and take a minute to join; areas that people draw cross about ten
times.
"""


def outline(ring: Sequence[Point]) -> Shape:
    """Return the shape on the map that lies inside `ring`.

    ring: counterclockwise, not closed, shorter than half the Earth around; it may
        cross the antimeridian or go around a pole. The sides are straight on the map.
    """
    lons = [ring[0].lon]
    for point in (*ring[1:], ring[0]):
        lons.append(lons[-1] + remainder(point.lon - lons[-1], 360))
    positions = list(zip(lons, [p.lat for p in (*ring, ring[0])], strict=True))
    turn = lons[-1] - lons[0]
    if abs(turn) > 180:
        # Counterclockwise is eastward around the north pole, westward around the south.
        pole = 90.0 if turn > 0 else -90.0
        positions += [(lons[-1], pole), (lons[0], pole)]
    # A ring through the pole itself may touch itself there.
    flat = shapely.make_valid(Polygon(positions))
    worlds = (
        translate(
            shapely.intersection(flat, shapely.box(shift - 180, -90, shift + 180, 90)),
            xoff=-shift,
        )
        for shift in (-360, 0, 360)
    )
    return solid(shapely.union_all(list(worlds)))


def solid(geometry: BaseGeometry) -> Shape:
    """Return the polygons of `geometry`, without the points and lines."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    polygons = [p for p in parts if isinstance(p, Polygon) and not p.is_empty]
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def untangled(shapes: Sequence[Shape]) -> list[Shape]:
    """Return `shapes`, coarser if their edges cross more than `MAX_CROSSINGS` times.

    For maps only: the coarser shapes are not exact.
    """
    coarser, tolerance_deg = list(shapes), 0.01
    while _crossings(coarser) > MAX_CROSSINGS:
        simple = shapely.simplify(coarser, tolerance_deg, preserve_topology=False)
        coarser = [solid(shape) for shape in shapely.make_valid(simple)]
        tolerance_deg *= 10
    return coarser


def _crossings(shapes: Sequence[Shape]) -> int:
    """Return how often edges meet, without counting neighbours in a ring."""
    corners = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapes)]
    if not corners:
        return 0
    ends = np.concatenate([np.stack((c[:-1], c[1:]), axis=1) for c in corners])
    edges = np.asarray(shapely.linestrings(ends), dtype=object)
    pairs = shapely.STRtree(edges).query(edges, predicate="intersects")
    # Each edge meets itself and two neighbours; each other pair is found twice.
    return (int(pairs.shape[1]) - 3 * len(ends)) // 2


def drawn(shape: Shape) -> dict[str, Any]:
    """Return GeoJSON to look at, with `DECIMALS` and right-handed rings.

    A shape without area is a MultiPolygon without polygons.
    """
    # GEOS leaves the processor's division flag set for coordinates like 1e-300, and
    # numpy reports it although the result is right.
    with np.errstate(divide="ignore"):
        rounded = solid(shapely.set_precision(shape, 10.0**-DECIMALS))
    return _geojson(rounded, DECIMALS)


def exact(shape: Shape) -> dict[str, Any]:
    """Return GeoJSON with right-handed rings and every digit of each coordinate."""
    return _geojson(shape)


def _geojson(shape: Shape, decimals: int | None = None) -> dict[str, Any]:
    polygons = [
        [_positions(ring, decimals) for ring in (polygon.exterior, *polygon.interiors)]
        for polygon in shapely.get_parts(shapely.orient_polygons(shape))
    ]
    if isinstance(shape, Polygon):
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _positions(ring: LinearRing, decimals: int | None) -> list[list[float]]:
    corners = shapely.get_coordinates(ring)
    positions: list[list[float]] = (
        corners if decimals is None else corners.round(decimals)
    ).tolist()
    return positions
