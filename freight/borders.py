"""Countries of a load's stops: the borders it crosses, and freight within one."""

from collections.abc import Sequence
from itertools import pairwise

Countries = Sequence[str | None]
"""ISO 3166-1, in the order of the stops; None where it is not known."""


def crossings(countries: Countries) -> int:
    """Return how many borders are between consecutive stops.

    A stop whose country is not known is passed over: between the United States, an
    unknown stop and Canada is one border.
    """
    known = [country for country in countries if country is not None]
    return sum(before != after for before, after in pairwise(known))


def domestic_country(countries: Countries) -> str | None:
    """Return the country of all stops; None if they are in several, or if that of one
    is not known."""
    first, *others = countries
    return first if all(country == first for country in others) else None
