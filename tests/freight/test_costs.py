"""The defaults are the published figures in our units."""

import pytest

from freight import costs


def test_a_kilometre_costs_what_the_survey_says_of_a_mile():
    assert pytest.approx(226.0) == costs.COST_CENTS_PER_KM * 1.609344
