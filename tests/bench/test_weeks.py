"""The world of weeks: what is earned, what is lost, and the searches tried in it."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest

from bench import reference, weeks
from bench.product import way_of
from bench.reference_records import METRES_PER_MILE, Load, Stop
from bench.rig import CannotSetUp
from bench.weeks_policies import (
    EmptyHome,
    ProductPolicy,
    ReferencePolicy,
    first_checkout,
    first_search,
)
from bench.weeks_world import START, Costs, Posted, Size, World, posted
from freight.hours import elapsed_s
from market import Habits, fleet
from tests.bench.quick import line_of, play

SIZE = Size(trucks=1, loads_a_day=0, warm_up_days=0, weeks=2)
way = way_of(weeks.ROADS)
COSTS = Costs(km_cents=100.0, hour_cents=2_000)
LONG = timedelta(days=30)
ID = str(UUID(int=1))


class Choosing:
    """Takes the loads named, each at the first search at which it is posted.

    wakes: the first truck on the way home takes any load that is posted then.
    """

    def __init__(self, *wanted, wakes=False):
        self.wanted, self.posted, self.asked = list(wanted), set(), []
        self.wakes, self.woken = wakes, []

    def taker(self, load, waiting):
        self.woken += waiting[:1]
        return 0

    def post(self, load):
        self.posted.add(load.id)

    def gone(self, load_id):
        self.posted.remove(load_id)

    def best(self, situation, truck):
        self.asked.append(situation)
        if self.wanted and self.wanted[0] in self.posted:
            return self.wanted.pop(0)
        return None


def played(policy, *loads, size=SIZE):
    market = [Posted(START.timestamp(), load) for load in loads]
    return World(size, policy, COSTS, way).play(market, seed=1)


@pytest.fixture(scope="module")
def drop():
    """The first situation in which the truck is searched for."""
    policy = Choosing()
    played(policy)
    return policy.asked[0]


def load(drop, number=1, *, pickup_h=1_000.0, delivery_h=1_000.0, to=None):
    """A load from the truck's drop; its windows end so many hours after the drop."""
    ends = (
        ("pickup", drop.place, pickup_h),
        ("delivery", to or drop.driver.home, delivery_h),
    )
    stops = [
        Stop(kind, place, START - LONG, drop.free_at + timedelta(hours=hours))
        for kind, place, hours in ends
    ]
    return Load(f"{number}", tuple(stops), price_cents=123_400)


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

        taker = ProductPolicy(weeks.ROADS, wakes=True).taker(posted_now, waiting)
        assert len(gains) > 1
        assert taker == max(gains, key=gains.__getitem__)

    def test_nobody_if_it_is_worth_nothing(self, drop, waiting):
        kind = frozenset({drop.truck.equipment})
        poor = replace(load(drop), id=ID, equipment=kind, price_cents=100)

        assert ProductPolicy(weeks.ROADS).taker(poor, waiting) is None


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

    def test_a_truck_on_the_way_home_is_woken_and_goes_on_from_where_it_is(self, drop):
        later = drop.free_at + timedelta(hours=2)
        policy, unwoken = Choosing(wakes=True), Choosing()
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
        policy = Choosing(wakes=True)
        World(SIZE, policy, COSTS, way).play(
            [Posted(later.timestamp(), load(drop))], seed=1
        )

        assert policy.woken == []

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
            assert policy.best(situation, truck) == best[0].load.id
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
                assert search.best(drop, truck) == dear.id
                search.gone(dear.id)
                assert search.best(drop, truck) == cheap.id
                search.gone(cheap.id)
                assert search.best(drop, truck) is None
        except CannotSetUp as missing:
            pytest.skip(str(missing))


@pytest.mark.bench
class TestTheBench:
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
