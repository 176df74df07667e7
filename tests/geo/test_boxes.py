from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.boxes import Box, boxes_around, common_boxes, cut_boxes
from geo.distance import destination, haversine_m
from geo.points import Point
from tests.geo.places import (
    DALLAS,
    FIJI,
    NORTH_POLE,
    SOUTH_POLE,
    around,
    bearings_deg,
    often,
    points,
)


def in_some(boxes: list[Box], point: Point) -> bool:
    return any(box.contains(point) for box in boxes)


class TestBox:
    @pytest.mark.parametrize(
        ("lat", "lon", "is_in"),
        [
            (1, 2, True),
            (3, 4, True),
            (2, 3, True),
            (0.999, 3, False),
            (3.001, 3, False),
            (2, 1.999, False),
            (2, 4.001, False),
        ],
    )
    def test_the_edge_counts_as_inside(self, lat, lon, is_in):
        assert Box(1, 2, 3, 4).contains(Point(lat, lon)) is is_in


class TestBoxesAround:
    def test_at_home_one_box_touches_the_circle(self):
        (box,) = boxes_around(DALLAS, 100_000)
        circle = around(DALLAS, 100_000, 3600)

        assert box.south == pytest.approx(min(p.lat for p in circle), abs=2e-5)
        assert box.north == pytest.approx(max(p.lat for p in circle), abs=2e-5)
        assert box.west == pytest.approx(min(p.lon for p in circle), abs=2e-5)
        assert box.east == pytest.approx(max(p.lon for p in circle), abs=2e-5)

    @pytest.mark.parametrize("lon", [179.5, -179.5])
    def test_at_the_antimeridian_two_boxes_meet(self, lon):
        west, east = sorted(
            boxes_around(Point(-17, lon), 100_000), key=lambda b: -b.west
        )

        assert (west.east, east.west) == (180, -180)
        assert in_some([west, east], Point(-17, 180))
        assert in_some([west, east], Point(-17, -180))

    def test_a_circle_that_ends_at_the_antimeridian_contains_180_and_minus_180(self):
        lon = 179.0
        reach_m = haversine_m(Point(0, lon), Point(0, 180))

        boxes = boxes_around(Point(0, lon), reach_m)

        assert in_some(boxes, Point(0, 180))
        assert in_some(boxes, Point(0, -180))

    @pytest.mark.parametrize("pole", [NORTH_POLE, SOUTH_POLE])
    def test_a_circle_with_a_pole_spans_all_longitudes(self, pole):
        center = destination(pole, 77, 50_000)

        boxes = boxes_around(center, 60_000)

        assert all(in_some(boxes, Point(pole.lat, lon)) for lon in range(-180, 181, 9))

    def test_one_metre_short_of_the_pole_is_still_enclosed(self):
        center = Point(89, 0)
        radius_m = haversine_m(center, NORTH_POLE) - 1

        boxes = boxes_around(center, radius_m)

        assert all(in_some(boxes, p) for p in around(center, radius_m, 3600))

    def test_a_point_at_the_radius_is_in_a_box_despite_rounding(self):
        for i in range(400):
            center = Point(i / 5 - 40, i / 3 - 60)
            for point in around(center, 1_000 * i + 1, 4):
                boxes = boxes_around(center, haversine_m(center, point))
                assert in_some(boxes, point)

    def test_far_away_is_outside(self):
        assert not in_some(boxes_around(DALLAS, 100_000), FIJI)

    @given(points, st.floats(0, 20_000_000), bearings_deg, st.floats(0, 1))
    @often
    def test_every_point_within_the_radius_is_in_a_box(
        self, center, radius_m, bearing, share
    ):
        point = destination(center, bearing, radius_m * share)
        boxes = boxes_around(center, radius_m)

        assert haversine_m(center, point) > radius_m or in_some(boxes, point)

    @given(points, st.floats(0, 20_000_000))
    @often
    def test_boxes_are_well_formed(self, center, radius_m):
        boxes = boxes_around(center, radius_m)

        assert 1 <= len(boxes) <= 2
        for box in boxes:
            assert -90 <= box.south <= box.north <= 90
            assert -180 <= box.west <= box.east <= 180


class TestCutBoxes:
    @given(st.floats(-360, 360), st.floats(1e-3, 180))
    @often
    def test_each_longitude_of_the_range_is_in_a_box(self, west, width):
        boxes = cut_boxes(0, west, 1, west + width)

        for share in (0, 0.1, 0.5, 0.9, 1):
            lon = (west + share * width + 180) % 360 - 180
            near = [Point(0.5, max(-180.0, min(180.0, lon + d))) for d in (-1e-9, 1e-9)]
            assert any(in_some(boxes, point) for point in near)

    def test_the_longitudes_add_up_to_the_range(self):
        for west in range(-350, 340, 30):
            boxes = cut_boxes(0, west + 1, 1, west + 21)
            assert sum(b.east - b.west for b in boxes) == pytest.approx(20)

    def test_no_box_overlaps_the_next(self):
        boxes = sorted(cut_boxes(0, 170, 1, 200), key=lambda b: b.west)

        assert all(a.east <= b.west for a, b in pairwise(boxes))


class TestCommonBoxes:
    def test_the_overlap_of_both_remains(self):
        assert common_boxes([Box(0, 0, 10, 10)], [Box(5, -5, 15, 5)]) == [
            Box(5, 0, 10, 5)
        ]

    @pytest.mark.parametrize("far", [Box(20, 0, 30, 10), Box(0, 20, 10, 30)])
    def test_boxes_without_overlap_give_no_box(self, far):
        assert common_boxes([Box(0, 0, 10, 10)], [far]) == []

    @given(points, points, st.floats(1e5, 1e7), st.floats(1e5, 1e7), points)
    @often
    def test_a_point_is_in_both_lists_iff_it_is_in_the_common_ones(
        self, a, b, a_m, b_m, point
    ):
        these, those = boxes_around(a, a_m), boxes_around(b, b_m)

        both = in_some(these, point) and in_some(those, point)

        assert in_some(common_boxes(these, those), point) is both
