"""The loads of the weeks of `bench.weeks`, as `market/` makes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple
from uuid import UUID

from bench.reference_records import Load, Place, Stop
from geo.points import Point
from market import Habits, MarketLoad
from market.lanes import draw_lane
from market.loads import make_load
from places.cities import City

START = datetime(2026, 3, 2, tzinfo=UTC)
POSTED_H = (11, 25)
"""Loads are posted by day: from 11:00 to 01:00 UTC, 6 am to 8 pm in Chicago."""


class Posted(NamedTuple):
    """A load of the market and when it is posted, epoch seconds."""

    at: float
    load: Load


@dataclass(frozen=True)
class Size:
    """How much is played: the weeks after `warm_up_days` are measured."""

    trucks: int = 200
    loads_a_day: int = 3_000
    warm_up_days: int = 7
    weeks: int = 4

    @property
    def days(self) -> int:
        return self.warm_up_days + 7 * self.weeks


def posted(size: Size, habits: Habits, *, seed: int) -> list[Posted]:
    """Return the loads of all days in the order of their posting."""
    random = Random(f"weeks {seed}")
    made = []
    for day in range(size.days):
        for count in range(size.loads_a_day):
            hours = day * 24 + random.uniform(*POSTED_H)
            at = START + timedelta(hours=hours)
            load = make_load(
                random,
                reference=f"W-{day}-{count}",
                lane=draw_lane(random),
                now=at,
                habits=habits,
            )
            load_id = str(UUID(int=random.getrandbits(128)))
            made.append(Posted(at.timestamp(), load_of(load, load_id)))
    return sorted(made, key=lambda each: each.at)


def load_of(load: MarketLoad, load_id: str) -> Load:
    """Return a load of the market as the reference knows it."""
    low_c, high_c = load.temperature_c or (None, None)
    pickup_window = load.pickup_from, load.pickup_until
    delivery_window = load.delivery_from, load.delivery_until
    return Load(
        id=load_id,
        stops=(
            _stop("pickup", load.pickup, load.origin, pickup_window),
            _stop("delivery", load.delivery, load.destination, delivery_window),
        ),
        price_cents=load.price_cents,
        equipment=frozenset(str(kind) for kind in load.equipment),
        weight_kg=load.weight_kg,
        length_m=load.length_m,
        has_hazmat=load.has_hazmat,
        temperature_min_c=low_c,
        temperature_max_c=high_c,
    )


def _stop(
    kind: str, dock: Point, town: City, window: tuple[datetime, datetime]
) -> Stop:
    return Stop(
        kind, place_of(dock), *window, town.zone, country="US", state=town.state
    )


def place_of(point: Point) -> Place:
    return point.lat, point.lon


def each_market() -> Iterator[tuple[str, Habits]]:
    """Yield the two markets by name: as it is, and wanted soon."""
    yield "own", Habits(has_sites=True)
    yield "soon", Habits(has_sites=True, is_soon=True)
