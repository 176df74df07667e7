"""A place on the Earth."""

import math
from dataclasses import dataclass

ROADS_NORTH = 75.0
ROADS_SOUTH = -60.0
"""No roads lie beyond. Such a latitude is a swapped longitude, as -87.6 (Chicago)."""


class InvalidPoint(ValueError):
    """Not a place: a coordinate is not finite or out of range."""


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A WGS 84 position, degrees. Raises InvalidPoint outside +-90 and +-180."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        for name, value, limit in (("lat", self.lat, 90.0), ("lon", self.lon, 180.0)):
            if not math.isfinite(value) or abs(value) > limit:
                raise InvalidPoint(f"{name} {value} is not within +-{limit:g}.")
