"""Figures as people in the United States read them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from geo.distance import METRES_PER_MILE
from places.cities import City

POUNDS_PER_KG = 2.2046226
"""Source: NIST Special Publication 811, B.8: one pound is 0.45359237 kg."""


def dollars(cents: float) -> str:
    """Return whole dollars, such as $2,450."""
    sign = "-" if round(cents / 100) < 0 else ""
    return f"{sign}${abs(cents) / 100:,.0f}"


def miles(distance_m: float) -> str:
    """Return whole miles, such as 791 mi."""
    return f"{distance_m / METRES_PER_MILE:,.0f} mi"


def pounds(weight_kg: float) -> str:
    """Return whole pounds."""
    return f"{weight_kg * POUNDS_PER_KG:,.0f} lb"


def place(city: City) -> str:
    """Return a city with its state, such as Gary, IN."""
    return f"{city.name}, {city.state}"


def clock(at: datetime, zone: str) -> str:
    """Return day and time of a place, such as Tue 7:30 AM."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.hour % 12 or 12}:{local:%M %p}"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, such as 1 load, 1,200 loads."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
