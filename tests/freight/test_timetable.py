"""The times of many trips at once are those of a timetable written apart."""

from math import inf

import numpy as np
import pytest

from freight.columns import Loads, seconds_of
from freight.trips import Trips, WayHome, way_home

from .boards import ROADS, RULES, Maker
from .timetable import Driver, timetable

A_MICROSECOND = 1e-6
NUMBERS = range(100)


def trips_of(board, truck) -> Trips:
    table = Loads.of(board, ROADS)
    return Trips.to(table, truck, ROADS, inf).timed(table, truck, RULES)


def made(number):
    """A truck, and a board of loads whose ways all have roads."""
    maker = Maker(number)
    truck, board = maker.truck(), maker.board(40)
    has_road = Trips.to(Loads.of(board, ROADS), truck, ROADS, inf).has_road
    return truck, [load for load, has in zip(board, has_road, strict=True) if has]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_time_is_that_of_the_timetable(number):
    truck, board = made(number)
    trips = trips_of(board, truck)

    for row, load in enumerate(board):
        expected = timetable(load, truck, RULES, ROADS)
        for name in ("pickup_at", "delivery_at", "home_at"):
            found = getattr(trips, name)[row]
            assert abs(found - seconds_of(getattr(expected, name))) < A_MICROSECOND
        assert trips.is_at_night[row] == expected.is_at_night
        for kind in ("pickup", "delivery"):
            number, eta, until = (
                getattr(trips, f"late_{kind}{part}")[row]
                for part in ("", "_eta", "_until")
            )
            if kind in expected.late:
                late = expected.late[kind]
                assert number == late[0]
                assert abs(eta - seconds_of(late[1])) < A_MICROSECOND
                assert until == seconds_of(late[2])
            else:
                assert number == 0
                assert np.isnan(eta)


def test_the_empty_way_home_is_that_of_the_timetable():
    for number in range(500):
        truck = Maker(number).truck()
        way, driver = ROADS.way(truck.drop, truck.home), Driver(truck, RULES)
        baseline = way_home(truck, RULES, ROADS)
        if way.metres == inf:
            assert baseline == WayHome(inf, inf)
            continue

        driver.drive(*way, truck.home_country)

        assert baseline.distance_m == way.metres
        elapsed_s = (driver.at - truck.free_at).total_seconds()
        assert abs(baseline.elapsed_s - elapsed_s) < A_MICROSECOND


@pytest.mark.parametrize("number", NUMBERS[:20])
def test_a_trip_alone_and_among_others_has_the_same_bits(number):
    truck, board = made(number)
    together = trips_of(board, truck)

    for row, load in enumerate(board):
        alone, among = trips_of([load], truck), together.take(np.array([row]))
        for name in alone.__dataclass_fields__:
            one, other = getattr(alone, name), getattr(among, name)
            assert one.dtype == other.dtype
            assert one.tobytes() == other.tobytes(), name
