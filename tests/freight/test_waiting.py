"""What a load can gain waiting trucks at most: never less than a search of it finds."""

from dataclasses import replace
from datetime import timedelta
from math import inf, nan
from random import Random

import numpy as np
import pytest

from freight.candidates import Candidate
from freight.columns import Loads, seconds_of
from freight.equipment import Equipment
from freight.preferences import Preference, PreferenceKind
from freight.ranking import asked_of, rank
from freight.situation import Situation
from freight.waiting import Trucks, longest_s, most_gain_cents
from geo.points import Point
from tests.freight.world import (
    EVERYWHERE,
    HOME,
    HOUR,
    NOON,
    PARAMETERS,
    ROADS,
    SquareRoads,
    make_candidate,
    make_parameters,
    make_situation,
)

TRUCKS, LOADS = 40, 25
TYPES = (Equipment.VAN, Equipment.REEFER, Equipment.FLATBED)


def trucks_of(situations: list[Situation]) -> Trucks:
    homes = [asked_of(s, PARAMETERS, EVERYWHERE, ROADS).baseline for s in situations]
    limits = [s.max_deadhead_m or PARAMETERS.max_deadhead_m for s in situations]
    wishes = [sum(wish.cents for wish in s.preferences) for s in situations]
    return Trucks(
        place=ROADS.places([s.drop for s in situations]),
        home=ROADS.places([s.home for s in situations]),
        free_at=np.array([seconds_of(s.free_at) for s in situations]),
        baseline_m=np.array([way.distance_m for way in homes]),
        baseline_s=np.array([way.elapsed_s for way in homes]),
        cost_empty_cents_per_km=np.array(
            [s.cost_empty_cents_per_km for s in situations]
        ),
        cost_loaded_cents_per_km=np.array(
            [s.cost_loaded_cents_per_km for s in situations]
        ),
        hour_cents=np.array([s.hour_cents for s in situations], "f8"),
        max_deadhead_m=np.array(limits),
        wishes_cents=np.array(wishes, "f8"),
    )


def somewhere(rng: Random) -> Point:
    return Point(rng.uniform(-1, 1), rng.uniform(-1, 6))


def some_truck(rng: Random) -> Situation:
    lane = Preference(PreferenceKind.LANE, cents=5_000, from_state="IL")
    return make_situation(
        drop=somewhere(rng),
        home=somewhere(rng),
        free_at=NOON + rng.uniform(0, 30) * HOUR,
        equipment=rng.choice(TYPES),
        cost_empty_cents_per_km=rng.uniform(40, 150),
        cost_loaded_cents_per_km=rng.uniform(40, 200),
        hour_cents=rng.choice([0, 1_400, 5_000]),
        max_deadhead_m=rng.choice([None, 90_000.0]),
        is_crew=rng.random() < 0.2,
        preferences=(lane,) if rng.random() < 0.3 else (),
    )


def some_load(rng: Random, number: int) -> Candidate:
    pickup, delivery = somewhere(rng), somewhere(rng)
    opens = NOON + rng.uniform(-20, 40) * HOUR
    later = opens + rng.uniform(0, 40) * HOUR
    return make_candidate(
        number,
        pickup=pickup,
        delivery=delivery,
        loaded_m=float(round(ROADS.distance_m(pickup, delivery))),
        price_cents=rng.randrange(5_000, 150_000),
        equipment=frozenset(rng.sample(TYPES, rng.randint(1, 2))),
        takes_reefers=rng.random() < 0.7,
        pickup_from=opens,
        pickup_until=opens + rng.uniform(1, 30) * HOUR,
        delivery_from=later,
        delivery_until=later + rng.uniform(1, 60) * HOUR,
    )


@pytest.mark.parametrize("seed", range(8))
def test_it_is_never_below_the_gain_that_a_search_finds(seed):
    rng = Random(seed)
    situations = [some_truck(rng) for _ in range(TRUCKS)]
    loads = [some_load(rng, n) for n in range(1, LOADS + 1)]
    trucks, found = trucks_of(situations), 0

    for load in loads:
        most = most_gain_cents(Loads.of([load], ROADS), trucks, PARAMETERS, ROADS)
        for situation, bound in zip(situations, most.tolist(), strict=True):
            asked = asked_of(situation, PARAMETERS, EVERYWHERE, ROADS)
            for ranked in rank([load], asked):
                found += 1
                assert ranked.score_cents <= bound

    assert found > 10


@pytest.mark.parametrize(
    "opens",
    [{}, {"pickup_from": NOON + 4 * HOUR}, {"delivery_from": NOON + 9 * HOUR}],
    ids=["at once", "the pickup later", "the delivery later"],
)
def test_it_is_near_the_gain_where_nobody_rests(opens):
    parameters = make_parameters(fee_share=0.1)
    lane = Preference(PreferenceKind.LANE, cents=5_000, from_state="IL")
    truck = make_situation(hour_cents=1_400, preferences=(lane,))
    load = make_candidate(**opens)
    pickup, delivery = load.route
    load = replace(load, stops=(replace(pickup, state="IL"), delivery))
    asked = asked_of(truck, parameters, EVERYWHERE, ROADS)
    (ranked,) = rank([load], asked)

    (bound,) = most_gain_cents(
        Loads.of([load], ROADS), trucks_of([truck]), parameters, ROADS
    )

    assert 0 <= bound - ranked.score_cents < 100


@pytest.mark.parametrize(
    "change",
    [
        {"pickup": Point(0.0, 5.0), "loaded_m": 150_000.0},
        {"delivery": Point(0.0, 40.0), "loaded_m": 3_950_000.0},
        {"pickup_until": NOON + timedelta(minutes=10)},
    ],
    ids=["too far empty", "too long a detour", "closed"],
)
def test_a_load_that_a_truck_cannot_take_is_nothing_to_it(change):
    load = replace(make_candidate(), **change)
    trucks = trucks_of([make_situation(max_deadhead_m=200_000.0)])

    most = most_gain_cents(Loads.of([load], ROADS), trucks, PARAMETERS, ROADS)

    assert most.tolist() == [-inf]


def test_a_detour_is_too_long_for_one_truck_that_another_may_make():
    load = make_candidate(
        pickup=Point(0.0, 0.2), delivery=Point(0.0, 5.0), loaded_m=530_000.0
    )
    onwards = make_situation(home=Point(0.0, 40.0))
    back = make_situation(home=Point(0.0, -6.0))

    most = most_gain_cents(
        Loads.of([load], ROADS), trucks_of([onwards, back]), PARAMETERS, ROADS
    )

    assert most[0] > -inf
    assert most[1] == -inf


def test_a_truck_whose_way_home_is_not_known_yet_may_gain_anything():
    trucks = replace(trucks_of([make_situation()]), baseline_m=np.array([nan]))

    most = most_gain_cents(
        Loads.of([make_candidate()], ROADS), trucks, PARAMETERS, ROADS
    )

    assert most.tolist() == [inf]


def test_a_load_from_where_no_road_leads_home_is_nothing_to_it_either():
    roads = SquareRoads(shore=1.0)
    load = make_candidate(pickup=Point(2.0, 0.5), delivery=Point(2.0, 3.5))
    truck = make_situation(drop=Point(2.0, 0.0), home=HOME, hour_cents=1_400)
    trucks = replace(trucks_of([truck]), baseline_m=np.array([nan]))

    most = most_gain_cents(Loads.of([load], roads), trucks, PARAMETERS, roads)

    assert most.tolist() == [-inf]


@pytest.mark.parametrize("degrees", [7.0, 8.0, 15.0, 16.0, 48.0, 49.0, 50.0, 51.0])
@pytest.mark.parametrize("more", [0.0, 0.01, 0.2, 1.0, 6.0])
def test_a_truck_that_moved_is_home_no_later_than_is_allowed_for(degrees, more):
    def home_after(place):
        truck = make_situation(drop=place, home=Point(0.0, degrees))
        return asked_of(truck, PARAMETERS, EVERYWHERE, ROADS).baseline

    before, now = home_after(Point(0.0, 0.0)), home_after(Point(0.0, -more))
    more_m = now.distance_m - before.distance_m

    assert now.elapsed_s - before.elapsed_s <= longest_s(more_m)
