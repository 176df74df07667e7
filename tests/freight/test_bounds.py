"""The upper bound of a load's gain is never below its gain."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from freight.bounds import Ceiling, key_of
from freight.economics import figures_of, gain_terms, way_home
from freight.ranking import Ranked, judge
from geo.distance import haversine_m
from geo.points import Point
from geo.roads import EstimatedRoads

from .world import EVERYWHERE, NOON, make_candidate, make_parameters, make_situation

ROADS = EstimatedRoads()
places = st.builds(Point, st.floats(25, 49), st.floats(-124, -67))
costs = st.floats(0, 400)


@st.composite
def searches(draw):
    situation = make_situation(
        drop=draw(places),
        home=draw(places),
        cost_empty_cents_per_km=draw(costs),
        cost_loaded_cents_per_km=draw(costs),
    )
    parameters = make_parameters(
        fee_share=draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
        duty_hour_cents=draw(st.sampled_from([0, 3_000])),
    )
    pickup, delivery = draw(places), draw(places)
    # Further stops make a load longer than its straight road, never shorter.
    longer = draw(st.floats(1.0, 1.5))
    candidate = make_candidate(
        pickup=pickup,
        delivery=delivery,
        loaded_m=haversine_m(pickup, delivery) * longer,
        price_cents=draw(st.integers(0, 2_000_000)),
    )
    return candidate, situation, parameters, draw(st.floats(1.0, 2.0))


@given(searches())
def test_no_load_gains_more_than_its_ceiling(search):
    candidate, situation, parameters, slack = search
    baseline = way_home(situation, parameters, ROADS)
    figures = figures_of(
        candidate, situation, parameters, roads=ROADS, baseline=baseline
    )
    terms = gain_terms(candidate, situation, parameters, figures)
    score = sum(term.value for term in terms)
    # High enough to allow any detour.
    parameters = replace(parameters, max_detour_m=figures.detour_m * slack)

    ceiling = Ceiling.of(situation, parameters, ROADS)
    to_pickup_m = haversine_m(situation.drop, candidate.pickup)

    # A thousandth of a cent, for rounding in sums of millions.
    assert ceiling.most_cents(candidate, situation) >= score - 0.001
    assert ceiling.least_price_cents(score) <= candidate.price_cents + 0.001
    assert ceiling.least_key(score, to_pickup_m) <= key_of(candidate) + 0.001
    assert ceiling.least_key(score, 0) <= ceiling.least_key(score, to_pickup_m)


def test_the_ceiling_is_close_to_the_gain():
    """For a load on the way home, only the circuity of the empty roads differs."""
    situation = make_situation(drop=Point(40.7, -74.0), home=Point(41.9, -87.6))
    candidate = make_candidate(
        pickup=Point(40.9, -74.2),
        delivery=Point(41.8, -87.5),
        loaded_m=1_340_000.0,
        price_cents=250_000,
        pickup_until=NOON + timedelta(days=3),
        delivery_until=NOON + timedelta(days=6),
    )
    parameters = make_parameters()
    judged = judge(candidate, situation, parameters, EVERYWHERE, ROADS)
    most = Ceiling.of(situation, parameters, ROADS).most_cents(candidate, situation)

    assert isinstance(judged, Ranked)
    assert judged.score_cents < most < judged.score_cents + 2_000


def test_with_a_fee_of_the_whole_price_the_bounds_exclude_no_load():
    ceiling = Ceiling.of(make_situation(), make_parameters(fee_share=1.0), ROADS)

    assert ceiling.least_key(1_000, 0) == float("-inf")
    assert ceiling.least_price_cents(1_000) == float("-inf")
