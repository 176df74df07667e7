"""A trip's times: drives, docks, waits, rests, opening hours and borders."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import inf, isinf
from zoneinfo import ZoneInfo

import pytest

from freight.columns import Loads
from freight.figures import time_of
from freight.trips import Trips, way_home
from geo.points import Point

from .world import (
    DELIVERY,
    DROP,
    HOME,
    HOUR,
    NOON,
    PARAMETERS,
    PICKUP,
    ROADS,
    SECOND,
    SITUATION,
    SquareRoads,
    load_of,
    make_candidate,
    make_parameters,
    make_situation,
    make_stop,
)


def trip(load, situation=SITUATION, parameters=PARAMETERS, roads=ROADS) -> Trips:
    """The timed trip of one load."""
    loads = Loads.of([load], roads)
    return Trips.to(loads, situation, roads, inf).timed(loads, situation, parameters)


def hours(trips: Trips):
    """The arrivals at the first pickup, the last delivery and home, in hours."""
    arrivals = trips.pickup_at, trips.delivery_at, trips.home_at
    return tuple((time_of(at[0]) - NOON) / HOUR for at in arrivals)


def unix(at: datetime) -> int:
    return int(at.timestamp())


class TestTwoEnds:
    """The speed is 20 m/s, that is 72 km in an hour. Each dock takes an hour."""

    def times(self, *, out_km=72.0, loaded_km=144.0, back_km=72.0, **changes):
        load = make_candidate(loaded_m=loaded_km * 1000, **changes)
        loads = Loads.of([load], ROADS)
        ways = Trips.to(loads, SITUATION, ROADS, inf)
        ways.deadhead_m[0], ways.home_m[0] = out_km * 1000, back_km * 1000
        return hours(ways.timed(loads, SITUATION, PARAMETERS))

    def test_drives_and_docks_follow_each_other(self):
        assert self.times() == (1, 1 + 1 + 2, 4 + 1 + 1)

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

    def test_a_window_from_local_midnight_opens_at_local_midnight(self):
        chicago = ZoneInfo("America/Chicago")
        # Clocks go forward at 2:00 on 2026-03-08, so midnight to 6:00 is five hours.
        load = make_candidate(
            pickup_from=datetime(2026, 3, 8, 0, 0, tzinfo=chicago),
            pickup_until=datetime(2026, 3, 8, 6, 0, tzinfo=chicago),
        )
        free_at = datetime(2026, 3, 7, 22, 0, tzinfo=chicago)

        trips = trip(load, make_situation(free_at=free_at))

        midnight_to_delivery = timedelta(hours=1, seconds=15_000)
        opens_at = datetime.fromisoformat("2026-03-08T06:00:00+00:00")
        assert time_of(trips.delivery_at[0]) == opens_at + midnight_to_delivery
        assert load.pickup_until - load.pickup_from == 5 * HOUR

    def test_metres_off_the_highways_are_driven_slower(self):
        # Of 50, 300 and 50 km, 10 km each are driven at 10 m/s.
        roads = SquareRoads(access_m=10_000.0)
        load = make_candidate(loaded_access_m=10_000.0)

        plain, slow = hours(trip(load)), hours(trip(load, roads=roads))

        # The plain trip has the slow metres of the loaded way only.
        assert slow[0] - plain[0] == pytest.approx(500 / 3600)
        assert slow[1] - plain[1] == pytest.approx(500 / 3600)
        assert slow[2] - plain[2] == pytest.approx(1000 / 3600)


class TestLate:
    def test_the_last_second_of_a_window_is_in_time(self):
        in_time = trip(make_candidate(pickup_until=NOON + 2_500 * SECOND))
        late = trip(make_candidate(pickup_until=NOON + 2_499 * SECOND))

        assert (in_time.late_pickup[0], late.late_pickup[0]) == (0, 1)
        assert time_of(late.late_pickup_eta[0]) == NOON + 2_500 * SECOND
        assert time_of(late.late_pickup_until[0]) == NOON + 2_499 * SECOND

    def test_the_fraction_of_a_second_counts_for_the_driver(self):
        until = NOON + 2_499 * SECOND + timedelta(microseconds=1)

        assert trip(make_candidate(pickup_until=until)).late_pickup[0] == 0

    def test_the_delivery_of_two_stops_is_stop_two(self):
        late = trip(make_candidate(delivery_until=NOON))

        assert late.late_delivery[0] == 2
        assert late.late_pickup[0] == 0

    def test_the_first_stop_that_closes_is_named(self):
        late = trip(
            load_of(
                make_stop(0.5, "pickup"),
                make_stop(1.0, window_until=NOON + HOUR),
                make_stop(1.5, "pickup", window_until=NOON + 2 * HOUR),
                make_stop(2.0, window_until=NOON + 3 * HOUR),
            )
        )

        assert (late.late_pickup[0], late.late_delivery[0]) == (0, 2)
        assert time_of(late.late_delivery_until[0]) == NOON + HOUR


class TestStopByStop:
    def test_each_stop_takes_its_time(self):
        stops = [make_stop(lon) for lon in (1.0, 2.0)]
        load = load_of(make_stop(0.5, "pickup"), *stops, make_stop(3.5))
        drive_h = 400 / 72

        assert hours(trip(load))[2] == pytest.approx(drive_h + 4)

    def test_a_wait_at_a_middle_stop_is_waited(self):
        middle = make_stop(2.0, window_from=NOON + 24 * HOUR)
        load = load_of(make_stop(0.5, "pickup"), middle, make_stop(3.5))

        # From the middle stop: 24 h, its hour, 150 km, an hour, 50 km.
        assert hours(trip(load))[2] == pytest.approx(24 + 1 + 150 / 72 + 1 + 50 / 72)

    def test_two_stops_walked_are_the_two_ends(self):
        """A load with a stop that is open all the time is walked stop by stop."""
        ends = load_of(make_stop(0.5, "pickup"), make_stop(3.5))
        always = (unix(NOON), unix(NOON + 48 * HOUR))
        walked = load_of(make_stop(0.5, "pickup", opening=always), make_stop(3.5))

        assert hours(trip(ends)) == hours(trip(walked))

    def test_a_middle_stop_by_night_is_an_arrival_by_night(self):
        load = load_of(
            make_stop(0.5, "pickup", window_from=NOON + 8 * HOUR),
            make_stop(2.0, window_from=NOON + 18 * HOUR),
            make_stop(2.1),
        )

        trips = trip(load, make_situation(zone="UTC"))

        # Loaded at 21:00, at the middle stop at 23:05, which opens at 6:00.
        assert time_of(trips.delivery_at[0]).hour == 7
        assert trips.is_at_night[0]
        assert not trip(make_candidate()).is_at_night[0]


class TestOpeningHours:
    """Open from 13:00 to 15:00 and from 20:00 to 22:00."""

    OPENING = tuple(unix(NOON + h * HOUR) for h in (1, 3, 8, 10))

    def delivery(self, lon=1.0, free_h=0.0, **changes):
        load = load_of(
            make_stop(0.0, "pickup", window_from=NOON - 9 * HOUR),
            make_stop(lon, opening=self.OPENING, **changes),
        )
        return trip(load, make_situation(free_at=NOON + free_h * HOUR))

    def served_h(self, trips):
        """When the delivery began: 300 km of way home and an hour earlier."""
        home_h = (time_of(trips.home_at[0]) - NOON) / HOUR
        return home_h - 300 / 72 - 1

    def test_a_truck_that_arrives_while_it_is_open_is_served(self):
        # An hour of loading and 100 km: at 2.39 h.
        trips = self.delivery()
        assert self.served_h(trips) == pytest.approx(1 + 100 / 72)

    def test_a_truck_that_arrives_before_waits_for_the_first_opening(self):
        trips = self.delivery(free_h=-2)
        assert self.served_h(trips) == pytest.approx(1)
        assert trips.late_delivery[0] == 0

    def test_a_truck_that_arrives_in_between_waits_for_the_next_opening(self):
        trips = self.delivery(free_h=2)
        assert self.served_h(trips) == pytest.approx(8)
        assert trips.late_delivery[0] == 0

    def test_a_truck_that_arrives_after_the_last_one_is_late(self):
        trips = self.delivery(free_h=9)

        assert trips.late_delivery[0] == 2
        assert time_of(trips.late_delivery_until[0]) == NOON + 10 * HOUR

    def test_the_moment_of_closing_is_in_time_and_a_fraction_later_waits(self):
        to_there_h = 1 + 72 / 72

        on_time = self.delivery(lon=0.72, free_h=3 - to_there_h)
        after = self.delivery(lon=0.72, free_h=3 - to_there_h + 0.25 / 3600)

        assert time_of(on_time.delivery_at[0]) == NOON + 3 * HOUR
        assert (time_of(on_time.home_at[0]) - NOON) / HOUR < 9
        assert (time_of(after.home_at[0]) - NOON) / HOUR > 9

    def test_the_moment_of_the_last_closing_is_in_time_and_the_next_second_late(self):
        to_there_h = 1 + 72 / 72

        on_time = self.delivery(lon=0.72, free_h=10 - to_there_h)
        after = self.delivery(lon=0.72, free_h=10 - to_there_h + 1 / 3600)

        assert (on_time.late_delivery[0], after.late_delivery[0]) == (0, 2)

    def test_a_stop_without_hours_beside_one_with_them_is_open_all_the_time(self):
        load = load_of(
            make_stop(0.5, "pickup", opening=self.OPENING),
            make_stop(1.0),
            make_stop(1.5),
        )

        # The pickup opens at 1 h; an hour, 50 km, an hour, 50 km.
        assert hours(trip(load))[1] == pytest.approx(1 + 1 + 50 / 72 + 1 + 50 / 72)

    def test_hours_of_other_loads_are_not_mixed_up(self):
        board = [
            make_candidate(1),
            load_of(
                make_stop(0.5, "pickup"),
                make_stop(1.0, opening=self.OPENING),
                number=2,
            ),
            load_of(
                make_stop(0.5, "pickup", opening=self.OPENING[2:]),
                make_stop(1.0),
                number=3,
            ),
            # At the same step as the two before it.
            load_of(
                make_stop(0.5, "pickup", opening=self.OPENING),
                make_stop(1.0, opening=self.OPENING[2:]),
                number=4,
            ),
        ]
        loads = Loads.of(board, ROADS)
        together = Trips.to(loads, SITUATION, ROADS, inf)
        together = together.timed(loads, SITUATION, PARAMETERS)

        alone = [trip(load).home_at[0] for load in board]
        assert together.home_at.tolist() == alone


class TestBorders:
    def border_h(self, load, **truck):
        """How much longer the trip is than one without any country."""
        plain = replace(
            load, stops=tuple(replace(stop, country=None) for stop in load.stops)
        )
        parameters = make_parameters(border_s=7_200.0)
        with_it = trip(load, make_situation(**truck), parameters)
        without = trip(plain, SITUATION, parameters)
        return float(with_it.home_at[0] - without.home_at[0]) / 3600

    def load(self, *countries):
        pickup, *others = countries
        return load_of(
            make_stop(0.5, "pickup", country=pickup),
            *(make_stop(1.0 + n, country=c) for n, c in enumerate(others)),
        )

    def test_at_home_none_is_crossed(self):
        load = self.load("US", "US")
        assert self.border_h(load, drop_country="US", home_country="US") == 0

    def test_one_between_the_stops(self):
        assert self.border_h(self.load("US", "CA")) == 2

    def test_each_one_between_more_stops(self):
        assert self.border_h(self.load("US", "CA", "US")) == 4

    def test_one_to_the_pickup_and_one_home(self):
        load = self.load("CA", "CA")
        assert self.border_h(load, drop_country="US", home_country="US") == 4

    def test_where_a_country_is_not_known_none_is_crossed(self):
        assert self.border_h(self.load(None, None)) == 0
        assert self.border_h(self.load("US", "US"), drop_country=None) == 0

    def test_the_empty_way_home_crosses_its_own(self):
        there = make_situation(drop_country="US", home_country="CA")

        crossing = way_home(there, make_parameters(border_s=7_200.0), ROADS)
        plain = way_home(SITUATION, make_parameters(border_s=7_200.0), ROADS)

        assert crossing.elapsed_s - plain.elapsed_s == 7_200


class TestCrews:
    def test_two_drivers_need_no_rest_on_the_way(self):
        load = load_of(make_stop(0.0, "pickup"), make_stop(9.0))
        far = Point(0.0, 18.0)

        alone = trip(load, make_situation(home=far))
        crew = trip(load, make_situation(home=far, is_crew=True))

        assert hours(crew)[2] == pytest.approx(1800 / 72 + 2)
        # 25 h of driving: two daily rests, and a break in each of three shifts but one.
        assert hours(alone)[2] == pytest.approx(1800 / 72 + 2 + 2 * 10.5)

    def test_the_empty_way_home_is_driven_by_both_too(self):
        far = make_situation(home=Point(0.0, 18.0), is_crew=True)

        assert way_home(far, PARAMETERS, ROADS).elapsed_s == 1_800_000 / 20


class TestWays:
    def test_every_way_is_by_road(self):
        ways = Trips.to(Loads.of([make_candidate()], ROADS), SITUATION, ROADS, inf)

        assert ways.deadhead_m.tolist() == [ROADS.distance_m(DROP, PICKUP)]
        assert ways.home_m.tolist() == [ROADS.distance_m(DELIVERY, HOME)]
        assert ways.has_road.tolist() == [True]

    @pytest.mark.parametrize(
        "load",
        [
            {"pickup": Point(2.0, 0.5)},
            {"delivery": Point(2.0, 0.5)},
            {"loaded_m": inf},
        ],
    )
    def test_without_one_of_the_three_ways_there_is_no_road(self, load):
        roads = SquareRoads(shore=1.0)
        loads = Loads.of([make_candidate(**load)], roads)

        assert Trips.to(loads, SITUATION, roads, inf).has_road.tolist() == [False]

    def test_a_home_that_no_road_reaches_is_endlessly_far(self):
        island = make_situation(home=Point(2.0, 0.0))

        baseline = way_home(island, PARAMETERS, SquareRoads(shore=1.0))

        assert isinf(baseline.distance_m)
        assert isinf(baseline.elapsed_s)
