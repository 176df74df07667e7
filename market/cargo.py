"""Kinds of freight and the trailers they go on, each with its share of the market."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from random import Random
from typing import Generic, NamedTuple, TypeVar

from freight.equipment import Equipment

_T = TypeVar("_T")


class Urn(Generic[_T]):
    """Things to draw from at random, each as often as its share says."""

    def __init__(self, shares: Mapping[_T, int]) -> None:
        self._things = tuple(shares)
        self._up_to = tuple(accumulate(shares.values()))

    def draw(self, random: Random) -> _T:
        at = random.random() * self._up_to[-1]
        return self._things[bisect_right(self._up_to, at)]


class Cargo(NamedTuple):
    """A kind of freight; weight and pieces are those of a full trailer."""

    commodity: str
    weight_kg: tuple[int, int]
    pieces: tuple[int, int]
    temperature_c: tuple[float, float] | None = None
    has_hazmat: bool = False


class Trailer(NamedTuple):
    """A family of trailers with its price level and its freight."""

    price_level: float
    deck_length_m: float
    equipment: Urn[frozenset[Equipment]]
    cargo: Urn[Cargo]


_VAN, _REEFER = frozenset({Equipment.VAN}), frozenset({Equipment.REEFER})
_FLATBED, _STEP_DECK = frozenset({Equipment.FLATBED}), frozenset({Equipment.STEP_DECK})
_VAN_CARGO = {
    Cargo("canned food", (16_000, 20_200), (20, 26)): 20,
    Cargo("bottled water", (18_000, 20_200), (20, 24)): 17,
    Cargo("paper towels", (6_000, 10_000), (24, 30)): 15,
    Cargo("furniture", (5_000, 10_000), (40, 160)): 15,
    Cargo("auto parts", (9_000, 18_000), (20, 48)): 17,
    Cargo("clothing", (5_000, 11_000), (18, 26)): 11,
    Cargo("paint in cans", (14_000, 20_000), (18, 24), has_hazmat=True): 3,
    Cargo("car batteries", (16_000, 20_000), (16, 22), has_hazmat=True): 2,
}
_REEFER_CARGO = {
    Cargo("frozen vegetables", (15_000, 19_500), (20, 26), (-23.0, -18.0)): 24,
    Cargo("ice cream", (10_000, 16_000), (20, 26), (-29.0, -23.0)): 8,
    Cargo("fresh beef", (16_000, 19_500), (20, 24), (-2.0, 1.0)): 20,
    Cargo("lettuce", (13_000, 18_000), (20, 26), (1.0, 3.0)): 16,
    Cargo("milk and cheese", (15_000, 19_500), (20, 24), (1.0, 4.0)): 18,
    Cargo("bananas", (16_000, 19_500), (20, 24), (13.0, 15.0)): 8,
    Cargo("medicines", (4_000, 10_000), (12, 24), (2.0, 8.0)): 6,
}
_FLATBED_CARGO = {
    Cargo("lumber", (18_000, 21_500), (10, 20)): 24,
    Cargo("steel coils", (17_000, 21_500), (1, 5)): 19,
    Cargo("steel pipe", (15_000, 21_500), (20, 120)): 17,
    Cargo("roof shingles", (18_000, 21_500), (12, 18)): 15,
    Cargo("precast concrete", (16_000, 21_500), (1, 8)): 12,
    Cargo("farm machinery", (6_000, 16_000), (1, 3)): 10,
    Cargo("gas cylinders", (10_000, 18_000), (12, 20), has_hazmat=True): 3,
}
_ON_VANS = Urn({_VAN: 93, _VAN | _REEFER: 7})
_ON_FLATBEDS = Urn({_FLATBED: 70, _FLATBED | _STEP_DECK: 22, _STEP_DECK: 8})
TRAILERS = Urn(
    {
        Trailer(0.96, 16.15, _ON_VANS, Urn(_VAN_CARGO)): 58,
        Trailer(1.04, 14.63, _ON_FLATBEDS, Urn(_FLATBED_CARGO)): 24,
        Trailer(1.08, 16.15, Urn({_REEFER: 1}), Urn(_REEFER_CARGO)): 19,
    }
)

# First names, then last names that go with them.
