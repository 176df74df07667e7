"""Cells contain their points, and no point is nearer than its cell's distance."""

from math import floor

from hypothesis import given
from hypothesis import strategies as st

from geo.boxes import Box, boxes_around
from geo.cells import COLUMNS, cells_of, nearest_m
from geo.distance import destination, haversine_m
from geo.points import Point

points = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
bearings, distances_m = st.floats(0, 360), st.floats(0, 900_000)


def cell_of(point):
    """Return the point's cell as the index `ix_loads_best` numbers it."""
    return floor(point.lat) * COLUMNS + floor(point.lon)


@given(points, points)
def test_no_point_of_a_cell_is_nearer_than_the_cell(here, there):
    # A millimetre, for the rounding of both.
    assert nearest_m(here, cell_of(there)) <= haversine_m(here, there) + 0.001


@given(points, distances_m, bearings)
def test_every_point_around_is_in_a_cell_of_its_boxes(here, distance_m, bearing_deg):
    there = destination(here, bearing_deg, distance_m)

    assert cell_of(there) in cells_of(boxes_around(here, distance_m + 1))


def test_the_cells_of_a_box():
    assert cells_of([Box(40.2, -75.5, 41.0, -74.9)]) == {
        lat * 361 + lon for lat in (40, 41) for lon in (-76, -75)
    }


def test_both_edges_of_the_map_have_cells_of_their_own():
    edges = [Point(lat, lon) for lat in (-90, 0, 1, 90) for lon in (-180, 179.5, 180)]

    assert len({cell_of(edge) for edge in edges}) == len(edges)


def test_how_near_a_cell_is():
    here = Point(40.5, -74.5)

    assert nearest_m(here, cell_of(here)) == 0
    assert round(nearest_m(here, cell_of(Point(42.5, -74.5)))) == round(
        haversine_m(here, Point(42, -74.5))
    )
    # A degree of longitude is shorter here than at the equator.
    assert 40_000 < nearest_m(here, cell_of(Point(40.5, -72.5))) < 130_000
    assert nearest_m(Point(0.5, 179.9), cell_of(Point(0.5, -179.9))) < 20_000
