"""The world of weeks: what is earned, what is lost, and the searches tried in it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bench import reference, weeks
from bench.reference_records import METRES_PER_MILE
from bench.rig import CannotSetUp
from bench.weeks_market import START, Size, posted
from bench.weeks_policies import (
    EmptyHome,
    ProductPolicy,
    ReferencePolicy,
    first_checkout,
    first_search,
)
from freight.costs import HOUR_CENTS
from market import Habits, fleet
from tests.bench.quick import line_of, play
from tests.bench.test_walls import bars
from tests.bench.weeks_room import SIZE, Choosing, first_drop, load, played, way


@pytest.fixture(scope="module")
def drop():
    return first_drop()


class TestTheWorld:
    def test_without_loads_a_truck_drives_home_empty_and_leaves_again(self, drop):
        policy = Choosing()
        earned = played(policy)

        assert earned.backhauls == earned.late == 0
        assert earned.headhauls == len(policy.asked) >= 2
        assert earned.searches == len(policy.asked)
        assert earned.empty_m / earned.metres == pytest.approx(0.5, abs=0.1)
        assert len({situation.place for situation in policy.asked}) > 1

    def test_driving_home_empty_takes_no_load(self, drop):
        assert played(EmptyHome(), load(drop)) == played(Choosing())

    def test_a_load_is_paid_and_driven(self, drop):
        without, policy = played(Choosing()), Choosing("1")
        earned = played(policy, load(drop))

        assert earned.backhauls == 1
        assert earned.late == 0
        assert policy.posted == set()
        # Home with the load: four hours at docks more, and as many miles.
        assert earned.price_cents - without.price_cents == 123_400
        assert earned.empty_m < without.empty_m
        assert earned.waits_h == [0.0]

    def test_a_load_that_was_taken_is_gone(self, drop):
        policy = Choosing("1", "1")
        played(policy, load(drop))

        assert policy.wanted == ["1"]

    def test_too_late_at_the_pickup_is_driven_for_nothing(self, drop):
        aside = drop.place[0] + 1.0, drop.place[1]
        late = load(drop)
        pickup = replace(late.stops[0], place=aside)
        pickup = replace(pickup, window_until=drop.free_at + timedelta(hours=1))
        policy = Choosing("1")
        earned = played(policy, replace(late, stops=(pickup, late.stops[1])))

        assert earned.late == 1
        assert earned.backhauls == 0
        assert earned.price_cents == played(Choosing()).price_cents
        assert policy.asked[1].place == aside

    def test_too_late_at_the_delivery_pays_nothing(self, drop):
        policy = Choosing("1")
        earned = played(policy, load(drop, delivery_h=1))

        assert earned.late == 1
        assert earned.backhauls == 1
        assert earned.price_cents == played(Choosing()).price_cents

    def test_a_truck_near_home_is_not_searched_for(self, drop):
        policy = Choosing("1", "2")
        near = drop.driver.home[0] + 0.2, drop.driver.home[1]
        played(policy, load(drop, to=near), replace(load(drop, 2), price_cents=1))

        assert policy.asked[1].place != near

    def test_a_closed_pickup_is_off_the_market(self, drop):
        policy = Choosing()
        closed = load(drop, pickup_h=-1)
        played(policy, closed)

        assert policy.posted == set()

    def test_only_the_weeks_after_the_warm_up_are_measured(self):
        whole = played(Choosing())
        warm = replace(SIZE, warm_up_days=7, weeks=1)

        assert 0 < played(Choosing(), size=warm).headhauls < whole.headhauls
        late_only = replace(SIZE, warm_up_days=14, weeks=0)
        assert played(Choosing(), size=late_only).metres == 0

    def test_contribution_is_revenue_less_the_cost_of_all_kilometres(self):
        earned = weeks.Earned(price_cents=500_000, metres=2_000_000.0)

        assert earned.contribution_usd(100.0, truck_weeks=2) == 1_500.0


class TestPosted:
    def test_loads_come_in_order_and_before_their_pickups(self):
        size = Size(loads_a_day=50, warm_up_days=1, weeks=1)
        for habits in (Habits(), Habits(is_soon=True)):
            made = posted(size, habits, seed=1)

            assert made == posted(size, habits, seed=1)
            assert len(made) == 50 * 8
            assert made == sorted(made, key=lambda each: each.at)
            for each in made:
                opens = each.load.stops[0].window_from
                # Its last half hour may have begun at the posting.
                assert opens.timestamp() > each.at - 1_800


@pytest.fixture(scope="module")
def small():
    """A market around a drop, and a truck there."""
    truck = next(fleet(1, seed=1))
    size = Size(loads_a_day=1_000, warm_up_days=1, weeks=0)
    loads = [each.load for each in posted(size, Habits(), seed=1)]
    policy = Choosing()
    played(policy)
    chicago = replace(
        policy.asked[0], place=(41.88, -87.63), free_at=START + timedelta(days=1)
    )
    return chicago, truck, loads


class TestPolicies:
    @pytest.mark.parametrize("who", ["reference", "product"])
    def test_each_search_takes_the_best_of_the_whole_market(self, small, who):
        situation, truck, loads = small
        policy = ReferencePolicy(way)
        if who == "product":
            policy = ProductPolicy(weeks.ROADS)
        for each in loads:
            policy.post(each)

        for _ in range(3):
            best = reference.search(situation, loads, way).best
            assert policy.ranked(situation, truck)[0] == best[0].load.id
            policy.gone(best[0].load.id)
            loads = [each for each in loads if each.id != best[0].load.id]

    @pytest.mark.process
    def test_the_first_search_answers_from_its_own_checkout(self, drop):
        truck = next(fleet(1, seed=1))
        drop = replace(drop, free_at=START)
        cheap, dear = (
            replace(
                load(drop),
                id=f"00000000-0000-0000-0000-00000000000{number}",
                price_cents=price_cents,
                equipment=frozenset({str(truck.equipment)}),
            )
            for number, price_cents in ((1, 200_000), (2, 300_000))
        )
        try:
            with first_checkout() as checkout, first_search(checkout) as search:
                search.post(cheap)
                search.post(dear)
                assert search.ranked(drop, truck) == [dear.id]
                search.gone(dear.id)
                assert search.ranked(drop, truck) == [cheap.id]
                search.gone(cheap.id)
                assert search.ranked(drop, truck) == []
        except CannotSetUp as missing:
            pytest.skip(str(missing))


@pytest.mark.bench
@pytest.mark.process
class TestTheBench:
    def test_both_searches_are_played_on_both_markets(self):
        ended = play("weeks")
        if ended.returncode == 2 and "No checkout" in ended.stderr:
            pytest.skip(ended.stderr)
        line = line_of(ended, "weeks")

        keys = [f"{market}_{usd}" for market in ("own", "soon") for usd in (0.76, 1.56)]
        assert set(bars(line)) == {
            *(f"contribution_factor_{key}" for key in keys),
            *(f"triggers_factor_{key}" for key in keys),
        }
        assert line["params"]["hour_usd"] == HOUR_CENTS / 100
        for key in keys:
            of = {who: line["figures"][f"{who}_{key}_usd"] for who in ("ours", "empty")}
            assert of["ours"] > of["empty"]
            assert line["figures"][f"ours_{key}_lost"] == 0
            assert line["figures"][f"drop_alone_{key}_woken"] == 0
        # On this market some trucks find nothing at their drop.
        assert line["figures"]["all_triggers_soon_0.76_woken"] > 0

    def test_the_reference_is_played_beside_the_first_search(self):
        ended = play("weeks", "--policy", "reference")
        line = line_of(ended, "weeks")

        assert {bar["name"] for bar in line["bars"]} == {
            f"contribution_factor_{market}_{cost}"
            for market in ("own", "soon")
            for cost in (0.76, 1.56)
        }
        assert line["params"]["mode"] == "reference"
        figures = json.loads(ended.stdout)["figures"]
        assert figures["ours_own_0.76_miles"] * METRES_PER_MILE > 0
