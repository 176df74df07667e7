"""The carbon dioxide of kilometres that are not driven is counted as published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.emissions import STRICT, USUAL_EMPTY_SHARE, avoided_m, co2_kg
from geo.distance import METRES_PER_MILE

metres = st.floats(0, 1e7)
shares = st.floats(0, 0.9)


def avoided_kg(before, to_pickup, loaded, to_home, share):
    """Return the kilograms that are avoided; the ways are in miles."""
    return co2_kg(
        avoided_m(
            empty_before_m=before * METRES_PER_MILE,
            empty_after_m=(to_pickup + to_home) * METRES_PER_MILE,
            loaded_m=loaded * METRES_PER_MILE,
            other_empty_share=share,
        )
    )


def test_four_hundred_empty_miles_are_62_gallons_of_diesel():
    assert co2_kg(400 * METRES_PER_MILE) == pytest.approx(400 / 6.5 * 10.21)
    assert co2_kg(400 * METRES_PER_MILE) == pytest.approx(628.3, abs=0.05)


def test_the_trucks_own_economy_replaces_the_default():
    assert co2_kg(13 * METRES_PER_MILE, 5.0) == pytest.approx(13 / 5 * 10.21)


@given(metres, metres)
def test_two_trips_are_the_sum_of_both(out, back):
    assert co2_kg(out) + co2_kg(back) == pytest.approx(co2_kg(out + back), abs=1e-6)


@pytest.mark.parametrize(("share", "kg"), [(STRICT, 628.3), (USUAL_EMPTY_SHARE, 763.7)])
def test_a_published_case_comes_out_as_published(share, kg):
    assert avoided_kg(500, 40, 430, 60, share) == pytest.approx(kg, abs=0.05)


def test_a_load_with_more_empty_miles_than_the_way_home_avoids_less_than_nothing():
    assert avoided_kg(100, 90, 400, 60, STRICT) < 0


@given(metres, metres, metres, shares)
def test_strictly_the_loaded_kilometres_do_not_count(before, after, loaded, share):
    def avoided(other):
        return avoided_m(
            empty_before_m=before,
            empty_after_m=after,
            loaded_m=loaded,
            other_empty_share=other,
        )

    assert avoided(STRICT) == before - after
    assert avoided(share) >= avoided(STRICT)
