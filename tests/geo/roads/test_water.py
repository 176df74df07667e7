import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.roads.graph import read_water
from geo.sphere import great_circle_m
from tests.geo.places import often

MICHIGAN = ((43.04, -87.91), (43.23, -86.25))
KANSAS = ((38.5, -98.0), (38.9, -97.2))
ONTO_A_QUAY = ((47.61, -122.33), (47.62, -122.345))


@pytest.fixture(scope="module")
def water():
    return read_water()


def is_dry(water, a, b, wet_m=1_500.0):
    ends = [np.array([x]) for x in (*a, *b)]
    air_m = great_circle_m(*ends)
    return bool(water.is_dry(*ends, air_m=air_m, wet_m=wet_m)[0])


def test_a_line_over_a_lake_is_wet(water):
    assert not is_dry(water, *MICHIGAN)


def test_a_line_over_plains_is_dry(water):
    assert is_dry(water, *KANSAS)


def test_a_quay_is_no_barrier(water):
    assert is_dry(water, *ONTO_A_QUAY)


def test_enough_water_may_be_allowed(water):
    assert is_dry(water, *MICHIGAN, wet_m=200_000.0)


def test_beyond_the_bitmap_its_edge_counts(water):
    assert not is_dry(water, (0.0, -60.0), (1.0, -40.0))


coasts = st.tuples(st.floats(25, 49), st.floats(-125, -66))


@given(a=coasts, north=st.floats(-1, 1), east=st.floats(-1, 1))
@often
def test_it_is_the_same_there_and_back(water, a, north, east):
    b = a[0] + north, a[1] + east

    assert is_dry(water, a, b) == is_dry(water, b, a)


def test_it_is_the_same_where_only_the_rounding_differs(water):
    """A sample lies on the edge of a cell: from here it is water, from there land."""
    a, b = (29.8, -89.4), (30.4, -89.7)

    assert is_dry(water, a, b, 23_700) == is_dry(water, b, a, 23_700)
