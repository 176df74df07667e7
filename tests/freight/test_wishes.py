"""Which loads meet a driver's wishes, and which are against them."""

from datetime import datetime
from math import inf
from zoneinfo import ZoneInfo

import pytest

from freight.columns import Loads
from freight.preferences import Preference, PreferenceKind
from freight.trips import Trips
from freight.wishes import against, on_lane

from .world import (
    HOUR,
    PARAMETERS,
    ROADS,
    load_of,
    make_candidate,
    make_situation,
    make_stop,
    two_stops,
)

CHICAGO = ZoneInfo("America/Chicago")


def is_against(kind, load, *, free_at=None, zone="UTC", **wish):
    truck = make_situation(zone=zone)
    if free_at is not None:
        truck = make_situation(free_at=free_at, zone=zone)
    loads = Loads.of([load], ROADS)
    trips = Trips.to(loads, truck, ROADS, inf).timed(loads, truck, PARAMETERS)
    return bool(against(Preference(kind, **wish), loads, trips, truck)[0])


class TestLane:
    LOAD = two_stops({"state": "TX"}, {"state": "NSW"})

    @pytest.mark.parametrize(
        ("from_state", "to_state", "is_on_it"),
        [
            ("TX", "NSW", True),
            ("TX", None, True),
            (None, "NSW", True),
            (None, None, True),
            ("", "NSW", True),
            ("NSW", "TX", False),
            ("T", None, False),
            ("TXX", None, False),
            (None, "NSWX", False),
        ],
    )
    def test_from_one_state_to_another(self, from_state, to_state, is_on_it):
        wish = Preference(PreferenceKind.LANE, from_state=from_state, to_state=to_state)
        assert on_lane(wish, Loads.of([self.LOAD], ROADS)).tolist() == [is_on_it]
        lane = {"from_state": from_state, "to_state": to_state}
        assert is_against(PreferenceKind.LANE, self.LOAD, **lane) is not is_on_it

    def test_a_load_whose_states_are_not_known_is_on_none(self):
        wish = Preference(PreferenceKind.LANE, from_state="TX")
        assert on_lane(wish, Loads.of([two_stops()], ROADS)).tolist() == [False]

    def test_middle_stops_do_not_count(self):
        load = load_of(
            make_stop(0.5, "pickup", state="TX"),
            make_stop(1.0, state="LA"),
            make_stop(2.0, state="IL"),
        )
        wish = Preference(PreferenceKind.LANE, from_state="TX", to_state="IL")
        assert on_lane(wish, Loads.of([load], ROADS)).tolist() == [True]


class TestStates:
    @pytest.mark.parametrize(
        "stops",
        [
            [{"state": "NY"}, {}],
            [{}, {"state": "NY"}],
            [{}, {"state": "NY"}, {}],
        ],
    )
    def test_any_stop_in_it_counts(self, stops):
        load = load_of(*(make_stop(n, **stop) for n, stop in enumerate(stops)))
        assert is_against(PreferenceKind.NO_STATE, load, state="NY")
        assert not is_against(PreferenceKind.NO_STATE, load, state="TX")

    @pytest.mark.parametrize("state", [None, ""])
    def test_no_state_is_no_dislike(self, state):
        assert not is_against(PreferenceKind.NO_STATE, two_stops(), state=state)


class TestNights:
    """The pickup is reached 0.69 hours after the driver is free."""

    @pytest.mark.parametrize(
        ("arrives", "is_night"),
        [("21:59:59", 0), ("22:00:00", 1), ("04:59:59", 1), ("05:00:00", 0)],
    )
    def test_from_22_to_5_by_the_drivers_clock(self, arrives, is_night):
        eta = datetime.fromisoformat(f"2026-03-03 {arrives}").replace(tzinfo=CHICAGO)
        free_at = eta - 2_500 / 3_600 * HOUR
        # The delivery is at noon of a later day.
        noon = datetime(2026, 3, 5, 12, tzinfo=CHICAGO)
        # Loaded so that the delivery is reached then.
        ready = noon - (300 / 72 + 1) * HOUR
        load = two_stops(
            {"window_from": ready, "window_until": noon},
            {"window_from": noon, "window_until": noon + HOUR},
        )

        found = is_against(
            PreferenceKind.NO_NIGHTS, load, free_at=free_at, zone="America/Chicago"
        )
        assert found == bool(is_night)

    def test_the_arrival_at_the_delivery_counts(self):
        # The pickup at 17:41, the delivery at 22:51.
        free_at = datetime(2026, 3, 3, 17, tzinfo=CHICAGO)
        load = make_candidate(pickup_from=free_at, delivery_from=free_at)
        assert is_against(
            PreferenceKind.NO_NIGHTS, load, free_at=free_at, zone="America/Chicago"
        )

    def test_the_arrival_at_home_is_no_stop(self):
        # Home at 22:03, the delivery at 20:22.
        free_at = datetime(2026, 3, 3, 14, 30, tzinfo=CHICAGO)
        load = make_candidate(pickup_from=free_at, delivery_from=free_at)
        assert not is_against(
            PreferenceKind.NO_NIGHTS, load, free_at=free_at, zone="America/Chicago"
        )


class TestWeekends:
    def is_on_one(self, at, zone="America/Chicago"):
        """Whether a usual trip that begins then goes into a weekend."""
        free_at = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
        load = make_candidate(pickup_from=free_at, delivery_from=free_at)
        return is_against(PreferenceKind.NO_WEEKENDS, load, free_at=free_at, zone=zone)

    def test_a_trip_that_ends_on_friday_is_not_on_the_weekend(self):
        assert not self.is_on_one("2026-03-06 16:00")

    def test_a_trip_that_ends_on_saturday_is(self):
        assert self.is_on_one("2026-03-06 17:00")

    def test_the_moment_the_weekend_begins_is_not_yet_one(self):
        """7.56 hours before midnight."""
        assert not self.is_on_one("2026-03-06 16:26:40")
        assert self.is_on_one("2026-03-06 16:26:41")

    def test_the_day_is_that_of_the_drivers_zone(self):
        # 16:00 in Chicago is 22:00 in UTC: the trip ends on a Saturday there.
        free_at = datetime(2026, 3, 6, 16, tzinfo=CHICAGO)
        load = make_candidate(pickup_from=free_at, delivery_from=free_at)
        kind = PreferenceKind.NO_WEEKENDS
        assert is_against(kind, load, free_at=free_at, zone="UTC")
        assert not is_against(kind, load, free_at=free_at, zone="America/Chicago")

    @pytest.mark.parametrize("day", ["07 00:00", "07 12:00", "08 12:00"])
    def test_a_driver_who_is_free_on_a_weekend_is_on_it_with_every_load(self, day):
        assert self.is_on_one(f"2026-03-{day}")

    @pytest.mark.parametrize("day", ["09 00:00", "10 12:00", "11 12:00", "12 12:00"])
    def test_from_monday_on_the_next_weekend_counts(self, day):
        assert not self.is_on_one(f"2026-03-{day}")

    def test_a_wait_over_the_weekend_is_on_it(self):
        free_at = datetime(2026, 3, 5, 8, tzinfo=CHICAGO)
        monday = datetime(2026, 3, 9, 8, tzinfo=CHICAGO)
        load = make_candidate(delivery_from=monday, delivery_until=monday + HOUR)
        kind, zone = PreferenceKind.NO_WEEKENDS, "America/Chicago"
        assert is_against(kind, load, free_at=free_at, zone=zone)


def test_a_city_at_any_stop_counts():
    load = load_of(make_stop(0), make_stop(1, is_urban=True), make_stop(2))
    assert is_against(PreferenceKind.NO_CITIES, load)
    assert not is_against(PreferenceKind.NO_CITIES, two_stops())
