from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.distance import METRES_PER_MILE, haversine_m
from geo.roads import CIRCUITY, EstimatedRoads, Roads, road_m
from tests.geo.places import CHICAGO, DALLAS, NEW_YORK, american_points, often, points

roads = EstimatedRoads()


def ratio(miles: float) -> float:
    return road_m(miles * METRES_PER_MILE) / (miles * METRES_PER_MILE)


class TestEstimatedRoads:
    def test_its_source_is_estimated(self):
        port: Roads = roads

        assert port.source == "estimated"

    @pytest.mark.parametrize(
        ("a", "b", "miles"),
        [(CHICAGO, NEW_YORK, 790), (DALLAS, CHICAGO, 925)],
    )
    def test_known_road_distances_are_met_within_twice_the_mean_error(
        self, a, b, miles
    ):
        estimated = roads.distance_m(a, b) / METRES_PER_MILE

        assert estimated == pytest.approx(miles, rel=0.1)

    @given(points, points)
    @often
    def test_both_ways_are_equal_and_longer_than_straight_on(self, a, b):
        there = roads.distance_m(a, b)

        assert there == roads.distance_m(b, a)
        assert there >= 1.17 * haversine_m(a, b)

    @given(points)
    @often
    def test_equal_points_are_zero_apart(self, a):
        assert roads.distance_m(a, a) == 0

    @given(american_points, american_points, american_points)
    @often
    def test_no_detour_is_negative(self, a, b, c):
        detour_m = roads.distance_m(a, b) + roads.distance_m(b, c)

        assert detour_m - roads.distance_m(a, c) >= -1e-6


class TestRoadM:
    @pytest.mark.parametrize(
        ("miles", "expected"),
        [
            (1, 1.30),
            (75, 1.30),
            (149, 1.30),
            (225, 1.235),
            (450, 1.215),
            (800, 1.175),
            (3000, 1.175),
        ],
    )
    def test_each_band_has_its_measured_ratio_at_its_middle(self, miles, expected):
        assert ratio(miles) == pytest.approx(expected)

    @pytest.mark.parametrize("miles", [mi for mi, _ in CIRCUITY])
    def test_the_ratio_does_not_jump_at_an_anchor(self, miles):
        assert ratio(miles * (1 - 1e-9)) == pytest.approx(ratio(miles), rel=1e-8)

    def test_farther_is_always_farther_by_road(self):
        every_half_mile = [road_m(i * 800.0) for i in range(7_000)]

        assert all(near < far for near, far in pairwise(every_half_mile))

    def test_the_ratio_never_rises_with_the_distance(self):
        ratios = [ratio(miles) for miles in range(1, 3_500)]

        assert all(b <= a + 1e-12 for a, b in pairwise(ratios))

    @given(st.floats(0, 2e7), st.floats(1e-3, 1e5))
    @often
    def test_the_road_grows_by_at_most_the_highest_ratio(self, near_m, more_m):
        grown = road_m(near_m + more_m) - road_m(near_m)

        assert 0 < grown <= 1.30 * more_m + 1e-6
