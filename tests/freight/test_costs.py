"""The defaults are the published figures in our units."""

import pytest

from freight import costs


def test_a_kilometre_costs_what_the_survey_says_of_a_mile():
    per_mile = costs.COST_CENTS_PER_KM * 1.609344
    without_fuel = costs.NON_FUEL_COST_CENTS_PER_KM * 1.609344

    assert per_mile == pytest.approx(226.0)
    assert without_fuel == pytest.approx(177.9)


def test_cost_per_hour_and_per_mile_imply_the_published_speed():
    miles_per_hour = costs.COST_CENTS_PER_HOUR / (costs.COST_CENTS_PER_KM * 1.609344)
    assert miles_per_hour == pytest.approx(40.2, abs=0.05)
