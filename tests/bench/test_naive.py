"""The comparison with the reference notices what differs, and its searches are hard."""

from dataclasses import replace
from itertools import islice

import pytest

from bench import reference
from bench.naive import compare
from bench.product import ROADS, Answer, product_search, way_of
from bench.reference_trip import DAILY_REST_S
from bench.situations import asked

SEARCHES = 6

way = way_of(ROADS)


def by_reference(situation, loads):
    found = reference.search(situation, loads, way)
    best = [(worth.load.id, worth.gain_cents) for worth in found.best]
    return Answer(found.considered, found.counts, best)


def swapped(answer):
    first, second, *others = answer.best
    return replace(answer, best=[second, first, *others])


def a_cent_more(answer):
    (load_id, cents), *others = answer.best
    return replace(answer, best=[(load_id, cents + 1), *others])


def one_more_counted(answer):
    counts = {**answer.counts, ("gain", "no_gain"): 1_000_000}
    return replace(answer, counts=counts)


class TestCompare:
    def test_equal_answers_meet_every_bar(self):
        compared = compare(by_reference, SEARCHES, seed=2)

        assert all(bar.met for bar in compared.bars)
        assert compared.kept > 50
        assert compared.full > 0

    @pytest.mark.parametrize(
        ("spoilt", "name"),
        [
            (swapped, "orders_that_differ"),
            (a_cent_more, "gains_that_differ"),
            (one_more_counted, "counts_that_differ"),
        ],
    )
    def test_one_answer_that_differs_is_counted_and_told(self, spoilt, name, capsys):
        spoiled = []

        def search(situation, loads):
            answer = by_reference(situation, loads)
            if not spoiled and len(answer.best) > 1:
                spoiled.append(situation)
                return spoilt(answer)
            return answer

        compared = compare(search, SEARCHES, seed=1)

        assert {bar.name: bar.value for bar in compared.bars if bar.value} == {name: 1}
        assert "seed 1, search" in capsys.readouterr().err

    def test_the_product_answers_as_the_reference(self):
        compared = compare(product_search, SEARCHES, seed=4)

        assert all(bar.met for bar in compared.bars)
        assert compared.kept > 50


class TestAsked:
    def test_the_same_arguments_give_the_same_searches(self):
        first = list(asked(3, seed=1, way=way))

        assert list(asked(3, seed=1, way=way)) == first
        assert list(islice(asked(9, seed=1, way=way), 3)) == first
        assert list(asked(3, seed=2, way=way)) != first

    def test_a_few_searches_meet_most_reasons(self):
        refused = compare(by_reference, 24, seed=5).reasons

        assert set(refused) >= {
            *("outside_corridor", "outside_operating_area"),
            *("in_no_go_area", "currency_differs", "equipment_mismatch"),
            *("equipment_unknown", "cabotage", "country_not_allowed", "too_heavy"),
            *("above_legal_weight", "too_long", "hazmat_not_allowed"),
            *("temperature_not_held", "beyond_max_deadhead", "detour_too_long"),
            *("pickup_closed_before_arrival", "delivery_closed_before_arrival"),
            *("home_too_late", "below_min_pay", "no_gain"),
            *("off_lane", "on_a_weekend", "at_night", "in_a_city"),
        }

    def test_loads_lie_on_edges(self):
        last_second, rests, cents = 0, 0, 0
        for situation, loads in asked(8, seed=2, way=way):
            for load in loads:
                judged = reference.judge(load, situation, way)
                if not isinstance(judged, reference.Worth):
                    continue
                cents += judged.gain_cents == 1
                for visit in judged.trip.visits:
                    until = visit.stop.window_until.timestamp()
                    last_second += 0 <= until - visit.arrived_at < 1
                    waited_s = visit.begun_at - visit.arrived_at
                    rests += abs(waited_s - DAILY_REST_S) < 1.5

        assert min(last_second, rests, cents) > 3
