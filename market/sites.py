"""Docks that repeat: the few places of a city from which most of its freight goes."""

from functools import cache
from itertools import accumulate
from random import Random

from geo.points import Point
from places.cities import cities, scattered

# Our own assumptions, no statistics behind them.
FEWEST_SITES, PEOPLE_A_SITE, SITES_IN_REACH = 3, 60_000, 40


def draw_site(random: Random, at: int) -> Point:
    """Draw a dock of a city: its first one most often, its second half as often ...

    at: the city's index in `cities`. A city's docks are the same in every market.
    """
    sites, up_to = _sites(at)
    return random.choices(sites, cum_weights=up_to)[0]


@cache
def _sites(at: int) -> tuple[tuple[Point, ...], tuple[float, ...]]:
    """Return a city's docks with the running sum of their weights, 1, 1/2, 1/3 ..."""
    place = cities()[at]
    random = Random(f"sites {place.name}, {place.state}")
    number = min(FEWEST_SITES + place.population // PEOPLE_A_SITE, SITES_IN_REACH)
    sites = tuple(scattered(random, at) for _ in range(number))
    return sites, tuple(accumulate(1 / rank for rank in range(1, number + 1)))
