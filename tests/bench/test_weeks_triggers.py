"""Trucks that are searched for more than once: woken, declined, lost."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest

from bench import reference
from bench.mishaps import Mishaps
from bench.weeks_market import Posted
from bench.weeks_policies import ProductPolicy
from bench.weeks_world import ROADS, World
from freight.hours import elapsed_s
from tests.bench.weeks_room import (
    COSTS,
    SIZE,
    Choosing,
    Known,
    Listing,
    first_drop,
    load,
    played,
    way,
)

ID = str(UUID(int=1))


@pytest.fixture(scope="module")
def drop():
    return first_drop()


class TestWhoTakesALoad:
    @pytest.fixture
    def waiting(self, drop):
        """Trucks at the drop, on the way home, of another type, and at home."""
        a, b = drop.place, drop.driver.home
        half = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        a_little = a[0] + (b[0] - a[0]) / 20, a[1] + (b[1] - a[1]) / 20
        other = "flatbed" if drop.truck.equipment != "flatbed" else "van"
        return [
            replace(drop, truck=replace(drop.truck, equipment=other)),
            replace(drop, place=half),
            replace(drop, place=a_little),
            drop,
            replace(drop, place=b),
        ]

    def test_the_truck_to_which_it_is_worth_most(self, drop, waiting):
        kind = frozenset({drop.truck.equipment})
        posted_now = replace(load(drop), id=ID, equipment=kind, price_cents=500_000)
        gains = {}
        for number, each in enumerate(waiting):
            found = reference.judge(posted_now, each, way)
            if isinstance(found, reference.Worth):
                gains[number] = found.gain_cents

        takers = ProductPolicy(ROADS).takers(posted_now, waiting)
        assert len(gains) > 1
        assert takers == sorted(gains, key=lambda number: -gains[number])

    def test_nobody_if_it_is_worth_nothing(self, drop, waiting):
        kind = frozenset({drop.truck.equipment})
        poor = replace(load(drop), id=ID, equipment=kind, price_cents=100)

        assert ProductPolicy(ROADS).takers(poor, waiting) == []


class TestMishaps:
    def test_happen_as_often_as_asked_and_always_alike(self):
        mishaps = Mishaps(1, declined=0.2, lost=0.05)
        pairs = [(f"{load_id}", truck) for load_id in range(300) for truck in range(10)]

        declined = [mishaps.is_declined(*pair) for pair in pairs]
        assert declined == [mishaps.is_declined(*pair) for pair in pairs]
        assert sum(declined) / len(pairs) == pytest.approx(0.2, abs=0.03)
        lost = [mishaps.is_lost(f"{load_id}") for load_id in range(3000)]
        assert sum(lost) / len(lost) == pytest.approx(0.05, abs=0.02)

    def test_never_happen_unless_asked(self):
        assert not Mishaps(1).is_declined("load", 1)
        assert not Mishaps(1).is_lost("load")


class TestTheTriggers:
    def test_a_truck_on_the_way_home_is_woken_and_goes_on_from_where_it_is(self, drop):
        later = drop.free_at + timedelta(hours=2)
        policy, unwoken = Choosing(has_all_triggers=True), Choosing()
        back = load(drop)
        market = [Posted(later.timestamp(), back)]
        earned, without = (
            World(SIZE, each, COSTS, way).play(market, seed=1)
            for each in (policy, unwoken)
        )

        assert (earned.woken, earned.backhauls) == (1, 1)
        assert (without.woken, without.backhauls) == (0, 0)
        (woken,) = policy.woken
        driven_m = way(drop.place, woken.place)[0]
        # The estimate of a short way has more turns than that of a long one.
        assert driven_m == pytest.approx(2 * 3600 * drop.settings.road_mps, rel=0.1)
        left_m = way(woken.place, drop.driver.home)[0]
        whole_m = way(drop.place, drop.driver.home)[0]
        assert driven_m + left_m == pytest.approx(whole_m, rel=0.05)
        assert earned.empty_m >= whole_m - left_m
        assert earned.price_cents == 123_400 + without.price_cents

    def test_a_truck_that_is_home_is_not_woken(self, drop):
        driving_s = way(drop.place, drop.driver.home)[0] / drop.settings.road_mps
        home_s = float(elapsed_s(np.array(driving_s)))
        later = drop.free_at + timedelta(seconds=home_s + 3600)
        policy = Choosing(has_all_triggers=True)
        World(SIZE, policy, COSTS, way).play(
            [Posted(later.timestamp(), load(drop))], seed=1
        )

        assert policy.woken == []

    def test_a_declined_load_is_followed_by_the_next_ones_of_the_list(self, drop):
        loads = [load(drop, number) for number in range(1, 6)]
        declined = {"1", "2", "3", "4"}

        earned = {
            has_all: played(
                Listing([each.id for each in loads], has_all_triggers=has_all),
                *loads,
                mishaps=Known(declined=declined),
            )
            for has_all in (False, True)
        }

        # Three are offered at once, and these are all declined.
        assert earned[False].backhauls == 0
        assert earned[True].backhauls == 1

    def test_the_best_load_that_is_not_declined_is_taken(self, drop):
        poor = replace(load(drop, 2), price_cents=100)
        policy = Listing(["1", "2"])
        earned = played(policy, load(drop), poor, mishaps=Known(declined={"1"}))

        without = played(Choosing())
        assert earned.price_cents == without.price_cents + 100

    def test_a_lost_load_pays_nothing_and_is_searched_for_with_all_triggers(self, drop):
        aside = drop.place[0] + 0.5, drop.place[1]
        pickup = replace(load(drop).stops[0], place=aside)
        lost = replace(load(drop), stops=(pickup, load(drop).stops[1]))
        alone, all_triggers = Choosing("1"), Choosing("1", has_all_triggers=True)

        earned = [
            played(policy, lost, mishaps=Known(lost={"1"}))
            for policy in (alone, all_triggers)
        ]

        without = played(Choosing())
        assert [(each.lost, each.backhauls) for each in earned] == [(1, 0), (1, 0)]
        assert earned[0].price_cents == without.price_cents
        assert earned[0].empty_m > without.empty_m
        assert all_triggers.asked[1].place == aside
        assert alone.asked[1].place != aside

    def test_a_woken_driver_may_decline_and_the_next_one_takes_the_load(self, drop):
        later = drop.free_at + timedelta(hours=2)
        policy = Choosing(has_all_triggers=True)
        market = [Posted(later.timestamp(), load(drop))]
        declined = World(SIZE, policy, COSTS, way, Known(declined={"1"})).play(
            market, seed=1
        )

        assert len(policy.woken) == 1
        assert (declined.woken, declined.backhauls) == (0, 0)
