"""The reference search on cases computed by hand: each stage and each term."""

from dataclasses import replace
from math import inf

import pytest

from bench import reference
from bench.reference_records import (
    Organisation,
    Poster,
    Preference,
    Truck,
    WeeklyHome,
)
from bench.reference_stages import is_believed, is_in
from tests.bench.square import (
    DEGREE_M,
    HOUR,
    NOON,
    SECOND,
    judged,
    load,
    situation,
    square,
    stop,
    why,
    worth,
)


class TestArea:
    def test_circle_corridor_and_drawn_areas_are_asked_in_this_order(self):
        here = ((-1.0, -1.0), (1.0, -1.0), (1.0, 3.0), (-1.0, 3.0))
        there = ((-1.0, 3.0), (1.0, 3.0), (1.0, 4.0), (-1.0, 4.0))

        north = replace(stop("delivery", 0.0), place=(9.0, 2.0))
        far = stop("pickup", 4.1), stop("delivery", 3.5)
        assert judged(load(1, *far)) is None
        for stops in (
            (stop("pickup", 0.5), north),
            (stop("pickup", 0.5), north, stop("delivery", 3.5)),
        ):
            assert why(load(1, *stops)) == ("area", "outside_corridor")
        assert why(load(), organisation=Organisation(operating=(here,))) == (
            "area",
            "outside_operating_area",
        )
        assert why(load(), organisation=Organisation(no_go=(there,))) == (
            "area",
            "in_no_go_area",
        )
        worth(load(), organisation=Organisation(operating=(here, there)))

    def test_an_edge_and_a_corner_are_inside(self):
        ring = ((0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (2.0, 0.0))

        for place in ((0.0, 1.0), (1.0, 2.0), (2.0, 2.0), (1.0, 1.0)):
            assert is_in(ring, place)
        for place in ((-0.1, 1.0), (1.0, 2.1), (3.0, 3.0)):
            assert not is_in(ring, place)


class TestStages:
    @pytest.mark.parametrize(
        ("changes", "more", "answer"),
        [
            ({"currency": "CAD"}, {}, ("currency", "currency_differs")),
            (
                {"equipment": frozenset({"flatbed"})},
                {},
                ("equipment", "equipment_mismatch"),
            ),
            ({"equipment": frozenset()}, {}, ("equipment", "equipment_unknown")),
            (
                {},
                {"truck": Truck(equipment=None)},
                ("equipment", "equipment_unknown"),
            ),
            (
                {"takes_reefers": False},
                {"truck": Truck("reefer")},
                ("equipment", "equipment_mismatch"),
            ),
            (
                {"weight_kg": 20_001},
                {"truck": Truck(payload_kg=20_000)},
                ("weight", "too_heavy"),
            ),
            ({"weight_kg": 24_948}, {}, ("weight", "above_legal_weight")),
            (
                {"length_m": 14.64},
                {"truck": Truck(deck_length_m=14.63)},
                ("length", "too_long"),
            ),
            ({"has_hazmat": True}, {}, ("hazmat", "hazmat_not_allowed")),
            (
                {"temperature_min_c": 2.0, "temperature_max_c": 8.0},
                {},
                ("temperature", "temperature_not_held"),
            ),
            (
                {},
                {"driver": {"max_deadhead_m": 71_999.0}},
                ("deadhead", "beyond_max_deadhead"),
            ),
            (
                {},
                {"driver": {"home_by": NOON + 10 * HOUR - SECOND}},
                ("home_by", "home_too_late"),
            ),
            (
                {},
                {"driver": {"home_every": WeeklyHome("wed", "21:59", "UTC")}},
                ("home_by", "home_too_late"),
            ),
            (
                {"price_cents": 50_400},
                {"driver": {"min_pay_cents_per_km": 100.01}},
                ("pay", "below_min_pay"),
            ),
            ({"price_cents": 0}, {}, ("gain", "no_gain")),
        ],
    )
    def test_a_load_is_refused_with_its_reason(self, changes, more, answer):
        assert why(load(**changes), **more) == answer

    @pytest.mark.parametrize(
        ("changes", "more"),
        [
            ({}, {"truck": Truck("reefer")}),
            ({"weight_kg": 20_000}, {"truck": Truck(payload_kg=20_000)}),
            ({"weight_kg": 20_000, "length_m": 20.0}, {}),
            ({"has_hazmat": True}, {"truck": Truck(is_hazmat_allowed=True)}),
            (
                {
                    "equipment": frozenset({"reefer"}),
                    "takes_reefers": False,
                    "temperature_min_c": -20.0,
                },
                {"truck": Truck("reefer")},
            ),
            ({}, {"driver": {"max_deadhead_m": 72_000.0}}),
            ({}, {"driver": {"home_by": NOON + 10 * HOUR}}),
            (
                {"price_cents": 50_400},
                {"driver": {"min_pay_cents_per_km": 100.0}},
            ),
        ],
    )
    def test_a_load_at_the_limit_is_not(self, changes, more):
        worth(load(**changes), **more)

    def test_no_road_is_a_reason_of_the_ways(self):
        def island(a, b):
            return (inf, 0.0) if (0.0, 3.5) in (a, b) else square(a, b)

        def home_island(a, b):
            return (inf, 0.0) if (0.0, 4.0) in (a, b) else square(a, b)

        assert why(load(), way=island) == ("road", "no_road")
        assert why(load(), way=home_island) == ("road", "no_road")
        found = reference.search(situation(), [load()], home_island)
        assert not found.has_way_home
        assert found.best == ()

    def test_a_long_detour_is_refused_at_the_metre(self):
        aside = load(1, stop("pickup", 0.5), stop("delivery", 4.5))

        worth(aside, settings={"max_detour_m": DEGREE_M})
        assert why(aside, settings={"max_detour_m": DEGREE_M - 1}) == (
            "detour",
            "detour_too_long",
        )

    def test_borders_and_cabotage(self):
        def between(start, end):
            stops = (
                stop("pickup", 0.5, country=start),
                stop("delivery", 3.5, country=end),
            )
            return load(1, *stops)

        both = {"countries": frozenset({"US", "CA"})}
        to_both = Organisation(countries=both["countries"])
        canadian = Organisation(country="CA", countries=both["countries"])
        refused = ("country", "country_not_allowed")
        assert why(between("US", "CA")) == refused
        assert why(between("US", "CA"), driver=both) == refused
        assert why(between("US", "CA"), organisation=to_both) == refused
        worth(between("US", "CA"), organisation=to_both, driver=both)
        assert why(between("US", "US"), organisation=Organisation(country="CA")) == (
            refused
        )
        assert why(between("US", "US"), organisation=canadian, driver=both)[1] == (
            "cabotage"
        )
        worth(between("US", "CA"), organisation=canadian, driver=both)
        us = {"country": "US"}
        assert why(between("US", "US"), organisation=canadian, driver=us) == (
            "country",
            "cabotage",
        )
        worth(between(None, None))

    @pytest.mark.parametrize(
        ("price_cents", "equipment", "is_offered"),
        [
            (6 * 775 * 50, "van", True),
            (6 * 775 * 50 + 1, "van", False),
            (6 * 775 * 60, "reefer", True),
            (6 * 775 * 60 + 1, "flatbed", False),
        ],
    )
    def test_a_price_beyond_belief_is_not_on_the_market(
        self, price_cents, equipment, is_offered
    ):
        posted = load(price_cents=price_cents, equipment=frozenset({equipment}))

        assert is_believed(posted, 1_000.0) is is_offered
        assert is_believed(replace(posted, is_price_confirmed=True), 1_000.0)

    def test_an_unbelieved_load_is_not_counted(self):
        found = reference.search(situation(), [load(price_cents=2**31 - 1)], square)

        assert found.considered == found.worth == 0
        assert found.counts == {}


class TestGain:
    def test_terms_add_up_to_the_gain(self):
        terms = dict(worth(load(), settings={"fee_share": 0.1}).terms)

        assert terms == {
            "price": 100_000,
            "fee": -10_000,
            "deadhead_cost": -7_200,
            "loaded_cost": -43_200,
            "home_deadhead_cost": -7_200,
            "baseline_saved": 57_600,
            # 10 h with the load and 8 h without.
            "duty_hours_cost": -2_000,
            "cancellation_risk": 0,
        }

    def test_truck_before_organisation_before_default(self):
        own = Truck(
            cost_empty_cents_per_km=50, cost_loaded_cents_per_km=200, hour_cents=0
        )
        carrier = Organisation(cost_cents_per_km=10.0, hour_cents=100)
        of_truck = dict(worth(load(), truck=own, organisation=carrier).terms)
        of_carrier = dict(worth(load(), organisation=carrier).terms)

        assert of_truck["deadhead_cost"] == -3_600
        assert of_truck["loaded_cost"] == -86_400
        assert of_truck["duty_hours_cost"] == 0
        assert of_carrier["loaded_cost"] == -4_320
        assert of_carrier["duty_hours_cost"] == -200

    def test_a_poster_who_cancels_is_shrunk_and_hidden_below_five(self):
        few, many = Poster(4, 4), Poster(10, 5)

        assert worth(load(poster=few)).gain_cents == 98_000
        # 5 of 20 of the 98,000 that would be left.
        assert worth(load(poster=many)).gain_cents == 73_500

    def test_preferences_are_terms_or_refuse(self):
        stops = (
            stop("pickup", 0.5, state="TX", is_urban=True),
            stop("delivery", 3.5, state="NY"),
        )
        posted = load(1, *stops)

        def with_wish(*wishes):
            return {"driver": {"preferences": wishes}}

        lane = Preference("lane", cents=500, from_state="TX", to_state="NY")
        other = replace(lane, to_state="NJ", is_hard=True)
        state = Preference("no_state", cents=700, state="NY")
        cities = Preference("no_cities", cents=900)
        found = worth(posted, **with_wish(lane, state, cities))
        assert dict(found.terms[-3:]) == {
            "lane": 500,
            "no_state": -700,
            "no_cities": -900,
        }
        for wish, reason in (
            (other, "off_lane"),
            (replace(state, is_hard=True), "in_disliked_state"),
            (replace(cities, is_hard=True), "in_a_city"),
        ):
            assert why(posted, **with_wish(wish)) == ("wishes", reason)
        worth(posted, **with_wish(other, replace(lane, is_hard=True)))

    @pytest.mark.parametrize(
        ("free_h", "is_night", "is_weekend"),
        [
            (0, False, False),
            # Arrivals at 21:00 and 04:00; 21:59 and 04:59; 22:00 and 05:00.
            (8, True, False),
            (8 + 59 / 60, True, False),
            (9, True, False),
            # At 04:59 and at 05:00.
            (15 + 59 / 60, True, False),
            (16, False, False),
            # Home at midnight before Saturday, and a minute later.
            (24 * 2 + 2, True, False),
            (24 * 2 + 2 + 1 / 60, True, True),
            # On a Sunday; on a Monday.
            (24 * 4, False, True),
            (24 * 5, False, False),
        ],
    )
    def test_nights_are_arrivals_and_weekends_begin_before_home(
        self, free_h, is_night, is_weekend
    ):
        free_at = NOON + free_h * HOUR
        for kind, is_refused in (("no_nights", is_night), ("no_weekends", is_weekend)):
            wish = Preference(kind, is_hard=True)
            asked = situation(driver={"preferences": (wish,), "zone": "UTC"})
            ends = stop("pickup", 0.5, -24, 300), stop("delivery", 3.5, -24, 300)
            asked = replace(asked, free_at=free_at)
            found = reference.judge(load(1, *ends), asked, square)
            assert isinstance(found, reference.Refused) is is_refused

    def test_a_cost_that_cannot_be_right_is_the_default(self):
        own = Truck(cost_empty_cents_per_km=0, cost_loaded_cents_per_km=1_000.1)
        carrier = Organisation(cost_cents_per_km=9.9)

        for more in ({"truck": own}, {"organisation": carrier}):
            assert worth(load(), **more).terms == worth(load()).terms


class TestSearch:
    def test_ties_go_to_the_shorter_deadhead_then_to_the_smaller_id(self):
        same = [load(3), load(2)]
        # Each kilometre costs the same: the same metres, the same gain.
        nearer = load(9, stop("pickup", 0.25), stop("delivery", 3.5))
        loads = [replace(each, weight_kg=n) for n, each in enumerate([*same, nearer])]
        found = reference.search(situation(), loads, square)

        assert [each.load.id for each in found.best] == ["9", "2", "3"]

    def test_another_order_ranks_the_same_loads(self):
        late = stop("pickup", 0.5, 6), stop("delivery", 3.5)
        near = stop("pickup", 0.1), stop("delivery", 3.9)
        loads = [
            load(1, *late, price_cents=200_000),
            load(2, price_cents=150_000),
            load(3, *near, price_cents=100_000),
        ]

        def order(rank_by):
            asked = situation(driver={"rank_by": rank_by})
            found = reference.search(asked, loads, square)
            return [each.load.id for each in found.best]

        assert order("gain") == ["1", "2", "3"]
        # Home at the same time: the shorter deadhead.
        assert order("home_time") == ["3", "2", "1"]
        assert order("gain_per_hour") == ["2", "1", "3"]
        assert order("co2") == ["3", "1", "2"]

    def test_counts_and_ranked_are_all_loads(self):
        loads = [load(n, price_cents=n * 1_000) for n in range(100)]
        loads = [replace(each, weight_kg=n) for n, each in enumerate(loads)]
        found = reference.search(situation(), loads, square)

        assert len(found.best) == 50
        assert sum(found.counts.values()) + found.worth == found.considered == 100
