"""Random searches for `bench.naive`: a truck with all its wishes, and a market.

Half of the markets are dense, the others thin. Many values lie on an edge: an arrival
in the last second of a window or one second later, a wait of ten hours to the second,
a gain of one cent or of none, a price at its bound, an empty way of no metres, loads
that gain the same. The reference computes where these edges are.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import NamedTuple
from uuid import UUID

from bench.loads_at_edges import at_edges
from bench.random_loads import SITES, Site, near, random_load
from bench.reference_records import (
    METRES_PER_MILE,
    Driver,
    Load,
    Organisation,
    Place,
    Preference,
    Ring,
    Settings,
    Situation,
    Truck,
    WayOf,
    WeeklyHome,
)
from bench.reference_stages import air_m
from bench.reference_trip import open_spans

MOST_CENTS = 2**31 - 1
"""The highest price that the product keeps."""

DENSE, THIN = (800, 2_000), (0, 100)
NEAR_CHANGES = (datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC))
"""Two days before summer time begins and ends."""


class Asked(NamedTuple):
    """One search: from where, and on which market."""

    situation: Situation
    loads: list[Load]


def asked(number: int, *, seed: int, way: WayOf) -> Iterator[Asked]:
    """Yield `number` random searches. Same arguments, same searches."""
    for count in range(number):
        random = Random(f"naive {seed} {count}")
        situation = _situation(random)
        size = random.randint(*(DENSE if count % 2 else THIN))
        yield Asked(situation, list(_market(random, situation, size, way)))


def _market(
    random: Random, situation: Situation, size: int, way: WayOf
) -> Iterator[Load]:
    made: list[Load] = []
    for _ in range(size):
        if made and random.random() < 0.06:
            load = _twin(random, random.choice(made))
        else:
            load = random_load(random, situation)
            if random.random() < 0.5:
                load = at_edges(random, load, situation, way)
            load = _openable(load)
        made.append(load)
        yield load


def _openable(load: Load) -> Load:
    """Return the load without the hours of docks that never open in their windows.

    The product refuses to post such a load.
    """
    stops = (
        stop if any(open_spans(stop)) else replace(stop, openings=None)
        for stop in load.stops
    )
    return replace(load, stops=tuple(stops))


def _twin(random: Random, load: Load) -> Load:
    """Return a posting of the same freight, or of other freight that gains the same."""
    twin = replace(load, id=str(UUID(int=random.getrandbits(128))))
    if random.random() < 0.5:
        price_cents = load.price_cents + random.choice((0, 0, 1))
        return replace(twin, price_cents=min(price_cents, MOST_CENTS))
    other = random.choice((None, 1.0, 2.0, 3.0))
    return twin if other == load.weight_kg else replace(twin, weight_kg=other)


def _situation(random: Random) -> Situation:
    site = random.choice(SITES[:80])
    home = _home(random, site)
    place = near(random, site.place, 20)
    home_place = place if home is site else near(random, home.place, 20)
    free_at = _free_at(random)
    is_known = random.random() < 0.7
    return Situation(
        place,
        free_at,
        replace(_driver(random, home_place, free_at), zone=home.zone),
        _truck(random),
        _organisation(random, place, home_place),
        country=site.country if is_known else None,
        home_country=home.country if is_known else None,
        settings=_settings(random),
    )


def _home(random: Random, site: Site) -> Site:
    """Return a home 100 to 1,500 miles away; sometimes the same, or any place."""
    chance = random.random()
    if chance < 0.08:
        return site
    if chance < 0.16:
        return random.choice(SITES)
    # No site is so near to Hawaii.
    return random.choice(_within_a_trip(site) or list(SITES))


@cache
def _within_a_trip(site: Site) -> list[Site]:
    miles = {one: air_m(one.place, site.place) / METRES_PER_MILE for one in SITES}
    return [one for one in SITES if 100 < miles[one] < 1_500]


def _free_at(random: Random) -> datetime:
    if random.random() < 0.4:
        start, days = random.choice(NEAR_CHANGES), 3.0
    else:
        start, days = datetime(2026, 1, 1, tzinfo=UTC), 360.0
    at = start + timedelta(days=days * random.random())
    if random.random() < 0.2:
        return at
    return at.replace(minute=random.choice((0, 15, 30, 59)), second=0, microsecond=0)


def _settings(random: Random) -> Settings:
    return Settings(
        max_detour_m=random.choice((*[300] * 8, 100, 0)) * METRES_PER_MILE,
        fee_share=random.choice((0.0, 0.0, 0.05, 0.125)),
        border_s=random.choice((7_200.0, 7_200.0, 0.0)),
    )


def _truck(random: Random) -> Truck:
    draw = random.choice
    types = ("van", "van", "van", "reefer", "reefer", "flatbed", "step_deck")
    return Truck(
        equipment=draw((*types * 4, "other", None)),
        payload_kg=draw((None, 19_600, 20_000, 26_000, 40_000)),
        deck_length_m=draw((None, 14.63, 16.15)),
        is_hazmat_allowed=random.random() < 0.4,
        cost_empty_cents_per_km=draw((None, None, 47.2, 97.0, 0.0)),
        cost_loaded_cents_per_km=draw((None, None, 60.5, 97.0)),
        hour_cents=draw((None, None, 0, 800, 3_333)),
    )


def _driver(random: Random, home: Place, free_at: datetime) -> Driver:
    draw, chance = random.choice, random.random
    days = draw(("mon", "wed", "fri", "sat", "sun"))
    at, zone = draw(("00:00", "02:30", "18:00")), draw(("America/Denver", "UTC"))
    weekly = WeeklyHome(days, at, zone) if chance() < 0.15 else None
    by = free_at + timedelta(hours=draw((8, 24, 40, 72, 120)))
    both = frozenset({"US", "CA"})
    return Driver(
        home=home,
        countries=draw((*[None, both, both | {"MX"}] * 4, frozenset({"CA"}))),
        country=draw((*[None, "US"] * 5, "CA")),
        is_crew=chance() < 0.12,
        home_by=by if chance() < 0.2 else None,
        home_every=weekly,
        max_deadhead_m=draw((*[None, None, 80_000.0, 640_000.0] * 4, 0.0)),
        min_pay_cents_per_km=draw((*[None] * 8, 60.0, 140.0)),
        rank_by=draw((*["gain"] * 7, "home_time", "gain_per_hour", "co2")),
        preferences=tuple(_preferences(random)) if chance() < 0.5 else (),
    )


def _preferences(random: Random) -> Iterator[Preference]:
    states = ("TX", "IL", "NY", "CA", "GA", "PA", "OH", "ON", "MO", "TN")
    kinds = ["lane", "no_weekends", "no_nights", "no_cities", "no_state"]
    for kind in random.sample(kinds, random.randint(2, 4)):
        is_hard = random.random() < (0.25 if kind == "lane" else 0.4)
        wish = Preference(kind, is_hard, random.choice((0, 1, 2_500, 30_000)))
        if kind == "no_state":
            wish = replace(wish, state=random.choice(states))
        elif kind == "lane":
            start, end = random.choice(states), random.choice((None, *states))
            wish = replace(wish, from_state=start, to_state=end)
            if random.random() < 0.5:
                wish = replace(wish, from_state=None)
        yield wish


def _organisation(random: Random, place: Place, home: Place) -> Organisation:
    draw, chance = random.choice, random.random
    both = frozenset({"US", "CA"})
    return Organisation(
        country=draw((*["US"] * 9, "CA")),
        countries=draw((*[both | {"MX"}] * 16, *[None, both] * 2, frozenset({"CA"}))),
        currency=draw((*["USD"] * 30, "CAD")),
        cost_cents_per_km=draw((None, None, 47.2, 0.0, 140.0)),
        hour_cents=draw((None, None, 0, 1_400)),
        operating=(_around(place, home, draw((0.5, 2.0))),) if chance() < 0.2 else (),
        no_go=tuple(_hole(random, place, home) for _ in range(draw((0, 0, 1, 2)))),
    )


def _around(a: Place, b: Place, degrees: float) -> Ring:
    """Return a box around two places."""
    south, north = min(a[0], b[0]) - degrees, max(a[0], b[0]) + degrees
    west, east = min(a[1], b[1]) - degrees, max(a[1], b[1]) + degrees
    return ((south, west), (south, east), (north, east), (north, west))


def _hole(random: Random, place: Place, home: Place) -> Ring:
    """Return a triangle somewhere between the truck and its home."""
    part = random.random()
    lat, lon = (a + part * (b - a) for a, b in zip(place, home, strict=True))
    corners = [
        (lat + random.uniform(-3, 3), lon + random.uniform(-3, 3)) for _ in range(3)
    ]
    return tuple((round(lat, 5), round(lon, 5)) for lat, lon in corners)
