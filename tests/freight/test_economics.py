"""A load's gain follows the published formula, and its terms add up to it."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.economics import figures_of, gain_terms, timetable, way_home
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
    make_candidate,
    make_parameters,
    make_situation,
)

COST = 226 / (METRES_PER_MILE / 1000)


class MileRoads:
    """A - B 500 miles, A - P 40, D - B 60."""

    source = "table"
    miles = {(DROP, HOME): 500, (DROP, PICKUP): 40, (DELIVERY, HOME): 60}  # noqa: RUF012

    def distance_m(self, a, b):
        return self.miles[a, b] * METRES_PER_MILE


def figures(candidate, situation, parameters, roads=ROADS):
    baseline = way_home(situation, parameters, roads)
    return figures_of(candidate, situation, parameters, roads=roads, baseline=baseline)


def terms(candidate, situation, parameters, roads=ROADS):
    of = figures(candidate, situation, parameters, roads)
    return gain_terms(candidate, situation, parameters, of)


def score(*args):
    return sum(term.value for term in terms(*args))


class TestPublishedVector:
    """500 miles home, 40 to the pickup, 430 loaded, 60 from the delivery, $900."""

    load = make_candidate(loaded_m=430 * METRES_PER_MILE, price_cents=90_000)
    truck = make_situation(cost_empty_cents_per_km=COST, cost_loaded_cents_per_km=COST)

    def test_gain(self):
        gain = terms(self.load, self.truck, make_parameters(), MileRoads())

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

    def test_figures(self):
        of = figures(self.load, self.truck, make_parameters(), MileRoads())

        assert of.detour_m == pytest.approx(30 * METRES_PER_MILE)
        assert of.empty_before_m == of.baseline_m == 500 * METRES_PER_MILE
        assert of.empty_after_m == pytest.approx(100 * METRES_PER_MILE)
        assert of.pay_cents_per_km == pytest.approx(90_000 / (470 * 1.609344))

    def test_a_fee_is_taken_from_the_price(self):
        parameters = make_parameters(fee_share=0.125)
        gain = terms(self.load, self.truck, parameters, MileRoads())
        assert gain[1] == ("fee", "cents", -11_250)

    def test_loaded_kilometres_may_cost_more_than_empty_ones(self):
        truck = replace(self.truck, cost_loaded_cents_per_km=COST * 2)
        gain = terms(self.load, truck, make_parameters(), MileRoads())
        assert gain[3].value == -2 * 97_180
        assert gain[2].value == -9_040


class TestGain:
    def test_each_added_hour_costs_the_given_rate(self):
        # Two stops of an hour each, no detour, and 20 000 s of driving.
        gain = terms(
            make_candidate(), make_situation(), make_parameters(duty_hour_cents=2_500)
        )
        assert gain[-1] == ("duty_hours_cost", "cents", -5_000)

    def test_with_the_drop_at_home_the_baseline_is_zero(self):
        of = figures(make_candidate(), make_situation(home=DROP), make_parameters())
        gain = terms(make_candidate(), make_situation(home=DROP), make_parameters())

        assert of.baseline_m == of.empty_before_m == 0
        assert of.detour_m == 50_000 + 300_000 + 350_000
        assert gain[5].value == 0
        assert sum(term.value for term in gain) == 100_000 - 70_000

    def test_a_load_of_length_zero_at_the_drop_has_no_pay_per_kilometre(self):
        load = make_candidate(pickup=DROP, delivery=DROP, loaded_m=0.0)
        assert (
            figures(load, make_situation(), make_parameters()).pay_cents_per_km is None
        )

    def test_a_posted_length_below_the_road_makes_no_negative_detour(self):
        load = make_candidate(loaded_m=290_000.0)
        assert figures(load, make_situation(), make_parameters()).detour_m == 0

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
        load = make_candidate(
            pickup=p, delivery=d, loaded_m=ROADS.distance_m(p, d), price_cents=price
        )
        truck = make_situation(
            drop=a,
            home=b,
            cost_empty_cents_per_km=empty,
            cost_loaded_cents_per_km=loaded,
        )
        parameters = make_parameters(fee_share=fee, duty_hour_cents=hour)
        of = figures(load, truck, parameters)

        assert of.detour_m >= 0
        exact = plain_gain(a, p, d, b, price, empty, loaded, fee)
        exact -= Fraction(hour) * Fraction(of.added_duty_s) / 3600
        # Each of six terms is rounded by up to half a cent.
        assert abs(score(load, truck, parameters) - exact) <= 3 + Fraction(1, 1000)


def plain_gain(a, p, d, b, price, empty, loaded, fee):
    """The money left at home with the load less that without it, in exact fractions."""

    def km(x, y):
        lat = abs(Fraction(x.lat) - Fraction(y.lat))
        return (lat + abs(Fraction(x.lon) - Fraction(y.lon))) * 100

    without = -Fraction(empty) * km(a, b)
    earned = Fraction(price) - Fraction(price) * Fraction(fee)
    driven = Fraction(empty) * (km(a, p) + km(d, b)) + Fraction(loaded) * km(p, d)
    return (earned - driven) - without


class TestTimetable:
    """The speed is 20 m/s, that is 72 km in an hour. Each dock takes an hour."""

    def times(self, *, out_km=72.0, loaded_km=144.0, back_km=72.0, **changes):
        load = make_candidate(loaded_m=loaded_km * 1000, **changes)
        arrivals = timetable(
            load,
            NOON,
            make_parameters(),
            deadhead_m=out_km * 1000,
            home_deadhead_m=back_km * 1000,
        )
        return tuple((at - NOON) / HOUR for at in arrivals)

    def test_drives_and_docks_follow_each_other(self):
        assert self.times() == (1, 1 + 1 + 2, 4 + 1 + 1)

    def test_stops_between_pickup_and_delivery_take_their_time(self):
        assert self.times(stop_count=4) == (1, 4 + 2, 6 + 2)

    def test_arriving_early_means_waiting_until_the_pickup_opens(self):
        assert self.times(pickup_from=NOON + 3 * HOUR) == (1, 3 + 3, 6 + 2)

    def test_arriving_early_means_waiting_until_the_delivery_opens(self):
        assert self.times(delivery_from=NOON + 9 * HOUR) == (1, 4, 9 + 2)

    def test_breaks_and_rests_count_over_the_whole_trip(self):
        # 7 h out, 5 h loaded, 1 h back: break after 8 h, ten hours off after 11 h.
        times = self.times(out_km=7 * 72, loaded_km=5 * 72)
        assert times == (7, 7 + 1 + 5 + 0.5 + 10, 23.5 + 1 + 1)

    def test_waiting_ten_hours_at_the_pickup_is_the_daily_rest(self):
        times = self.times(
            out_km=7 * 72, loaded_km=5 * 72, pickup_from=NOON + 17 * HOUR
        )
        assert times == (7, 17 + 1 + 5, 23 + 1 + 1)

    def test_waiting_less_than_ten_hours_is_not_the_daily_rest(self):
        times = self.times(
            out_km=7 * 72, loaded_km=5 * 72, pickup_from=NOON + 16.9 * HOUR
        )
        assert times[1] == pytest.approx(16.9 + 1 + 5 + 0.5 + 10)

    def test_waiting_ten_hours_at_the_delivery_is_the_daily_rest(self):
        times = self.times(
            out_km=5 * 72, loaded_km=5.5 * 72, delivery_from=NOON + 22 * HOUR
        )
        assert times == (5, 5 + 1 + 5.5 + 0.5, 22 + 1 + 1)

    def test_added_duty_counts_driving_docks_waits_and_rests(self):
        load = make_candidate(pickup_from=NOON + 5 * HOUR)
        of = figures(load, make_situation(), make_parameters())
        out_h = 50 / 72
        assert of.added_duty_s / 3600 == pytest.approx(5 - out_h + 2)

    def test_a_window_from_local_midnight_opens_at_local_midnight(self):
        chicago = ZoneInfo("America/Chicago")
        # Clocks go forward at 2:00 on 2026-03-08, so midnight to 6:00 is five hours.
        load = make_candidate(
            pickup_from=datetime(2026, 3, 8, 0, 0, tzinfo=chicago),
            pickup_until=datetime(2026, 3, 8, 6, 0, tzinfo=chicago),
        )
        free_at = datetime(2026, 3, 7, 22, 0, tzinfo=chicago)
        of = figures(load, make_situation(free_at=free_at), make_parameters())

        midnight_to_delivery = timedelta(hours=1, seconds=15_000)
        opens_at = datetime.fromisoformat("2026-03-08T06:00:00+00:00")
        assert of.delivery_eta == opens_at + midnight_to_delivery
        assert load.pickup_until - load.pickup_from == 5 * HOUR
