"""A load's gain follows the published formula, and its terms add up to it."""

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.columns import Loads, seconds_of
from freight.gains import TERMS, cancelled_share
from freight.preferences import Preference, PreferenceKind
from freight.tables import Asked, Table, paid, routed, timed
from geo.distance import METRES_PER_MILE
from geo.points import Point

from .world import (
    DELIVERY,
    DROP,
    HOME,
    HOUR,
    NOON,
    PICKUP,
    ROADS,
    SquareRoads,
    ask,
    load_of,
    make_candidate,
    make_stop,
)

COST = 226 / (METRES_PER_MILE / 1000)
MOST_CENTS = 2**31 - 1
"""The most that a price can be in the database."""


class MileRoads(SquareRoads):
    """A - B 500 miles, A - P 40, D - B 60."""

    miles = {(DROP, HOME): 500, (DROP, PICKUP): 40, (HOME, DELIVERY): 60}  # noqa: RUF012

    def way(self, a, b):
        return super().way(a, b)._replace(metres=self.miles[a, b] * METRES_PER_MILE)


def figured(load, asked: Asked) -> Table:
    """A table of one load with its gain, whatever speaks against it."""
    table = Table(Loads.of([load], asked.roads))
    return paid(timed(routed(table, asked), asked), asked)


def terms(load, truck=None, rules=None, roads=ROADS):
    table = figured(load, ask(truck, rules, roads=roads))
    return table.known_gains.terms(0, table.loads)


def term(name, *args, **changes):
    """One term in cents; None if the load does not show it."""
    found = {each.name: each.value for each in terms(*args, **changes)}
    return found.get(name)


def score(*args, **changes):
    return sum(term.value for term in terms(*args, **changes))


class TestPublishedVector:
    """500 miles home, 40 to the pickup, 430 loaded, 60 from the delivery, $900."""

    load = make_candidate(loaded_m=430 * METRES_PER_MILE, price_cents=90_000)
    truck = {"cost_empty_cents_per_km": COST, "cost_loaded_cents_per_km": COST}  # noqa: RUF012

    def test_gain(self):
        gain = terms(self.load, self.truck, roads=MileRoads())

        assert [(term.name, term.value) for term in gain] == [
            ("price", 90_000),
            ("fee", 0),
            ("deadhead_cost", -9_040),
            ("loaded_cost", -97_180),
            ("home_deadhead_cost", -13_560),
            ("baseline_saved", 113_000),
            ("duty_hours_cost", 0),
        ]
        assert sum(term.value for term in gain) == 90_000 - 226 * 30
        assert {term.unit for term in gain} == {"cents"}

    def test_detour(self):
        gains = figured(self.load, ask(self.truck, roads=MileRoads())).known_gains

        # A load's own way is whole metres.
        assert gains.detour_m[0] == pytest.approx(30 * METRES_PER_MILE, abs=0.5)

    def test_a_fee_is_taken_from_the_price(self):
        fee = {"fee_share": 0.125}
        assert term("fee", self.load, self.truck, fee, MileRoads()) == -11_250

    def test_loaded_kilometres_may_cost_more_than_empty_ones(self):
        truck = self.truck | {"cost_loaded_cents_per_km": COST * 2}
        assert term("loaded_cost", self.load, truck, roads=MileRoads()) == -2 * 97_180
        assert term("deadhead_cost", self.load, truck, roads=MileRoads()) == -9_040


class TestGain:
    def test_each_added_hour_costs_the_given_rate(self):
        # Two stops of an hour each, no detour, and 20 000 s of driving.
        hours = term("duty_hours_cost", make_candidate(), {"hour_cents": 2_500})
        assert hours == -5_000

    def test_added_hours_are_driving_docks_waits_and_rests(self):
        load = make_candidate(pickup_from=NOON + 5 * HOUR)
        added_s = figured(load, ask()).known_gains.added_s[0]
        out_h = 50 / 72
        assert added_s / 3600 == pytest.approx(5 - out_h + 2)

    def test_with_the_drop_at_home_the_baseline_is_zero(self):
        table = figured(make_candidate(), ask({"home": DROP}))

        assert table.known_gains.baseline_saved[0] == 0
        assert table.known_gains.detour_m[0] == 50_000 + 300_000 + 350_000
        assert score(make_candidate(), {"home": DROP}) == 100_000 - 70_000

    def test_a_posted_length_below_the_road_makes_no_negative_detour(self):
        load = make_candidate(loaded_m=290_000.0)
        assert figured(load, ask()).known_gains.detour_m[0] == 0

    def test_a_load_for_nothing_costs_its_detour(self):
        load = make_candidate(price_cents=0, loaded_m=310_000.0)
        assert score(load) == -1_000

    def test_the_highest_price_does_not_overflow(self):
        load = make_candidate(price_cents=MOST_CENTS)
        assert score(load, rules={"fee_share": 0.25}) == round(MOST_CENTS * 0.75)

    @given(
        places=st.lists(
            st.builds(Point, lat=st.floats(-9, 9), lon=st.floats(-9, 9)),
            min_size=4,
            max_size=4,
        ),
        price=st.integers(0, 10**7),
        costs=st.tuples(st.floats(0, 1000), st.floats(0, 1000)),
        fee=st.floats(0, 1),
        hour=st.integers(0, 10_000),
    )
    def test_equals_the_formula_in_another_form(self, places, price, costs, fee, hour):
        a, p, d, b = places
        empty, loaded = costs
        loaded_m = round(ROADS.distance_m(p, d))
        load = make_candidate(
            pickup=p, delivery=d, loaded_m=loaded_m, price_cents=price
        )
        truck = {
            "drop": a,
            "home": b,
            "cost_empty_cents_per_km": empty,
            "cost_loaded_cents_per_km": loaded,
            "hour_cents": hour,
        }
        gains = figured(load, ask(truck, {"fee_share": fee})).known_gains

        assert gains.detour_m[0] >= 0
        exact = plain_gain(a, p, d, b, loaded_m, price, empty, loaded, fee)
        exact -= Fraction(hour) * Fraction(float(gains.added_s[0])) / 3600
        # Each of seven terms is rounded by up to half a cent.
        assert abs(int(gains.score_cents[0]) - exact) <= 3.5 + Fraction(1, 1000)


def plain_gain(a, p, d, b, loaded_m, price, empty, loaded, fee):
    """The money left at home with the load less that without it, in exact fractions."""

    def km(x, y):
        lat = abs(Fraction(x.lat) - Fraction(y.lat))
        return (lat + abs(Fraction(x.lon) - Fraction(y.lon))) * 100

    without = -Fraction(empty) * km(a, b)
    earned = Fraction(price) - Fraction(price) * Fraction(fee)
    driven = Fraction(empty) * (km(a, p) + km(d, b))
    driven += Fraction(loaded) * Fraction(loaded_m) / 1000
    return (earned - driven) - without


class TestTerms:
    @given(
        price=st.integers(0, MOST_CENTS),
        fee=st.floats(0, 1),
        booked=st.integers(0, 200),
        hour=st.integers(0, 10_000),
        data=st.data(),
    )
    def test_they_are_whole_cents_and_add_up_to_the_score(
        self, price, fee, booked, hour, data
    ):
        cancelled = data.draw(st.integers(0, booked))
        load = make_candidate(price_cents=price, booked=booked, cancelled=cancelled)
        table = figured(load, ask({"hour_cents": hour}, {"fee_share": fee}))

        shown = table.known_gains.terms(0, table.loads)

        assert all(type(term.value) is int for term in shown)
        assert sum(term.value for term in shown) == table.known_gains.score_cents[0]
        every = sum(int(getattr(table.known_gains, name)[0]) for name in TERMS)
        assert every == table.known_gains.score_cents[0]

    @given(
        prices=st.tuples(st.integers(0, MOST_CENTS), st.integers(0, MOST_CENTS)),
        fee=st.floats(0, 1),
        booked=st.integers(0, 200),
        data=st.data(),
    )
    def test_a_higher_price_never_lowers_the_score(self, prices, fee, booked, data):
        cancelled = data.draw(st.integers(0, booked))
        low, high = (
            score(
                make_candidate(price_cents=price, booked=booked, cancelled=cancelled),
                rules={"fee_share": fee},
            )
            for price in sorted(prices)
        )
        assert low <= high

    @given(
        price=st.integers(0, 10**6),
        fee=st.sampled_from([0.0, 0.1, 0.5, 0.999, 1.0]),
        cancelled=st.integers(0, 12),
    )
    def test_one_cent_more_never_lowers_the_score(self, price, fee, cancelled):
        def at(cents):
            load = make_candidate(price_cents=cents, booked=12, cancelled=cancelled)
            return score(load, rules={"fee_share": fee})

        assert at(price) <= at(price + 1)


class TestCancellations:
    """A load that gains $1,000 and costs no detour."""

    def risk(self, booked, cancelled, **changes):
        load = make_candidate(booked=booked, cancelled=cancelled, **changes)
        return term("cancellation_risk", load)

    def test_the_share_of_the_gain_that_is_likely_to_be_lost_is_taken_off(self):
        assert self.risk(booked=10, cancelled=5) == -25_000

    def test_a_small_sample_says_little(self):
        assert self.risk(booked=100, cancelled=50) < self.risk(booked=6, cancelled=3)

    def test_of_fewer_than_five_booked_loads_nothing_is_said(self):
        assert self.risk(booked=4, cancelled=4) is None
        assert self.risk(booked=5, cancelled=5) == -33_333

    def test_a_poster_who_keeps_their_word_shows_no_such_term(self):
        assert self.risk(booked=500, cancelled=0) is None

    def test_a_loss_is_not_made_smaller(self):
        assert self.risk(10, 5, price_cents=0, loaded_m=400_000.0) is None

    def test_it_names_its_sample(self):
        load = make_candidate(booked=10, cancelled=5)
        samples = {each.name: each.sample for each in terms(load)}
        assert samples.pop("cancellation_risk") == 10
        assert set(samples.values()) == {None}

    @given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=8))
    def test_the_share_is_from_0_to_1(self, counts):
        board = [
            make_candidate(n, booked=max(pair), cancelled=min(pair))
            for n, pair in enumerate(counts)
        ]
        share = cancelled_share(Loads.of(board, ROADS))
        assert ((share >= 0) & (share < 1)).all()


class TestWishes:
    """A load from Texas to Illinois, under way on a Monday afternoon."""

    load = load_of(make_stop(0.5, "pickup", state="TX"), make_stop(3.5, state="IL"))

    def with_wish(self, *wishes, load=load, **truck):
        wished = score(load, {"preferences": wishes, **truck})
        return wished - score(load, truck)

    def test_a_load_on_the_lane_is_worth_more(self):
        lane = Preference(PreferenceKind.LANE, cents=5_000, to_state="IL")
        away = Preference(PreferenceKind.LANE, cents=5_000, to_state="OH")
        assert self.with_wish(lane) == 5_000
        assert self.with_wish(away) == 0

    def test_each_lane_that_it_is_on_counts(self):
        lanes = (
            Preference(PreferenceKind.LANE, cents=5_000, to_state="IL"),
            Preference(PreferenceKind.LANE, cents=700, from_state="TX"),
        )
        assert self.with_wish(*lanes) == 5_700

    def test_a_load_against_a_dislike_is_worth_less(self):
        state = Preference(PreferenceKind.NO_STATE, cents=800, state="TX")
        assert self.with_wish(state) == -800

    def test_a_hard_wish_is_no_term(self):
        state = Preference(PreferenceKind.NO_STATE, is_hard=True, cents=8, state="TX")
        assert self.with_wish(state) == 0

    def test_a_wishs_term_is_called_as_its_kind(self):
        wish = Preference(PreferenceKind.NO_NIGHTS, cents=900)
        late = {"preferences": (wish,), "free_at": NOON + 8 * HOUR}
        assert term("no_nights", make_candidate(), late) == -900
        assert term("no_nights", make_candidate(), {"preferences": (wish,)}) is None

    def test_a_trip_into_the_weekend_costs_what_the_driver_says(self):
        wish = Preference(PreferenceKind.NO_WEEKENDS, cents=900)
        friday = {"free_at": datetime.fromisoformat("2026-03-06T20:00:00+00:00")}
        assert self.with_wish(wish) == 0
        assert self.with_wish(wish, **friday) == -900


class TestOfMany:
    def test_a_load_alone_and_among_others_gains_the_same(self):
        board = [make_candidate(n, price_cents=n * 1_000) for n in range(5)]
        asked = ask({"hour_cents": 2_000}, {"fee_share": 0.07})
        table = Table(Loads.of(board, ROADS))
        table = paid(timed(routed(table, asked), asked), asked)

        alone = [figured(load, asked).known_gains.score_cents[0] for load in board]

        assert table.known_gains.score_cents.tolist() == alone

    def test_no_load_is_no_gain(self):
        asked = ask()
        table = paid(timed(routed(Table(Loads.of([], ROADS)), asked), asked), asked)

        assert table.known_gains.score_cents.tolist() == []

    def test_home_is_counted_from_when_the_driver_is_free(self):
        table = figured(make_candidate(), ask())

        away_s = table.known_trips.home_at[0] - seconds_of(NOON)
        assert table.known_gains.added_s[0] == away_s - 20_000


class TestRoundedLegs:
    def test_a_loads_way_is_whole_metres(self):
        plain = make_candidate(loaded_m=300_000.4)
        assert score(plain) == score(replace(plain, loaded_m=300_000.0))
