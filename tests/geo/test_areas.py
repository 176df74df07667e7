import json
import random
from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point as Dot
from shapely import from_geojson, get_num_coordinates

from geo.areas import AreaReason, SearchArea
from geo.corridors import Corridor, corridor_home
from geo.distance import destination, haversine_m
from geo.fences import CircleFence, InvalidFence, PolygonFence
from geo.points import Point
from tests.geo.places import (
    CHICAGO,
    DALLAS,
    FIJI,
    HOUSTON,
    KANSAS_CITY,
    LOS_ANGELES,
    NEW_YORK,
    american_points,
    bearings_deg,
    often,
)

CORRIDOR = Corridor(DALLAS, CHICAGO, 1_800_000)
CIRCLE = CircleFence(DALLAS, 300_000)
NEAR_DALLAS = destination(DALLAS, 30, 100_000)


def rectangle(south, west, north, east) -> PolygonFence:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return PolygonFence.from_geojson({"type": "Polygon", "coordinates": [ring]})


def round_area(lat, lon, radius_deg, count) -> PolygonFence:
    corners = [2 * pi * i / count for i in range(count)]
    ring = [[lon + radius_deg * cos(t), lat + radius_deg * sin(t)] for t in corners]
    return PolygonFence.from_geojson(
        {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    )


TEXAS_AND_NORTH = (rectangle(30, -100, 37, -93), rectangle(37, -96, 43, -85))
OKLAHOMA_CITY = rectangle(35, -98, 36, -97)
PLAIN = SearchArea(CIRCLE, CORRIDOR)
DRAWN = SearchArea(CIRCLE, CORRIDOR, TEXAS_AND_NORTH, (OKLAHOMA_CITY,))


def why_not(area: SearchArea, pickup: Point, delivery: Point) -> AreaReason | None:
    """Return the first reason against the two stops, in the order of the reasons."""
    lat = np.array([pickup.lat, delivery.lat])
    lon = np.array([pickup.lon, delivery.lon])
    if area.beyond_circle(lat[:1], lon[:1])[0]:
        return AreaReason.OUTSIDE_CIRCLE
    refused = area.refused(lat, lon)
    return next((r for r in AreaReason if r in refused and refused[r].any()), None)


class TestWhyNot:
    def test_a_load_on_the_way_home_is_in_the_area(self):
        assert why_not(PLAIN, NEAR_DALLAS, KANSAS_CITY) is None
        assert why_not(DRAWN, NEAR_DALLAS, KANSAS_CITY) is None

    @pytest.mark.parametrize(
        ("pickup", "delivery", "reason"),
        [
            (KANSAS_CITY, CHICAGO, AreaReason.OUTSIDE_CIRCLE),
            (NEAR_DALLAS, NEW_YORK, AreaReason.OUTSIDE_CORRIDOR),
            (destination(DALLAS, 250, 299_000), CHICAGO, AreaReason.OUTSIDE_CORRIDOR),
            (NEAR_DALLAS, Point(36, -90), AreaReason.OUTSIDE_OPERATING_AREA),
            (Point(33, -95.1), CHICAGO, None),
            (Point(35.1, -97.2), CHICAGO, AreaReason.IN_NO_GO_AREA),
            (NEAR_DALLAS, Point(35.5, -97.5), AreaReason.IN_NO_GO_AREA),
        ],
    )
    def test_the_first_reason_is_named(self, pickup, delivery, reason):
        narrow = Corridor(DALLAS, CHICAGO, 1_550_000)
        west = (rectangle(30, -100, 37, -92), TEXAS_AND_NORTH[1])
        area = SearchArea(CIRCLE, narrow, west, (OKLAHOMA_CITY,))

        assert why_not(area, pickup, delivery) is reason

    def test_reasons_come_in_the_order_of_the_enum(self):
        everything_wrong = SearchArea(
            CIRCLE, CORRIDOR, (rectangle(0, 0, 1, 1),), (rectangle(-90, -179, 90, 0),)
        )
        no_circle = SearchArea(
            CircleFence(DALLAS, 7e6), CORRIDOR, everything_wrong.operating
        )

        assert why_not(everything_wrong, FIJI, FIJI) is AreaReason.OUTSIDE_CIRCLE
        assert why_not(no_circle, LOS_ANGELES, FIJI) is AreaReason.OUTSIDE_CORRIDOR
        assert why_not(everything_wrong, NEAR_DALLAS, CHICAGO) is (
            AreaReason.OUTSIDE_OPERATING_AREA
        )
        assert list(AreaReason) == [
            "outside_circle",
            "outside_corridor",
            "outside_operating_area",
            "in_no_go_area",
        ]

    def test_pickup_and_delivery_may_lie_in_different_operating_areas(self):
        assert not TEXAS_AND_NORTH[0].contains(CHICAGO)
        assert why_not(DRAWN, NEAR_DALLAS, CHICAGO) is None

    def test_the_edge_of_a_no_go_area_is_forbidden(self):
        on_edge = Point(35, -97.5)

        assert why_not(DRAWN, on_edge, CHICAGO) is AreaReason.IN_NO_GO_AREA

    def test_the_delivery_need_not_be_in_the_circle(self):
        assert not CIRCLE.contains(CHICAGO)
        assert why_not(PLAIN, NEAR_DALLAS, CHICAGO) is None


class TestManyStopsAtOnce:
    @given(st.lists(american_points, max_size=9))
    @often
    def test_each_stop_is_judged_as_the_shapes_judge_it_alone(self, stops):
        lat = np.array([stop.lat for stop in stops])
        lon = np.array([stop.lon for stop in stops])

        refused = DRAWN.refused(lat, lon)

        assert DRAWN.beyond_circle(lat, lon).tolist() == [
            not CIRCLE.contains(stop) for stop in stops
        ]
        assert refused[AreaReason.OUTSIDE_CORRIDOR].tolist() == [
            not CORRIDOR.contains(stop) for stop in stops
        ]
        assert refused[AreaReason.OUTSIDE_OPERATING_AREA].tolist() == [
            not any(fence.contains(stop) for fence in TEXAS_AND_NORTH) for stop in stops
        ]
        assert refused[AreaReason.IN_NO_GO_AREA].tolist() == [
            OKLAHOMA_CITY.contains(stop) for stop in stops
        ]

    @given(bearings_deg, st.floats(-60, 60))
    @often
    def test_near_its_edge_the_corridor_is_exact(self, bearing_deg, beyond_m):
        """A metre more from one end is up to two metres more in all."""
        inside_m, outside_m = 0.0, CORRIDOR.length_m
        for _ in range(60):
            middle_m = (inside_m + outside_m) / 2
            place = destination(CORRIDOR.start, bearing_deg, middle_m)
            if CORRIDOR.contains(place):
                inside_m = middle_m
            else:
                outside_m = middle_m
        place = destination(CORRIDOR.start, bearing_deg, inside_m + beyond_m)

        refused = DRAWN.refused(np.array([place.lat]), np.array([place.lon]))

        is_outside = bool(refused[AreaReason.OUTSIDE_CORRIDOR][0])
        assert is_outside is not CORRIDOR.contains(place)

    def test_no_stop_at_all_is_no_answer_at_all(self):
        none = np.array([])

        assert DRAWN.beyond_circle(none, none).tolist() == []
        assert [len(mask) for mask in DRAWN.refused(none, none).values()] == [0, 0, 0]

    def test_across_the_antimeridian_both_sides_are_inside(self):
        area = SearchArea(CircleFence(FIJI, 300_000), Corridor(FIJI, FIJI, 800_000))

        for lon in (178, 180, -180, -179):
            assert why_not(area, Point(-17.7, lon), Point(-17.7, lon)) is None

    def test_an_operating_area_over_the_antimeridian_has_both_sides(self):
        drawn = rectangle(-20, 177, -15, 180), rectangle(-20, -180, -15, -178)
        area = SearchArea(
            CircleFence(FIJI, 900_000), Corridor(FIJI, FIJI, 4_000_000), drawn
        )

        assert why_not(area, Point(-17.7, 179), Point(-17.7, -179)) is None
        assert why_not(area, Point(-17.7, 179), Point(-17.7, -177)) is (
            AreaReason.OUTSIDE_OPERATING_AREA
        )


def shapes_of(area: SearchArea):
    collection = json.loads(json.dumps(area.to_geojson(), allow_nan=False))
    assert collection["type"] == "FeatureCollection"
    return [
        (f["properties"]["role"], from_geojson(json.dumps(f["geometry"])))
        for f in collection["features"]
    ]


class TestToGeojson:
    def test_every_part_has_its_role(self):
        assert [role for role, _ in shapes_of(DRAWN)] == [
            "drop",
            "home",
            "circle",
            "corridor",
            "operating",
            "operating",
            "no_go",
            "pickup_area",
            "delivery_area",
        ]

    def test_drop_and_home_have_their_coordinates(self):
        shapes = dict(shapes_of(DRAWN))

        assert (shapes["drop"].x, shapes["drop"].y) == (DALLAS.lon, DALLAS.lat)
        assert (shapes["home"].x, shapes["home"].y) == (CHICAGO.lon, CHICAGO.lat)

    @pytest.mark.parametrize("area", [PLAIN, DRAWN])
    def test_the_joined_areas_agree_with_the_tests_away_from_their_edges(self, area):
        shapes = dict(shapes_of(area))
        pickup_area, delivery_area = shapes["pickup_area"], shapes["delivery_area"]
        rng = random.Random(7)
        seen = {True: 0, False: 0}

        for _ in range(3_000):
            place = Point(rng.uniform(28, 44), rng.uniform(-103, -84))
            dot = Dot(place.lon, place.lat)
            if pickup_area.boundary.distance(dot) > 0.01:
                expected = why_not(area, place, CHICAGO) is None
                assert pickup_area.contains(dot) is expected
                seen[expected] += 1
            if delivery_area.boundary.distance(dot) > 0.01:
                expected = why_not(area, NEAR_DALLAS, place) is None
                assert delivery_area.contains(dot) is expected
                seen[expected] += 1

        assert min(seen.values()) > 500

    def test_an_area_without_acceptable_places_is_a_shape_without_polygons(self):
        far = SearchArea(CIRCLE, CORRIDOR, (rectangle(0, 0, 1, 1),))

        assert dict(shapes_of(far))["pickup_area"].is_empty

    def test_across_the_antimeridian_every_shape_is_valid_and_in_range(self):
        area = SearchArea(CircleFence(FIJI, 300_000), Corridor(FIJI, FIJI, 800_000))

        for _, shape in shapes_of(area):
            assert shape.is_valid
            assert shape.bounds[0] >= -180
            assert shape.bounds[2] <= 180

    def test_it_stays_small_with_large_drawings(self):
        rounds = [round_area(36, -92 - i / 9, 4, 490) for i in range(4)]
        area = SearchArea(CIRCLE, CORRIDOR, tuple(rounds[:2]), tuple(rounds[2:]))

        assert len(json.dumps(area.to_geojson())) < 300_000
        assert sum(get_num_coordinates(shape) for _, shape in shapes_of(area)) < 6_000


class TestRecord:
    @pytest.mark.parametrize("area", [PLAIN, DRAWN])
    def test_an_area_is_rebuilt_from_its_json(self, area):
        record = json.loads(json.dumps(area.to_record(), allow_nan=False))

        assert SearchArea.from_record(record) == area

    @given(american_points, american_points, st.floats(0, 1e6), st.floats(1, 1e6))
    @often
    def test_no_digit_is_lost(self, drop, home, more_m, radius_m):
        corridor = corridor_home(drop, home, 1.3 * haversine_m(drop, home), more_m)
        area = SearchArea(CircleFence(home, radius_m), corridor)

        assert SearchArea.from_record(json.loads(json.dumps(area.to_record()))) == area


class TestLimits:
    def test_more_than_2000_vertices_are_refused(self):
        rounds = tuple(round_area(36, -92, 4, 499) for _ in range(5))

        assert SearchArea(CIRCLE, CORRIDOR, rounds[:4])
        with pytest.raises(InvalidFence, match="2500 vertices together"):
            SearchArea(CIRCLE, CORRIDOR, rounds[:3], rounds[3:])

    def test_places_around_houston_are_not_on_the_way_from_dallas_to_chicago(self):
        tight = SearchArea(CIRCLE, Corridor(DALLAS, CHICAGO, 1_350_000))

        assert why_not(tight, HOUSTON, CHICAGO) is not None
