"""Loads of the market: what, from where to where, when and for how much."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import numpy as np

from freight.equipment import Equipment
from freight.hours import elapsed_s
from geo.distance import METRES_PER_MILE
from geo.points import Point
from geo.roads import EstimatedRoads
from market.cargo import TRAILERS, Cargo, Trailer
from market.lanes import draw_lane
from market.sites import draw_site
from places.cities import City, cities, scattered

DOLLARS_PER_MILE = (
    (25.0, 24.6),
    (75.0, 8.2),
    (180.0, 2.98),
    (362.0, 2.37),
    (679.0, 1.90),
    (1378.0, 1.55),
)
"""Anchors (road miles, median price per mile); between them straight in logarithms.

They give the medians of the same 500 loads by length: below 100 miles 7.75, to 250
3.14, to 500 2.39, to 1,000 1.90, above 1.57. Below 75 miles the price is that of a
truck's day, for any length.
"""

# Standard deviation of the logarithm; the 500 loads show 0.25 to 0.36 by length.
PRICE_SPREAD = 0.28
# Our own assumptions, no statistics behind them.
HAZMAT_PREMIUM = 1.15
PLANNING_SPEED_MPS = 80 / 3.6
LOADING = timedelta(hours=2)
HALF_HOUR = timedelta(minutes=30)

SOON = {0: 0.50, 1: 0.35, 2: 0.10, 3: 0.05}
"""Share of the pickups by days from the posting, where most are wanted soon."""

SHORTEST_WINDOW = timedelta(hours=4)

_ROADS = EstimatedRoads()
_zone = cache(ZoneInfo)


@dataclass(frozen=True, slots=True)
class Habits:
    """How the market posts.

    has_sites: from docks that repeat; if False, each load has docks of its own.
    is_soon: most pickups are on the same or the next day (SOON); if False, each of the
        next four days has as many.
    """

    has_sites: bool = False
    is_soon: bool = False


AS_EVER = Habits()


@dataclass(frozen=True, slots=True)
class MarketLoad:
    """A load as a shipper posts it; windows are aware UTC.

    temperature_c: lowest and highest, for refrigerated freight only.
    loaded_m: estimated road metres.
    """

    reference: str
    origin: City
    destination: City
    pickup: Point
    delivery: Point
    loaded_m: int
    equipment: frozenset[Equipment]
    commodity: str
    weight_kg: int
    length_m: float
    pieces: int
    has_hazmat: bool
    temperature_c: tuple[float, float] | None
    price_cents: int
    pickup_from: datetime
    pickup_until: datetime
    delivery_from: datetime
    delivery_until: datetime


def market(
    n: int, *, seed: int, now: datetime, habits: Habits = AS_EVER
) -> Iterator[MarketLoad]:
    """Yield `n` loads for the next four days. Same arguments, same loads.

    A longer market begins with the loads of a shorter one. Lanes follow a gravity
    model: both populations times a factor of distance that brings the lengths to
    HAUL_MILES. References are unique up to ten million loads.

    now: aware.
    """
    random = Random(f"market {seed}")
    first = random.randrange(10_000_000)
    for count in range(n):
        lane = draw_lane(random)
        # 7,368,787 shares no divisor with the modulus, so no number comes twice.
        number = (first + count * 7_368_787) % 10_000_000
        reference = f"{cities()[lane[0]].state}-{number:07d}"
        yield make_load(random, reference=reference, lane=lane, now=now, habits=habits)


def transit(loaded_m: float) -> timedelta:
    """Return what a rested solo driver legally needs, loading and rests included.

    loaded_m: road metres, driven at PLANNING_SPEED_MPS.
    """
    driving_s = np.array(loaded_m / PLANNING_SPEED_MPS)
    return LOADING + timedelta(seconds=float(elapsed_s(driving_s)))


def make_load(
    random: Random,
    *,
    reference: str,
    lane: tuple[int, int],
    now: datetime,
    habits: Habits = AS_EVER,
) -> MarketLoad:
    if now.tzinfo is None:
        raise ValueError("A market needs a `now` with a time zone.")
    origin, destination = cities()[lane[0]], cities()[lane[1]]
    dock = draw_site if habits.has_sites else scattered
    pickup, delivery = dock(random, lane[0]), dock(random, lane[1])
    loaded_m = _ROADS.distance_m(pickup, delivery)
    trailer = TRAILERS.draw(random)
    cargo = trailer.cargo.draw(random)
    # One load in six fills only a part of the trailer.
    filled = random.uniform(0.2, 0.8) if random.random() < 1 / 6 else 1.0
    loading = _loading(random, now, origin.zone, habits)
    unloading = _unloading(random, loading, transit(loaded_m), destination.zone)
    return MarketLoad(
        reference=reference,
        origin=origin,
        destination=destination,
        pickup=pickup,
        delivery=delivery,
        loaded_m=round(loaded_m),
        equipment=trailer.equipment.draw(random),
        commodity=cargo.commodity,
        weight_kg=int(filled * random.uniform(*cargo.weight_kg)),
        length_m=round(filled * trailer.deck_length_m, 2),
        pieces=math.ceil(filled * random.uniform(*cargo.pieces)),
        has_hazmat=cargo.has_hazmat,
        temperature_c=cargo.temperature_c,
        price_cents=_price_cents(random, loaded_m, trailer, cargo),
        pickup_from=loading[0],
        pickup_until=loading[1],
        delivery_from=unloading[0],
        delivery_until=unloading[1],
    )


def _price_cents(
    random: Random, loaded_m: float, trailer: Trailer, cargo: Cargo
) -> int:
    miles = loaded_m / METRES_PER_MILE
    dollars = _dollars_per_mile(miles) * miles * trailer.price_level
    if cargo.has_hazmat:
        dollars *= HAZMAT_PREMIUM
    return 500 * round(dollars * random.lognormvariate(0, PRICE_SPREAD) / 5)


def _dollars_per_mile(miles: float) -> float:
    for (near, at_near), (far, at_far) in pairwise(DOLLARS_PER_MILE):
        if miles <= far:
            part = math.log(miles / near) / math.log(far / near)
            return at_near * math.exp(part * math.log(at_far / at_near))
    return at_far


def _loading(
    random: Random, now: datetime, zone: str, habits: Habits
) -> tuple[datetime, datetime]:
    """Return the window of the pickup; one of today is cut to what is left of it."""
    if habits.is_soon:
        ahead = random.choices(tuple(SOON), tuple(SOON.values()))[0]
    else:
        ahead = 1 + int(random.random() * 4)
    day = (now + timedelta(days=ahead)).astimezone(_zone(zone)).date()
    opens, closes = _daytime(random, day, zone)
    if opens >= now:
        return opens, closes
    opens += -((opens - now) // HALF_HOUR) * HALF_HOUR
    if closes - opens >= SHORTEST_WINDOW:
        return opens, closes
    return _daytime(random, day + timedelta(days=1), zone)


def _daytime(random: Random, day: date, zone: str) -> tuple[datetime, datetime]:
    """Return 4 to 10 hours between 06:00 and 18:00 of that local day, in UTC."""
    half_hours = 8 + int(random.random() * 13)
    opens = _morning(day, zone) + HALF_HOUR * int(random.random() * (25 - half_hours))
    return opens, opens + HALF_HOUR * half_hours


@cache
def _morning(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(6), _zone(zone)).astimezone(UTC)


def _unloading(
    random: Random, loading: tuple[datetime, datetime], needed: timedelta, zone: str
) -> tuple[datetime, datetime]:
    """Return the first window that a truck loaded at the last moment still reaches."""
    earliest, latest = loading[0] + needed, loading[1] + needed
    day = latest.astimezone(_zone(zone)).date()
    opens, closes = _daytime(random, day, zone)
    if closes < latest:
        opens, closes = _daytime(random, day + timedelta(days=1), zone)
    if opens < earliest:
        opens -= (opens - earliest) // HALF_HOUR * HALF_HOUR
    return opens, closes
