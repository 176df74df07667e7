from math import acos, cos, pi, radians, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.distance import (
    EARTH_RADIUS_M,
    METRES_PER_MILE,
    ROUGH_M,
    destination,
    distances_m,
    haversine_m,
    roughly_m,
)
from geo.points import InvalidPoint, Point
from tests.geo.places import (
    CHICAGO,
    DALLAS,
    HOUSTON,
    LOS_ANGELES,
    NEW_YORK,
    NORTH_POLE,
    SOUTH_POLE,
    bearings_deg,
    often,
    points,
)

HALF_EARTH_M = pi * EARTH_RADIUS_M


class TestPoint:
    @pytest.mark.parametrize(
        ("lat", "lon"),
        [(90.01, 0), (0, -180.01), (float("nan"), 0), (0, float("inf")), (-96.8, 32.8)],
    )
    def test_invalid_coordinates_are_refused(self, lat, lon):
        with pytest.raises(InvalidPoint):
            Point(lat, lon)


class TestHaversine:
    @pytest.mark.parametrize(
        ("a", "b", "miles"),
        [
            (CHICAGO, NEW_YORK, 711),
            (DALLAS, HOUSTON, 225),
            (NEW_YORK, LOS_ANGELES, 2446),
            (CHICAGO, DALLAS, 803),
        ],
    )
    def test_known_distances_are_met_within_two_miles(self, a, b, miles):
        assert haversine_m(a, b) / METRES_PER_MILE == pytest.approx(miles, abs=2)

    def test_one_degree_of_a_meridian_is_a_360th_of_the_circumference(self):
        one = haversine_m(Point(10, 20), Point(11, 20))

        assert one == pytest.approx(2 * HALF_EARTH_M / 360)

    def test_the_poles_are_half_the_earth_apart(self):
        assert haversine_m(NORTH_POLE, SOUTH_POLE) == pytest.approx(HALF_EARTH_M)

    def test_across_the_antimeridian_the_distance_is_short(self):
        assert haversine_m(Point(0, 179.5), Point(0, -179.5)) == pytest.approx(
            haversine_m(Point(0, 0), Point(0, 1))
        )
        assert haversine_m(Point(5, 180), Point(5, -180)) == pytest.approx(0, abs=1e-6)

    def test_swapped_coordinates_are_another_place(self):
        here, swapped = Point(lat=40, lon=-74), Point(lat=-74, lon=40)

        assert haversine_m(here, swapped) > 10_000_000

    @given(points)
    @often
    def test_equal_points_are_zero_apart(self, a):
        assert haversine_m(a, a) == 0

    @given(points, points)
    @often
    def test_both_ways_are_equally_long_and_at_most_half_the_earth(self, a, b):
        assert haversine_m(a, b) == haversine_m(b, a)
        assert 0 <= haversine_m(a, b) <= HALF_EARTH_M

    @given(points, points)
    @often
    def test_the_law_of_cosines_agrees(self, a, b):
        p, q = radians(a.lat), radians(b.lat)
        cosine = sin(p) * sin(q) + cos(p) * cos(q) * cos(radians(a.lon - b.lon))
        angle = acos(max(-1.0, min(1.0, cosine)))

        assert haversine_m(a, b) == pytest.approx(EARTH_RADIUS_M * angle, abs=1)

    @given(points, points, points)
    @often
    def test_no_stop_on_the_way_makes_it_shorter(self, a, b, c):
        assert haversine_m(a, c) <= haversine_m(a, b) + haversine_m(b, c) + 1

    def test_antipodes_whose_rounding_exceeds_one_are_half_the_earth_apart(self):
        worst = [
            haversine_m(Point(lat, lon), Point(-lat, lon - 180))
            for lat in (-85.13, 0.1, 12.3, 33.3, 45.6, 78.9)
            for lon in (0.1, 65.12, 123.4, 179.9)
        ]

        assert worst == pytest.approx([HALF_EARTH_M] * 24, abs=0.5)


class TestDestination:
    @pytest.mark.parametrize(
        ("bearing_deg", "lat", "lon"),
        [(0, 1, 0), (90, 0, 1), (180, -1, 0), (-90, 0, -1)],
    )
    def test_bearings_turn_clockwise_from_north(self, bearing_deg, lat, lon):
        reached = destination(Point(0, 0), bearing_deg, HALF_EARTH_M / 180)

        assert (reached.lat, reached.lon) == pytest.approx((lat, lon), abs=1e-9)

    def test_eastward_over_the_antimeridian_is_west(self):
        assert destination(Point(0, 179.5), 90, HALF_EARTH_M / 180).lon == (
            pytest.approx(-179.5)
        )

    def test_beyond_the_pole_lies_the_other_side(self):
        reached = destination(Point(89, 10), 0, HALF_EARTH_M / 90)

        assert reached.lat == pytest.approx(89)
        assert reached.lon == pytest.approx(-170)

    @given(points, bearings_deg, st.floats(0, HALF_EARTH_M))
    @often
    def test_the_destination_is_at_the_given_distance(
        self, origin, bearing, distance_m
    ):
        reached = destination(origin, bearing, distance_m)

        assert haversine_m(origin, reached) == pytest.approx(distance_m, abs=0.5)


class TestDistances:
    @given(points, st.lists(points, max_size=20))
    @often
    def test_they_are_those_of_one_place_at_a_time(self, start, places):
        lat, lon = columns(places)

        found = distances_m(start, lat, lon)

        assert found == pytest.approx(
            [haversine_m(start, place) for place in places], rel=1e-12, abs=0.1
        )

    @given(points, st.lists(points, min_size=1, max_size=20))
    @often
    def test_a_place_alone_and_among_others_has_the_same_bits(self, start, places):
        lat, lon = columns(places)
        alone = [distances_m(start, lat[[i]], lon[[i]])[0] for i in range(len(lat))]

        assert distances_m(start, lat, lon).tolist() == alone

    @given(points, st.lists(points, min_size=1, max_size=20))
    @often
    def test_roughly_they_are_the_same_up_to_15000_kilometres(self, start, places):
        lat, lon = columns(places)
        exact_m = distances_m(start, lat, lon)

        off_m = np.abs(roughly_m(start, lat.astype("f4"), lon.astype("f4")) - exact_m)

        assert (off_m[exact_m < 15_000_000] < ROUGH_M).all()
        assert (off_m < 5_000).all()

    def test_equal_points_are_exactly_zero_apart(self):
        lat, lon = columns([DALLAS])

        assert distances_m(DALLAS, lat, lon).tolist() == [0.0]


def columns(places):
    return np.array([p.lat for p in places]), np.array([p.lon for p in places])
