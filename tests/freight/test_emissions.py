"""The carbon dioxide of empty kilometres is counted as published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.emissions import co2_kg
from geo.distance import METRES_PER_MILE

metres = st.floats(0, 1e7)


def test_four_hundred_empty_miles_are_62_gallons_of_diesel():
    assert co2_kg(400 * METRES_PER_MILE) == pytest.approx(400 / 6.5 * 10.180)
    assert co2_kg(400 * METRES_PER_MILE) == pytest.approx(626.46, abs=0.005)


def test_the_trucks_own_economy_replaces_the_default():
    assert co2_kg(13 * METRES_PER_MILE, 5.0) == pytest.approx(13 / 5 * 10.180)


@given(metres, metres)
def test_two_trips_are_the_sum_of_both(out, back):
    assert co2_kg(out) + co2_kg(back) == pytest.approx(co2_kg(out + back), abs=1e-6)
