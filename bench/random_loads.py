"""Random loads near a truck's way, with every field that a search looks at."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from random import Random
from typing import NamedTuple
from uuid import UUID

from bench.reference_records import (
    METRES_PER_MILE,
    Load,
    Opening,
    Place,
    Poster,
    Situation,
    Stop,
)
from bench.reference_stages import air_m
from places.cities import cities

WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
WEEK = (*WORKDAYS, "sat", "sun")
HOURS: tuple[tuple[Opening, ...], ...] = (
    (Opening(WORKDAYS, "08:00", "16:00"),),
    (Opening(WORKDAYS, "06:00", "12:00"), Opening(WORKDAYS, "13:00", "18:30")),
    (Opening(WEEK, "06:00", "22:00"),),
    (Opening(WEEK, "20:00", "04:00"),),
    (Opening(("sat", "sun"), "01:30", "10:00"),),
    (Opening(("tue",), "00:00", "24:00"),),
    (Opening(WEEK, "00:00", "24:00"),),
)


class Site(NamedTuple):
    """A city with what a stop there knows."""

    place: Place
    country: str
    state: str
    zone: str
    is_urban: bool


def _sites() -> tuple[Site, ...]:
    others = (
        Site((43.65, -79.38), "CA", "ON", "America/Toronto", True),
        Site((42.31, -83.04), "CA", "ON", "America/Toronto", False),
        Site((49.90, -97.14), "CA", "MB", "America/Winnipeg", True),
        Site((49.26, -123.10), "CA", "BC", "America/Vancouver", True),
        Site((45.51, -73.57), "CA", "QC", "America/Toronto", True),
        Site((27.48, -99.52), "MX", "TAM", "America/Monterrey", False),
        Site((25.67, -100.31), "MX", "NLE", "America/Monterrey", True),
        # No road leads to these.
        Site((21.31, -157.86), "US", "HI", "Pacific/Honolulu", False),
        Site((41.28, -70.10), "US", "MA", "America/New_York", False),
    )
    found = [
        Site(
            (city.point.lat, city.point.lon),
            "US",
            city.state,
            city.zone,
            city.population >= 500_000,
        )
        for city in cities()[:260]
    ]
    return (*found[:60], *others, *found[60:])


SITES = _sites()


def near(random: Random, place: Place, miles: float) -> Place:
    """Return a place up to so many miles north or south, and east or west."""
    off = miles / 60
    lat, lon = place
    return (
        round(lat + random.uniform(-off, off), 5),
        round(lon + random.uniform(-off, off), 5),
    )


def random_load(random: Random, situation: Situation) -> Load:
    """Return a load with a pickup mostly near the truck."""
    draw, chance = random.choice, random.random
    equipment = _equipment(random, situation.truck.equipment)
    low_c = high_c = None
    if equipment & {"reefer", "reefer_intermodal"} and chance() < 0.6:
        low_c, high_c = draw(
            ((-20.0, -18.0), (2.0, 8.0), (None, -29.0), (-60.0, -30.0), (32.0, None))
        )
    stops = tuple(_stops(random, situation))
    payload = situation.truck.payload_kg or 20_000
    return Load(
        id=str(UUID(int=random.getrandbits(128))),
        stops=stops,
        price_cents=_price_cents(random, stops),
        currency=draw((*["USD"] * 80, "CAD", "EUR")),
        equipment=equipment,
        takes_reefers=draw((None, None, True, False)),
        weight_kg=draw(
            (*[None, 9_000, 18_000, payload] * 4, payload + 1, 24_947, 24_948, 36_287)
        ),
        length_m=draw((*[None, 12.0, 14.63] * 4, 14.64, 16.15)),
        has_hazmat=chance() < 0.1,
        temperature_min_c=low_c,
        temperature_max_c=high_c,
        is_price_confirmed=chance() < 0.02,
        poster=draw((Poster(), Poster(), Poster(4, 4), Poster(5, 1), Poster(40, 13))),
    )


def _equipment(random: Random, of_truck: str | None) -> frozenset[str]:
    chance = random.random()
    if chance < 0.69 and of_truck is not None:
        return frozenset({of_truck})
    if chance < 0.71:
        return frozenset()
    types = ("van", "reefer", "flatbed", "step_deck", "other", "reefer_intermodal")
    return frozenset(random.sample(types, random.choice((1, 1, 1, 2, 3))))


def _stops(random: Random, situation: Situation) -> Iterator[Stop]:
    number = random.choice((2, 2, 2, 2, 2, 2, 3, 3, 4, 5))
    kinds = ["pickup", *random.choices(("pickup", "delivery"), k=number - 2)]
    drop, home = situation.place, situation.driver.home
    part, site, place = 0.0, _nearest(drop), drop
    for count, kind in enumerate([*kinds, "delivery"]):
        chance = random.random()
        if chance < (0.08 if count else 0.15):
            # The same place again, or the truck's.
            pass
        elif count == number - 1 and chance < 0.2:
            site, place = _nearest(home), home
        elif chance < 0.25:
            site = random.choice(SITES)
            place = near(random, site.place, 10)
        else:
            part += (1 - part) * random.random() * (0.05 if count == 0 else 0.8)
            on_way = tuple(a + part * (b - a) for a, b in zip(drop, home, strict=True))
            site = _nearest(near(random, (on_way[0], on_way[1]), 120))
            place = near(random, site.place, 10)
        yield _stop(random, situation, kind, site, place)


def _stop(
    random: Random, situation: Situation, kind: str, site: Site, place: Place
) -> Stop:
    """Return a stop with a wide window, some with opening hours."""
    opens = situation.free_at + timedelta(hours=random.choice((-48, -5, 0, 6)))
    is_known = random.random() < 0.95
    return Stop(
        kind=kind,
        place=place,
        window_from=opens,
        window_until=opens + timedelta(hours=random.choice((60, 120, 240))),
        zone=site.zone,
        openings=random.choice(HOURS) if random.random() < 0.15 else None,
        country=site.country if is_known else None,
        state=site.state if is_known else None,
        is_urban=site.is_urban,
    )


def _price_cents(random: Random, stops: tuple[Stop, ...]) -> int:
    chance = random.random()
    if chance < 0.04:
        return random.choice((0, 1, 2**31 - 1))
    miles = 1.2 * air_m(stops[0].place, stops[-1].place) / METRES_PER_MILE
    return int(100 * (150 + 2 * miles) * random.lognormvariate(0, 0.4))


def _nearest(place: Place) -> Site:
    return _nearest_to_cell(round(place[0], 1), round(place[1], 1))


@cache
def _nearest_to_cell(lat: float, lon: float) -> Site:
    return min(SITES, key=lambda site: air_m(site.place, (lat, lon)))
