"""Distances on the sphere for columns of points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.distance import EARTH_RADIUS_M

Floats = NDArray[np.float64]


def unit_vectors(lat: Floats, lon: Floats) -> Floats:
    """Return the points as vectors of length 1, one row a point."""
    lat, lon = np.radians(lat), np.radians(lon)
    level = np.cos(lat)
    return np.stack([level * np.cos(lon), level * np.sin(lon), np.sin(lat)], -1)


def arc_m(chord: NDArray[Any]) -> Floats:
    """Return the metres along the sphere of a chord between unit vectors."""
    along: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, chord / 2))
    return along


def great_circle_m(
    lat_a: Floats, lon_a: Floats, lat_b: Floats, lon_b: Floats
) -> Floats:
    """Return the great-circle metres between the points of each row, whole, rounded up.

    Whole, so that the last bit of a sine can never make two callers differ. Symmetric,
    and zero for equal points. Source: that of `geo.distance.haversine_m`.
    """
    half_lat = np.sin(np.radians(lat_b - lat_a) / 2)
    half_lon = np.sin(np.radians(lon_b - lon_a) / 2)
    level = np.cos(np.radians(lat_a)) * np.cos(np.radians(lat_b))
    h = half_lat * half_lat + level * (half_lon * half_lon)
    metres: Floats = np.ceil(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(h, 1))))
    return metres
