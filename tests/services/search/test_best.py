"""A search keeps the loads that judging every load one by one would put first."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from freight.ranking import Ranked, judge
from freight.situation import Parameters, Situation
from geo.areas import SearchArea
from geo.distance import haversine_m
from geo.points import Point
from models.loads.loads import Load, Visibility
from models.search.searches import BackhaulSearch
from runtime.db import Session
from services.judging.candidates import candidates
from services.search.run import KEPT
from tests.services.scene import Scene
from tests.services.search.drops import edit, excluded_in
from tests.world import (
    CHICAGO,
    CLEVELAND,
    DALLAS,
    DENVER,
    NEW_YORK,
    ROADS,
    Caller,
    World,
    utcnow,
)

CITIES = (NEW_YORK, CHICAGO, DALLAS, DENVER)
WAYS_HOME = [(NEW_YORK, CHICAGO), (DALLAS, DENVER)]

HOURS = [
    {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "06:00", "until": "20:00"}
]

WISHES: list[list[dict[str, Any]]] = [
    [],
    [],
    [{"kind": "no_cities", "cents": 4_000}, {"kind": "no_nights", "cents": 900}],
    [{"kind": "lane", "to_state": "IL", "cents": 7_000}],
    [{"kind": "no_state", "state": "OH", "is_hard": True}],
    [{"kind": "no_weekends", "is_hard": True}],
]


def around(rng: Random, place: Point, spread: float) -> Point:
    return Point(place.lat + rng.gauss(0, spread), place.lon + rng.gauss(0, spread))


def stops(rng: Random, world: World) -> Iterator[dict[str, Any]]:
    """Yield the stops of a load between two cities, seldom with some between."""
    pairs = [*WAYS_HOME, *WAYS_HOME, tuple(rng.sample(CITIES, 2))]
    start, end = rng.choice(pairs)
    between = [CLEVELAND, CHICAGO][: rng.choice([0] * 6 + [1, 2])]
    places = [around(rng, place, 0.5) for place in (start, *between, end)]
    opens_h = rng.uniform(-20, 30)
    for number, place in enumerate(places):
        kind = "pickup" if number == 0 else "delivery"
        until_h = opens_h + rng.uniform(9, 90) * (number + 1)
        hours = {"opening_hours": HOURS} if rng.random() < 0.15 else {}
        yield world.stop_body(kind, place, opens_h + number, until_h, **hours)


def post(rng: Random, scene: Scene, number: int) -> None:
    """Post loads of all kinds, also such that no search may find."""
    world = scene.rows
    for _ in range(number):
        poster = rng.choice([scene.shipper, scene.shipper, scene.carrier])
        world.load(
            poster,
            stops=list(stops(rng, world)),
            visibility=rng.choice(["network", "network", "private"]),
            equipment=rng.choice([["van"], ["van", "reefer"], ["flatbed"]]),
            takes_reefers=rng.choice([None, True, False]),
            weight_kg=rng.choice([None, 9_000, 19_000, 24_000]),
            length_m=rng.choice([None, 10.0, 20.0]),
            has_hazmat=rng.random() < 0.1,
            price_cents=rng.randrange(100_000, 900_000),
            currency=rng.choice(["USD"] * 9 + ["CAD"]),
            lease_expires_at=utcnow() + timedelta(hours=rng.choice([-1, 9, 9, 9])),
        )


def random_driver(rng: Random, scene: Scene, home: Point) -> Caller:
    driver = scene.driver(
        home=home,
        equipment=rng.choice(["van", "reefer"]),
        payload_kg=rng.choice([None, 20_000]),
        deck_length_m=rng.choice([None, 16.0]),
        hour_cents=rng.choice([None, 0, 5_000]),
        cost_empty_cents_per_km=rng.choice([None, 40.0]),
    )
    edit(
        driver,
        scene,
        max_deadhead_m=rng.choice([None, 90_000.0, 900_000.0]),
        rank_by=rng.choice(["gain", "gain", "home_time", "gain_per_hour", "co2"]),
        preferences=rng.choice(WISHES),
        has_hazmat_endorsement=rng.random() < 0.5,
    )
    return driver


def on_the_market(search: BackhaulSearch) -> list[UUID]:
    """Return the loads that the company sees, by its own rule."""
    at, org_id = search.searched_at, search.org_id
    with Session() as session:
        return [
            load.id
            for load in session.scalars(select(Load))
            if load.status == "posted"
            and (load.org_id == org_id or load.visibility is Visibility.NETWORK)
            and load.lease_expires_at > at
            and load.pickup_until > at
        ]


def one_by_one(search: BackhaulSearch) -> tuple[int, list[Ranked]]:
    """Return how many loads are in the circle, and those worth taking, best first."""
    situation = Situation.from_record(search.situation)
    parameters = Parameters.from_record(search.parameters)
    area = SearchArea.from_record(search.area)
    with Session() as session:
        known = candidates(session, on_the_market(search))
    near = [
        load
        for load in known.values()
        if haversine_m(area.circle.center, load.pickup) <= area.circle.radius_m
    ]
    judged = [judge(load, situation, parameters, area, ROADS) for load in near]
    ranked = [each for each in judged if isinstance(each, Ranked)]

    def order(each: Ranked) -> tuple[float, float, UUID]:
        figures = each.figures
        away_h = (figures.home_eta - situation.free_at).total_seconds() / 3600
        first = {
            "gain": -each.score_cents,
            "home_time": away_h,
            "gain_per_hour": -each.score_cents / max(away_h, 1.0),
            "co2": figures.empty_after_m,
        }[situation.rank_by]
        return first, figures.deadhead_m, each.candidate.load_id

    return len(near), sorted(ranked, key=order)


@pytest.mark.parametrize("seed", range(2))
def test_the_best_are_those_that_judging_all_puts_first(
    world: World, seed: int
) -> None:
    rng, scene = Random(seed), Scene(world)
    post(rng, scene, 150)
    kept = 0
    for _ in range(9):
        drop, home = rng.choice([*WAYS_HOME, (DALLAS, DALLAS)])
        driver = random_driver(rng, scene, home)

        search = scene.search(driver, at=drop)

        considered, ranked = one_by_one(search)
        assert search.counts["considered"] == considered
        assert search.counts["ranked"] == len(ranked)
        assert sum(excluded_in(search.counts).values()) == considered - len(ranked)
        assert search.ranked == [each.to_record() for each in ranked[:KEPT]]
        kept += len(search.ranked)
    assert kept > 15
