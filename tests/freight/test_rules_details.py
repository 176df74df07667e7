"""What the rules make of the unknown, of middle stops, of countries and of wishes."""

from math import inf

import pytest

from freight.equipment import Equipment
from freight.feasibility import Reason, Stage
from freight.preferences import Preference, PreferenceKind
from freight.ranking import Ranked
from geo.areas import AreaReason
from geo.points import Point

from .world import (
    DROP,
    HOUR,
    NOON,
    SECOND,
    Everywhere,
    SquareRoads,
    hard,
    judged,
    load_of,
    make_stop,
    two_stops,
)

VAN, REEFER = Equipment.VAN, Equipment.REEFER
HOME_ETA = NOON + 2 * HOUR + 20_000 * SECOND


class TestUnknowns:
    def test_a_load_that_names_no_equipment_is_unknown_not_a_mismatch(self):
        excluded = judged(load={"equipment": frozenset()})
        assert excluded.reason is Reason.EQUIPMENT_UNKNOWN
        assert excluded.figure == (None, "van", "equipment")

    def test_other_on_both_sides_need_not_be_the_same(self):
        other = {"equipment": frozenset({Equipment.OTHER, VAN})}
        excluded = judged(other, {"equipment": Equipment.OTHER})
        assert excluded.reason is Reason.EQUIPMENT_UNKNOWN

    def test_other_is_no_van(self):
        excluded = judged(truck={"equipment": Equipment.OTHER})
        assert excluded.reason is Reason.EQUIPMENT_MISMATCH

    def test_a_load_without_weight_and_length_fits_any_truck(self):
        ranked = judged(truck={"payload_kg": 1, "deck_length_m": 0.1})
        assert ranked.unchecked == ()

    def test_a_truck_without_payload_and_deck_takes_the_load_and_says_so(self):
        ranked = judged(load={"weight_kg": 20_000, "length_m": 14.6})
        assert ranked.unchecked == (Stage.WEIGHT, Stage.LENGTH)

    def test_an_unknown_country_is_neither_forbidden_nor_domestic(self):
        truck = {"countries": frozenset({"US"}), "carrier_country": "US"}
        assert isinstance(judged(two_stops(), truck), Ranked)
        assert isinstance(judged(two_stops({"country": "US"}), truck), Ranked)
        half = two_stops({"country": "US"})
        assert isinstance(judged(half, {"carrier_country": "CA"}), Ranked)

    def test_a_driver_who_said_nothing_of_countries_drives_everywhere(self):
        load = two_stops({"country": "US"}, {"country": "GT"})
        assert isinstance(judged(load), Ranked)

    def test_a_load_without_a_state_is_not_in_a_disliked_one(self):
        truck = hard(PreferenceKind.NO_STATE, state="NY")
        assert isinstance(judged(two_stops(), truck), Ranked)

    def test_a_dislike_that_names_no_state_is_of_none(self):
        truck = hard(PreferenceKind.NO_STATE)
        assert isinstance(judged(two_stops(), truck), Ranked)


class TestReefers:
    def load(self, **changes):
        return {"equipment": frozenset({VAN}), **changes}

    def test_a_reefer_takes_what_a_dry_van_may(self):
        assert isinstance(judged(self.load(), {"equipment": REEFER}), Ranked)

    def test_unless_the_poster_does_not_want_it(self):
        excluded = judged(self.load(takes_reefers=False), {"equipment": REEFER})
        assert excluded.reason is Reason.EQUIPMENT_MISMATCH

    def test_a_van_takes_no_load_that_asks_for_a_reefer(self):
        excluded = judged(self.load(equipment=frozenset({REEFER})))
        assert excluded.reason is Reason.EQUIPMENT_MISMATCH

    @pytest.mark.parametrize(
        ("lowest_c", "highest_c", "is_held"),
        [
            (None, -29.0, True),
            (None, -29.1, False),
            (32.0, None, True),
            (32.1, None, False),
            (2.0, 4.0, True),
        ],
    )
    def test_it_holds_what_its_unit_can(self, lowest_c, highest_c, is_held):
        load = {"temperature_min_c": lowest_c, "temperature_max_c": highest_c}
        reefer = {"equipment": REEFER}
        found = judged(self.load(equipment=frozenset({REEFER}), **load), reefer)
        assert isinstance(found, Ranked) is is_held


class TestMiddleStops:
    """What was judged of the two ends only: a stop in between."""

    def load(self, kind="delivery", **changes):
        return load_of(
            make_stop(0.5, "pickup"), make_stop(2.0, kind, **changes), make_stop(3.5)
        )

    def test_a_delivery_that_closes_is_named(self):
        excluded = judged(self.load(window_until=NOON + HOUR))
        assert excluded.reason is Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL
        assert excluded.stop == 2

    def test_a_pickup_that_closes_is_a_pickup(self):
        excluded = judged(self.load("pickup", window_until=NOON + HOUR))
        assert excluded.reason is Reason.PICKUP_CLOSED_BEFORE_ARRIVAL
        assert excluded.stop == 2
        # An hour of loading and 200 km.
        assert excluded.figure.value == "2026-03-02T15:46:40+00:00"

    def test_one_that_opens_late_makes_the_driver_late(self):
        late = self.load(window_from=NOON + 20 * HOUR)
        excluded = judged(late, {"home_by_at": HOME_ETA + HOUR})
        assert excluded.reason is Reason.HOME_TOO_LATE
        assert isinstance(judged(self.load(), {"home_by_at": HOME_ETA + HOUR}), Ranked)

    @pytest.mark.parametrize("reason", list(AreaReason)[1:])
    def test_one_outside_the_area_is_named(self, reason):
        load = load_of(
            *(make_stop(0.5, "pickup"), make_stop(2.0), make_stop(3.9)), make_stop(3.5)
        )
        excluded = judged(load, area=Everywhere(reason, beyond=3.7))
        assert (excluded.reason, excluded.stop) == (reason.value, 3)

    def test_the_first_one_outside_is_named(self):
        excluded = judged(
            self.load(), area=Everywhere(AreaReason.IN_NO_GO_AREA, beyond=1.0)
        )
        assert excluded.stop == 2

    def test_only_the_first_pickup_must_be_in_the_circle(self):
        area = Everywhere(AreaReason.OUTSIDE_CIRCLE, beyond=1.0)
        assert isinstance(judged(self.load("pickup"), area=area), Ranked)

    def test_one_in_a_forbidden_country_counts(self):
        load = self.load(country="MX")
        excluded = judged(load, {"countries": frozenset({"US", "CA"})})
        assert excluded.reason is Reason.COUNTRY_NOT_ALLOWED
        assert excluded.figure == ("MX", "CA|US", "country")

    def test_one_abroad_makes_the_load_no_domestic_one(self):
        load = load_of(
            make_stop(0.5, "pickup", country="US"),
            make_stop(2.0, country="CA"),
            make_stop(3.5, country="US"),
        )
        assert isinstance(judged(load, {"carrier_country": "CA"}), Ranked)

    def test_one_in_a_disliked_state_or_a_city_counts(self):
        in_new_york = self.load(state="NY", is_urban=True)
        for wish, reason in (
            (hard(PreferenceKind.NO_STATE, state="NY"), Reason.IN_DISLIKED_STATE),
            (hard(PreferenceKind.NO_CITIES), Reason.IN_A_CITY),
        ):
            assert judged(in_new_york, wish).reason is reason

    def test_a_leg_without_a_road_is_no_road(self):
        roads = SquareRoads(shore=1.0)
        load = load_of(
            make_stop(0.5, "pickup"),
            make_stop(2.0, lat=2.0),
            make_stop(3.5),
            roads=roads,
        )
        assert load.loaded_m == inf
        assert judged(load, roads=roads).reason is Reason.NO_ROAD


class TestNoRoad:
    ISLAND = Point(2.0, 0.0)
    ROADS = SquareRoads(shore=1.0)

    def judged(self, load=None, truck=None):
        return judged(load, truck, roads=self.ROADS)

    def test_to_the_pickup(self):
        assert self.judged({"pickup": self.ISLAND}).reason is Reason.NO_ROAD

    def test_from_the_delivery(self):
        assert self.judged({"delivery": self.ISLAND}).reason is Reason.NO_ROAD

    def test_home(self):
        excluded = self.judged(truck={"home": self.ISLAND})
        assert excluded.reason is Reason.NO_ROAD
        assert excluded.figures is None

    def test_home_though_each_way_of_the_load_has_one(self):
        """The load was measured by other roads, which cross the water."""
        load = {"delivery": self.ISLAND, "loaded_m": 310_000.0}
        excluded = self.judged(load, {"home": self.ISLAND})
        assert excluded.reason is Reason.NO_ROAD

    def test_what_refuses_it_first_is_told_without_figures(self):
        excluded = self.judged({"currency": "CAD", "pickup": self.ISLAND})
        assert excluded.reason is Reason.CURRENCY_DIFFERS
        assert excluded.figures is None


class TestCountries:
    @pytest.mark.parametrize(
        ("truck", "is_taken"),
        [
            ({}, True),
            ({"carrier_country": "US", "driver_country": "US"}, True),
            ({"carrier_country": "US", "driver_country": "CA"}, False),
            ({"carrier_country": "CA", "driver_country": "US"}, False),
            ({"driver_country": "US"}, True),
        ],
    )
    def test_domestic_freight_is_for_carrier_and_driver_of_that_country(
        self, truck, is_taken
    ):
        load = two_stops({"country": "US"}, {"country": "US"})
        assert isinstance(judged(load, truck), Ranked) is is_taken

    def test_a_driver_who_may_drive_nowhere_takes_no_load_of_a_known_country(self):
        load = two_stops({"country": "US"})
        excluded = judged(load, {"countries": frozenset()})
        assert excluded.reason is Reason.COUNTRY_NOT_ALLOWED
        assert excluded.figure == ("US", None, "country")

    @pytest.mark.parametrize("country", ["US", "CA", "MX", "GT"])
    def test_each_country_is_its_own(self, country):
        load = two_stops({"country": country}, {"country": country})
        others = frozenset({"US", "CA", "MX", "GT"} - {country})
        assert isinstance(judged(load, {"countries": frozenset({country})}), Ranked)
        assert judged(load, {"countries": others}).stage is Stage.COUNTRY


class TestAtHomeAlready:
    def test_a_round_trip_within_the_detour_is_taken(self):
        near = {"delivery": Point(0.0, 1.0), "loaded_m": 50_000.0}
        ranked = judged(load=near, truck={"home": DROP})
        assert ranked.figures.detour_m == 200_000

    def test_a_load_of_length_zero_passes_the_pay_per_kilometre_limit(self):
        nothing = {"pickup": DROP, "delivery": DROP, "loaded_m": 0.0}
        truck = {"home": DROP, "min_pay_cents_per_km": 300.0}
        ranked = judged(load=nothing, truck=truck)
        assert isinstance(ranked, Ranked)
        assert ranked.figures.pay_cents_per_km is None

    def test_a_driver_who_drives_no_metre_empty_takes_a_load_at_the_drop(self):
        here = {"pickup": DROP, "loaded_m": 350_000.0}
        assert isinstance(judged(here, {"max_deadhead_m": 0.0}), Ranked)
        assert judged(truck={"max_deadhead_m": 0.0}).reason is (
            Reason.BEYOND_MAX_DEADHEAD
        )


class TestWishes:
    def test_of_several_hard_lanes_one_is_enough(self):
        lanes = tuple(
            Preference(PreferenceKind.LANE, is_hard=True, to_state=state)
            for state in ("OH", "IL")
        )
        load = two_stops(delivery={"state": "IL"})
        assert isinstance(judged(load, {"preferences": lanes}), Ranked)
        assert judged(two_stops(), {"preferences": lanes}).reason is Reason.OFF_LANE

    def test_of_several_hard_dislikes_one_is_enough_to_refuse(self):
        states = tuple(
            Preference(PreferenceKind.NO_STATE, is_hard=True, state=state)
            for state in ("OH", "IL")
        )
        load = two_stops(delivery={"state": "IL"})
        excluded = judged(load, {"preferences": states})
        assert excluded.reason is Reason.IN_DISLIKED_STATE

    def test_a_soft_wish_refuses_no_load(self):
        states = Preference(PreferenceKind.NO_STATE, state="IL", cents=1)
        load = two_stops(delivery={"state": "IL"})
        assert isinstance(judged(load, {"preferences": (states,)}), Ranked)
