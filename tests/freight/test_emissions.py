"""Avoided emptiness is counted as published, and shown when it is negative."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.emissions import avoided_emissions, co2_kg
from geo.distance import METRES_PER_MILE

metres = st.floats(0, 1e7)


def miles(count):
    return count * METRES_PER_MILE


def test_four_hundred_empty_miles_saved_are_62_gallons_of_diesel():
    saved = avoided_emissions(
        miles(500), deadhead_m=miles(40), home_deadhead_m=miles(60)
    )

    assert saved.avoided_empty_m == pytest.approx(miles(400))
    assert saved.avoided_co2_kg == pytest.approx(400 / 6.5 * 10.180)
    assert saved.avoided_co2_kg == pytest.approx(626.46, abs=0.005)


def test_a_load_that_makes_more_empty_miles_shows_a_negative_saving():
    saved = avoided_emissions(
        miles(50), deadhead_m=miles(40), home_deadhead_m=miles(23), miles_per_gallon=5.0
    )

    assert saved.avoided_empty_m == pytest.approx(miles(-13))
    assert saved.avoided_co2_kg == pytest.approx(-13 / 5 * 10.180)


def test_the_record_says_how_it_was_computed():
    saved = avoided_emissions(0.0, deadhead_m=0.0, home_deadhead_m=0.0)
    assert saved.to_record() == {
        "avoided_empty_m": 0.0,
        "avoided_co2_kg": 0.0,
        "miles_per_gallon": 6.5,
        "factor_kg_per_gallon": 10.180,
        "method": "epa_tailpipe_co2_v1",
        "scope": "tank_to_wheel",
        "kind": "avoided_empty_miles",
    }


@given(metres, metres, metres)
def test_the_saving_is_the_difference_of_the_two_trips(baseline, out, back):
    saved = avoided_emissions(baseline, deadhead_m=out, home_deadhead_m=back)
    with_load = co2_kg(out) + co2_kg(back)
    assert saved.avoided_co2_kg == pytest.approx(co2_kg(baseline) - with_load, abs=1e-6)
