"""Which posted figures are impossible, and which are odd: tables, and their findings.

No honest poster means an impossible figure: mostly it is a slip of the unit, and the
finding asks whether it is one. An odd figure does occur, but seldom: a person should
look at it.

A load that names several types of equipment is offered to each of them: it is odd if it
is odd for one of them, and impossible if it is impossible for all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from freight.equipment import (
    GROSS_LIMIT_KG,
    HAS_TEMPERATURE_UNIT,
    KG_PER_LB,
    UNIT_HOLDS_C,
    Equipment,
    holds_temperature,
)
from geo.distance import METRES_PER_MILE, haversine_m
from geo.points import Point

POUNDS_PER_KG = 1 / KG_PER_LB
FEET_PER_M = 1 / 0.3048
POUNDS_PER_CWT = 100


@dataclass(frozen=True, slots=True)
class Size:
    """What a type of equipment carries: kilograms and metres of deck.

    odd_*: a load above this is unusual. most_*: no load is above this.
    is_heated: such a truck has a unit that holds a temperature; None if only some have
        one (heated vans, insulated trucks).
    """

    odd_kg: int
    most_kg: int
    odd_m: float
    most_m: float
    is_heated: bool | None = False


# Source: DOMAIN 1.2 (DAT's limits for any load: 1 to 199 ft, 1 to 100,000 lb) and 1.6;
# 23 CFR 658.17 (80,000 lb gross: no payload of a usual truck is as much; heavier only
# with permits and special trailers); 53 ft and 57 ft trailers; light trucks by gross
# weight, FHWA classes 2 to 6. Where no source names a value, it is a wide guess.
_US_GROSS_KG = int(GROSS_LIMIT_KG)
_DAT_KG = int(100_000 * KG_PER_LB)
_DAT_M = 60.66  # 199 ft
_CLOSED = Size(21_800, _US_GROSS_KG, 16.2, 18.3)  # 48,000 lb, 53 ft; 60 ft
_OPEN = Size(22_700, _DAT_KG, 16.2, 30.5)  # 50,000 lb; overhang with a permit
_HEAVY = Size(_DAT_KG, 250_000, 30.5, 75.0)  # by permit
_LONG = Size(45_000, 68_000, 20.5, 40.0)  # turnpike doubles, B-trains in Canada

SIZES: dict[Equipment, Size] = {
    Equipment.VAN: Size(21_800, _US_GROSS_KG, 16.2, 18.3, None),
    Equipment.VAN_INTERMODAL: _CLOSED,
    Equipment.REEFER: Size(21_800, _US_GROSS_KG, 16.2, 18.3, True),
    Equipment.REEFER_INTERMODAL: Size(21_800, _US_GROSS_KG, 16.2, 18.3, True),
    Equipment.FLATBED: _OPEN,
    Equipment.STEP_DECK: _OPEN,
    Equipment.CONESTOGA: Size(21_800, _US_GROSS_KG, 16.2, 18.3),
    Equipment.CURTAIN_VAN: Size(21_800, _US_GROSS_KG, 16.2, 18.3),
    Equipment.DOUBLE_DROP: _HEAVY,
    Equipment.LOWBOY: _HEAVY,
    Equipment.REMOVABLE_GOOSENECK: _HEAVY,
    Equipment.HOTSHOT: Size(7_500, 13_600, 12.2, 16.2),  # 16,500 lb, 40 ft
    Equipment.STRAIGHT_BOX: Size(6_800, 15_000, 8.0, 12.2, None),  # 33,000 lb gross
    Equipment.POWER_ONLY: _OPEN,
    Equipment.HOPPER: _OPEN,
    Equipment.DUMP: _OPEN,
    Equipment.TANKER: Size(24_000, _DAT_KG, 16.2, 18.3, None),
    Equipment.PNEUMATIC: Size(24_000, _DAT_KG, 16.2, 18.3, None),
    Equipment.BULK: _OPEN,
    Equipment.AUTO_CARRIER: Size(22_700, _US_GROSS_KG, 24.4, 30.5),  # stinger, 80 ft
    Equipment.MAXI: _LONG,
    Equipment.CONTAINER: Size(26_700, _US_GROSS_KG, 16.2, 18.3, None),
    Equipment.CARGO_VAN: Size(1_800, 4_540, 4.3, 6.1, None),  # 10,000 lb gross
    Equipment.DOUBLES: _LONG,
    Equipment.B_TRAIN: _LONG,
    Equipment.OTHER: Size(_DAT_KG, 250_000, _DAT_M, 75.0, None),
}

SPECIAL = frozenset(
    {
        *(Equipment.DOUBLE_DROP, Equipment.LOWBOY, Equipment.REMOVABLE_GOOSENECK),
        *(Equipment.TANKER, Equipment.AUTO_CARRIER, Equipment.OTHER),
    }
)
"""Types that may cost several times as much as a van."""

DEARER = frozenset(
    {
        *(Equipment.REEFER, Equipment.REEFER_INTERMODAL),
        *(Equipment.FLATBED, Equipment.STEP_DECK),
    }
)
"""Types that cost about a fifth more than the median of all."""

SPECIAL_FACTOR = 3

USUAL_CENTS_PER_MILE: tuple[tuple[float, int], ...] = (
    (100, 775),
    (250, 314),
    (500, 239),
    (1_000, 190),
    (float("inf"), 157),
)
"""(up to so many miles, the median price of a mile). Source: ALGORITHMS 7, the sample
of a load board, where p10 to p90 of all loads are 0.63 to 1.68 times the median."""

BELIEVED_FACTOR = 6
"""So many times the median is more than anybody pays on a market: such a price would
outbid every honest load, so it is confirmed first. Our choice, until the own market
gives better."""

PREMIUMS = {**dict.fromkeys(DEARER, 1.2), **dict.fromkeys(SPECIAL, 2.0)}
"""By what the bound of a believed price is higher for a type, 1 if it is not named. The
sample has no special types: theirs is a guess."""

ODD_FACTOR = 4
"""A price so many times below the median is unusual."""

IMPOSSIBLE_FACTOR = 20
LEAST_MILES = 50
"""A shorter haul is paid for the day and not for its miles."""

DEAREST_USD = 100_000
"""DAT takes no higher price for a trip. Source: DOMAIN 1.2."""

PER_USD = {"USD": 1.0, "CAD": 1.4, "MXN": 19.0, "EUR": 0.9}
"""Rough rates of 2026, good enough for limits that are factors apart."""

ODD_C = (-30.0, 30.0)
POSSIBLE_C = (-75.0, 200.0)
"""Outside ODD_C is odd: about the range of a unit (`equipment.UNIT_HOLDS_C`). Outside
POSSIBLE_C is impossible: dry ice holds -70, bitumen is loaded at 180."""

REEFER_WARMEST_C = 45.0

ODD_WINDOW = timedelta(days=30)
ODD_AHEAD = timedelta(days=366)
"""Wide guesses: loads of a spot market are mostly picked up within days."""

STRAIGHT_MPS = 65 * METRES_PER_MILE / 3600
"""No truck is quicker: two drivers without a rest, and the way as the crow flies."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A stop's place, and its window in aware times."""

    point: Point
    window_from: datetime
    window_until: datetime


def lateness(stops: Sequence[Visit], now: datetime) -> timedelta:
    """Return how long after a window's end the quickest truck comes, at the worst stop.

    It has loaded at the first stop once that window is open, not before now. Below 0 if
    it is in time at all others. `stops` are two or more, in order.
    """
    at, worst = max(stops[0].window_from, now), timedelta.min
    for before, stop in pairwise(stops):
        at += timedelta(seconds=haversine_m(before.point, stop.point) / STRAIGHT_MPS)
        at = max(at, stop.window_from)
        worst = max(worst, at - stop.window_until)
    return worst


def longest_wait(stops: Sequence[Visit]) -> timedelta:
    """Return the longest time from the end of a window to the start of the next."""
    return max(
        stop.window_from - before.window_until for before, stop in pairwise(stops)
    )


@dataclass(frozen=True, slots=True)
class Posted:
    """The figures of a load as its poster gave them; None where they gave none.

    loaded_m: the product's distance. price_cents: the total. is_private: only the
    poster's own trucks see the load, so that a low price deceives no one.
    longest_window: of a stop. ahead: until the first pickup opens. late: see
    `lateness`. longest_wait: between the windows of two stops.
    """

    equipment: frozenset[Equipment]
    loaded_m: float
    price_cents: int
    currency: str = "USD"
    weight_kg: int | None = None
    length_m: float | None = None
    temperature_min_c: float | None = None
    temperature_max_c: float | None = None
    is_private: bool = False
    longest_window: timedelta = timedelta()
    ahead: timedelta = timedelta()
    late: timedelta = timedelta()
    longest_wait: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure that is odd, or impossible. `field` is its name; `detail` is for people.

    code: does not change with the sentence, such as "weight-odd".
    """

    field: str
    code: str
    detail: str
    is_impossible: bool = False


def findings(posted: Posted) -> list[Finding]:
    """Return what is impossible or odd about the figures; impossible ones first."""
    found = [
        *_price(posted),
        *_weight(posted),
        *_length(posted),
        *_temperature(posted),
        *_windows(posted),
    ]
    return sorted(found, key=lambda finding: not finding.is_impossible)


def _price(posted: Posted) -> Iterator[Finding]:
    usd = posted.price_cents / 100 / PER_USD[posted.currency]
    miles = posted.loaded_m / METRES_PER_MILE
    usual = next(cents for up_to, cents in USUAL_CENTS_PER_MILE if miles < up_to) / 100
    fair = usual * max(miles, LEAST_MILES)
    premium = min(PREMIUMS.get(each, 1) for each in posted.equipment)
    # In this order: 6 times 1.2 is a little less than 7.2.
    most_believed = BELIEVED_FACTOR * fair * premium
    most_factor = SPECIAL_FACTOR if posted.equipment & SPECIAL else 1
    shown = f"{_money(posted.price_cents, posted.currency)} for {miles:,.0f} miles"
    slip = _slip_of_price(usd, fair, miles, posted)
    if usd > min(IMPOSSIBLE_FACTOR * most_factor * fair, DEAREST_USD):
        told = f"{shown} is more than anybody pays{slip}"
        yield Finding("price_cents", "price-impossible", told, True)
    elif usd > most_believed:
        yield Finding("price_cents", "price-odd", f"{shown} is unusually much{slip}")
    elif usd < fair / ODD_FACTOR and not posted.is_private:
        yield Finding("price_cents", "price-odd", f"{shown} is unusually little{slip}")


def _slip_of_price(usd: float, fair: float, miles: float, posted: Posted) -> str:
    """Return the question for the likely slip: another unit of the price."""
    cents, currency = posted.price_cents, posted.currency
    if _is_usual(usd * miles, fair):
        return f": did you mean {_money(cents, currency)} a mile, `per_mile`?"
    if _is_usual(usd / 100, fair):
        return f": did you mean {_money(cents // 100, currency)}?"
    if _is_usual(usd * 100, fair):
        return f": did you mean {_money(cents * 100, currency)}?"
    return "."


def _is_usual(usd: float, fair: float) -> bool:
    return fair / ODD_FACTOR <= usd <= ODD_FACTOR * fair


def _weight(posted: Posted) -> Iterator[Finding]:
    kg = posted.weight_kg
    if kg is None:
        return
    sizes = [SIZES[each] for each in posted.equipment]
    pounds = f"{kg:,} kg is {kg * POUNDS_PER_KG:,.0f} lb"
    odd_kg = min(size.odd_kg for size in sizes)
    # The number is usual if it is read as pounds.
    slip = ": did you mean pounds?" if kg / POUNDS_PER_KG <= odd_kg else "."
    if kg > max(size.most_kg for size in sizes):
        names = _names(posted.equipment)
        told = f"{pounds}{slip if slip[0] == ':' else f', too heavy for {names}.'}"
        yield Finding("weight_kg", "weight-impossible", told, True)
    elif kg > odd_kg:
        names = _names(each for each in posted.equipment if kg > SIZES[each].odd_kg)
        told = f"{pounds}, unusually heavy for {names}{slip}"
        yield Finding("weight_kg", "weight-odd", told)


def _length(posted: Posted) -> Iterator[Finding]:
    metres = posted.length_m
    if metres is None:
        return
    sizes = [SIZES[each] for each in posted.equipment]
    feet = f"{metres:g} m is {metres * FEET_PER_M:,.0f} ft"
    names = _names(posted.equipment)
    odd_m = min(size.odd_m for size in sizes)
    slip = ": did you mean feet?" if metres / FEET_PER_M <= odd_m else "."
    if metres > max(size.most_m for size in sizes):
        told = f"{feet}{slip if slip[0] == ':' else f', too long for {names}.'}"
        yield Finding("length_m", "length-impossible", told, True)
    elif metres > odd_m:
        yield Finding("length_m", "length-odd", f"{feet}, unusually long{slip}")


def _temperature(posted: Posted) -> Iterator[Finding]:
    given = {
        "temperature_min_c": posted.temperature_min_c,
        "temperature_max_c": posted.temperature_max_c,
    }
    known = {field: value for field, value in given.items() if value is not None}
    if not known:
        return
    field, names = next(iter(known)), _names(posted.equipment)
    holds = {SIZES[each].is_heated for each in posted.equipment}
    has_unit = not posted.equipment.isdisjoint(HAS_TEMPERATURE_UNIT)
    if not has_unit:
        told = f"A temperature is given, and {names} cannot hold one."
        yield Finding(field, "temperature-impossible", told, True)
    elif False in holds:
        told = f"A temperature is given, and not every truck of {names} can hold one."
        yield Finding(field, "temperature-odd", told)
    is_reefer = holds == {True}
    for field, celsius in known.items():
        told = f"{celsius:g} C is {celsius * 1.8 + 32:,.0f} F"
        asked = (celsius - 32) / 1.8
        slip = ": did you mean Fahrenheit?" if ODD_C[0] <= asked <= ODD_C[1] else "."
        most = REEFER_WARMEST_C if is_reefer else POSSIBLE_C[1]
        if not POSSIBLE_C[0] <= celsius <= most:
            yield Finding(field, "temperature-impossible", told + slip, True)
        elif not ODD_C[0] <= celsius <= ODD_C[1]:
            yield Finding(field, "temperature-odd", f"{told}, unusual{slip}")
    low, high = posted.temperature_min_c, posted.temperature_max_c
    if has_unit and not any(
        holds_temperature(each, low, high) for each in posted.equipment
    ):
        coldest, warmest = UNIT_HOLDS_C
        is_too_cold = high is not None and high < coldest
        field = "temperature_max_c" if is_too_cold else "temperature_min_c"
        told = f"A unit holds from {coldest:g} to {warmest:g} C, and not this."
        yield Finding(field, "temperature-impossible", told, True)


def _windows(posted: Posted) -> Iterator[Finding]:
    if posted.longest_window > ODD_WINDOW:
        told = f"A window of more than {ODD_WINDOW.days} days is unusually long."
        yield Finding("stops", "window-odd", told)
    if posted.ahead > ODD_AHEAD:
        told = f"A pickup in more than {ODD_AHEAD.days} days is unusually late."
        yield Finding("stops", "window-odd", told)
    if posted.late > timedelta():
        told = "A window closes before any truck can come from the stops before it."
        yield Finding("stops", "window-odd", told)
    if posted.longest_wait > ODD_WINDOW:
        told = f"More than {ODD_WINDOW.days} days between two windows is unusual."
        yield Finding("stops", "window-odd", told)


def _names(equipment: Iterable[Equipment]) -> str:
    return ", ".join(sorted(each.replace("_", " ") for each in equipment))


def _money(cents: int, currency: str) -> str:
    return f"{currency} {cents / 100:,.2f}"
