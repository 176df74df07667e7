import json
from math import inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely import from_geojson

from geo.corridors import MAX_LENGTH_M, Corridor, corridor_home
from geo.distance import destination, haversine_m
from geo.ellipses import Ellipse
from geo.fences import CircleFence, InvalidFence
from geo.roads import EstimatedRoads
from tests.geo.places import (
    CHICAGO,
    DALLAS,
    KANSAS_CITY,
    NEW_YORK,
    american_points,
    bearings_deg,
    often,
    points,
)

roads = EstimatedRoads()


@st.composite
def corridors(draw):
    """Draw corridors of all sizes, from almost a line to a third of the Earth."""
    start = draw(points)
    apart_m = draw(st.sampled_from([0, 1, 1e3, 1e5])) or draw(st.floats(0, 7e6))
    end = destination(start, draw(bearings_deg), apart_m)
    more_m = draw(st.sampled_from([0.0, 1e-3, 10.0])) or draw(st.floats(0, 4e6))
    return Corridor(start, end, haversine_m(start, end) + more_m)


class TestCorridor:
    def test_kansas_city_is_on_the_way_from_dallas_to_chicago_and_new_york_is_not(self):
        corridor = Corridor(DALLAS, CHICAGO, haversine_m(DALLAS, CHICAGO) + 200_000)

        assert corridor.contains(KANSAS_CITY)
        assert not corridor.contains(NEW_YORK)

    def test_both_ends_are_inside(self):
        corridor = Corridor(DALLAS, CHICAGO, haversine_m(DALLAS, CHICAGO))

        assert corridor.contains(DALLAS)
        assert corridor.contains(CHICAGO)

    @given(points, st.floats(1, 5e6), points)
    @often
    def test_equal_ends_make_a_circle(self, center, radius_m, point):
        assume(abs(haversine_m(center, point) - radius_m) > 1e-3)

        corridor = Corridor(center, center, 2 * radius_m)

        assert corridor.contains(point) is CircleFence(center, radius_m).contains(point)

    @pytest.mark.parametrize("length_m", [0, 1e6, float("nan"), float("inf"), 1.6e7])
    def test_an_invalid_length_is_refused(self, length_m):
        with pytest.raises(InvalidFence):
            Corridor(DALLAS, CHICAGO, length_m)


class TestEllipse:
    @given(corridors())
    @often
    def test_its_outline_lies_on_the_edge(self, corridor):
        ellipse = Ellipse.between(corridor.start, corridor.end, corridor.length_m)

        for point in ellipse.outline(24):
            total_m = haversine_m(corridor.start, point) + haversine_m(
                point, corridor.end
            )
            assert total_m == pytest.approx(corridor.length_m, abs=2)


class TestToGeojson:
    def test_it_is_a_polygon_of_96_corners_counterclockwise(self):
        corridor = Corridor(DALLAS, CHICAGO, 1_500_000)
        drawing = json.loads(json.dumps(corridor.to_geojson()))

        assert drawing["type"] == "Polygon"
        assert len(drawing["coordinates"][0]) == 97
        assert from_geojson(json.dumps(drawing)).exterior.is_ccw

    @given(american_points, american_points, st.floats(1e4, 1e6), american_points)
    @often
    def test_the_map_agrees_with_contains_away_from_the_edge(
        self, start, end, more_m, point
    ):
        corridor = Corridor(start, end, haversine_m(start, end) + more_m)
        total_m = haversine_m(start, point) + haversine_m(point, end)
        assume(abs(total_m - corridor.length_m) > 0.02 * corridor.length_m)

        shown = from_geojson(json.dumps(corridor.to_geojson()))

        x, y = point.lon, point.lat
        assert shown.covers(
            from_geojson(f'{{"type":"Point","coordinates":[{x},{y}]}}')
        ) is (corridor.contains(point))

    @given(corridors())
    @often
    def test_anywhere_on_earth_it_is_a_valid_shape_with_area(self, corridor):
        shown = from_geojson(json.dumps(corridor.to_geojson()))

        assert shown.is_valid
        assert shown.area > 0
        assert shown.bounds[0] >= -180
        assert shown.bounds[2] <= 180


class TestCorridorHome:
    @given(american_points, american_points, american_points, st.floats(0, 1e6))
    @often
    def test_no_stop_worth_its_detour_is_lost(self, drop, home, stop, max_detour_m):
        road_m = roads.distance_m(drop, home)
        detour_m = roads.distance_m(drop, stop) + roads.distance_m(stop, home) - road_m

        corridor = corridor_home(drop, home, road_m, max_detour_m)

        assert detour_m > max_detour_m or corridor.contains(stop)

    @given(american_points, american_points, american_points)
    @often
    def test_a_stop_that_uses_the_whole_detour_is_inside(self, drop, home, stop):
        road_m = haversine_m(drop, home)
        detour_m = haversine_m(drop, stop) + haversine_m(stop, home) - road_m

        assert corridor_home(drop, home, road_m, detour_m).contains(stop)

    def test_rounding_loses_no_stop_on_a_short_way_home(self):
        near = destination(DALLAS, 70, 12_345)
        road_m = haversine_m(DALLAS, near)

        for i in range(500):
            stop = destination(DALLAS, i, 700 * i + 0.7)
            both_m = haversine_m(DALLAS, stop) + haversine_m(stop, near)
            assert corridor_home(DALLAS, near, road_m, both_m - road_m).contains(stop)

    def test_a_road_shorter_than_straight_on_still_makes_a_corridor(self):
        corridor = corridor_home(DALLAS, CHICAGO, 1_000_000, 0)

        assert corridor.contains(CHICAGO)

    def test_without_a_road_home_the_great_circle_counts(self):
        air_m = haversine_m(DALLAS, CHICAGO)

        assert corridor_home(DALLAS, CHICAGO, inf, 1_000) == corridor_home(
            DALLAS, CHICAGO, air_m, 1_000
        )

    def test_with_the_drop_at_home_the_corridor_is_a_circle(self):
        corridor = corridor_home(DALLAS, DALLAS, 0, 200_000)

        assert corridor.contains(destination(DALLAS, 45, 99_999))
        assert not corridor.contains(destination(DALLAS, 45, 100_001))

    @pytest.mark.parametrize("max_detour_m", [-1, float("nan")])
    def test_an_invalid_detour_is_refused(self, max_detour_m):
        road_m = haversine_m(DALLAS, CHICAGO)

        with pytest.raises(InvalidFence):
            corridor_home(DALLAS, CHICAGO, road_m, max_detour_m)

    def test_a_longer_corridor_than_any_road_is_cut(self):
        assert corridor_home(DALLAS, CHICAGO, 1e6, 2e7).length_m == MAX_LENGTH_M
