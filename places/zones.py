"""The time zone of a place."""

from functools import cache

import numpy as np
import numpy.typing as npt

from geo.distance import distances_m
from geo.points import Point
from places.cities import cities


@cache
def _cities() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    points = [city.point for city in cities()]
    return np.array([p.lat for p in points]), np.array([p.lon for p in points])


def zone_of(point: Point) -> str:
    """Return the IANA zone of the nearest city of the US mainland.

    Abroad that is a city across the border, whose clock differs by an hour at most.
    """
    nearest = int(np.argmin(distances_m(point, *_cities())))
    return cities()[nearest].zone
