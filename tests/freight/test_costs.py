"""The defaults are the published figures in our units."""

import pytest

from freight import costs


def test_a_kilometre_costs_what_the_survey_says_of_a_mile():
    assert pytest.approx(156.0) == costs.COST_CENTS_PER_KM * 1.609344


def test_an_hour_costs_what_the_simulated_weeks_say():
    assert costs.HOUR_CENTS == 1_400
