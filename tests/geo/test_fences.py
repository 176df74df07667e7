import json
from math import pi

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely import from_geojson

from geo.distance import haversine_m
from geo.fences import (
    CircleFence,
    Crossing,
    InvalidFence,
    PolygonFence,
    crossing,
)
from geo.points import Point
from tests.geo.places import DALLAS, FIJI, HOUSTON, often, points

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[4, 4], [4, 6], [6, 6], [6, 4], [4, 4]]
FAR = [[20, 0], [30, 0], [30, 10], [20, 10], [20, 0]]
WITH_HOLE = PolygonFence.from_geojson(
    {"type": "Polygon", "coordinates": [SQUARE, HOLE]}
)
TWO_PARTS = PolygonFence.from_geojson(
    {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [FAR]]}
)


def in_json(value):
    return json.loads(json.dumps(value, allow_nan=False))


class TestCircleFence:
    def test_houston_is_within_230_miles_of_dallas_but_not_within_220(self):
        assert CircleFence(DALLAS, 230 * 1609.344).contains(HOUSTON)
        assert not CircleFence(DALLAS, 220 * 1609.344).contains(HOUSTON)

    def test_the_edge_counts_as_inside(self):
        assert CircleFence(DALLAS, haversine_m(DALLAS, HOUSTON)).contains(HOUSTON)

    @pytest.mark.parametrize("radius_m", [0, -5, 7_500_001, float("nan"), float("inf")])
    def test_an_invalid_radius_is_refused(self, radius_m):
        with pytest.raises(InvalidFence, match="radius"):
            CircleFence(DALLAS, radius_m)

    def test_on_a_map_it_is_a_polygon_of_96_corners_on_the_edge(self):
        drawing = in_json(CircleFence(DALLAS, 160_000).to_geojson())
        (ring,) = drawing["coordinates"]

        assert drawing["type"] == "Polygon"
        assert len(ring) == 97
        assert all(
            haversine_m(DALLAS, Point(lat=lat, lon=lon))
            == pytest.approx(160_000, abs=0.2)
            for lon, lat in ring
        )

    def test_across_the_antimeridian_the_map_shows_two_parts(self):
        drawing = CircleFence(FIJI, 200_000).to_geojson()

        assert drawing["type"] == "MultiPolygon"
        assert len(drawing["coordinates"]) == 2

    @given(points, st.floats(1_000, 5_000_000), points)
    @often
    def test_the_map_agrees_with_contains_away_from_the_edge(
        self, center, radius_m, point
    ):
        fence = CircleFence(center, radius_m)
        # At a pole itself a map has a line where the Earth has a point.
        assume(abs(90 - abs(point.lat)) > 0.5)
        assume(abs(haversine_m(center, point) / radius_m - 1) > 0.05)

        shown = from_geojson(json.dumps(fence.to_geojson()))

        pole = Point(90 if center.lat > 0 else -90, 0)
        assume(abs(haversine_m(center, pole) / radius_m - 1) > 0.05)
        assert shown.is_valid
        assert shown.covers(from_geojson(json.dumps(_geojson(point)))) is (
            fence.contains(point)
        )


def _geojson(point: Point):
    return {"type": "Point", "coordinates": [point.lon, point.lat]}


class TestPolygonFence:
    @pytest.mark.parametrize(
        ("lat", "lon", "is_in"),
        [
            (1, 1, True),
            (5, 0, True),
            (0, 0, True),
            (10, 3, True),
            (5, 5, False),
            (5, 4, True),
            (5, 11, False),
            (11, 5, False),
        ],
    )
    def test_edges_are_inside_and_holes_outside(self, lat, lon, is_in):
        assert WITH_HOLE.contains(Point(lat=lat, lon=lon)) is is_in
        assert TWO_PARTS.contains(Point(lat=lat, lon=lon)) is is_in

    def test_swapped_coordinates_fall_outside(self):
        assert TWO_PARTS.contains(Point(lat=5, lon=25))
        assert not TWO_PARTS.contains(Point(lat=25, lon=5))

    @given(st.floats(-5, 15), st.floats(-5, 35))
    @often
    def test_contains_agrees_with_arithmetic(self, lat, lon):
        point = Point(lat, lon)
        is_in = 0 <= lat <= 10 and (
            (0 <= lon <= 10 and not (4 < lat < 6 and 4 < lon < 6)) or 20 <= lon <= 30
        )

        assert TWO_PARTS.contains(point) is is_in

    def test_its_lowest_latitude_is_that_of_all_parts(self):
        assert TWO_PARTS.southmost == 0

    @pytest.mark.parametrize("fence", [WITH_HOLE, TWO_PARTS])
    def test_it_is_rebuilt_from_its_geojson(self, fence):
        rebuilt = PolygonFence.from_geojson(in_json(fence.to_geojson()))

        assert rebuilt == fence
        assert hash(rebuilt) == hash(fence)

    def test_its_geojson_keeps_every_digit(self):
        ring = [[pi / 10**i, 1e-20 + i / 3] for i in (0, 2, 1)]
        drawing = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}

        kept = in_json(PolygonFence.from_geojson(drawing).to_geojson())

        assert sorted(map(tuple, kept["coordinates"][0])) == sorted(
            map(tuple, drawing["coordinates"][0])
        )

    def test_a_bad_drawing_is_refused(self):
        with pytest.raises(InvalidFence):
            PolygonFence.from_geojson({"type": "Polygon", "coordinates": [SQUARE[1:]]})


class TestCrossing:
    IN, OUT = Point(1, 1), Point(-1, -1)

    @pytest.mark.parametrize(
        ("before", "after", "seen"),
        [
            (None, IN, Crossing.ENTERED),
            (None, OUT, Crossing.STAYED_OUT),
            (OUT, IN, Crossing.ENTERED),
            (OUT, OUT, Crossing.STAYED_OUT),
            (IN, IN, Crossing.STAYED_IN),
            (IN, OUT, Crossing.LEFT),
        ],
    )
    def test_two_positions_tell_what_happened(self, before, after, seen):
        assert crossing(WITH_HOLE, before, after) is seen

    def test_driving_through_between_two_reports_is_not_seen(self):
        west, east = Point(5, -1), Point(5, 11)

        assert crossing(WITH_HOLE, west, east) is Crossing.STAYED_OUT
