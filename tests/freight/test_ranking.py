"""The ranking has the best load first, counts each load once and is deterministic."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.equipment import Equipment
from freight.feasibility import Reason, Stage
from freight.ranking import Ranked, judge, rank
from geo.areas import AreaReason
from geo.points import Point

from .world import (
    EVERYWHERE,
    HOUR,
    NOON,
    ROADS,
    make_candidate,
    make_parameters,
    make_situation,
)


class WestOnly:
    """Refuses pickups east of 3 degrees."""

    def why_not(self, pickup, delivery):
        return AreaReason.OUTSIDE_CIRCLE if pickup.lon > 3 else None


def ranked_by(candidates, area=EVERYWHERE, **truck):
    return rank(candidates, make_situation(**truck), make_parameters(), area, ROADS)


def ids(outcome):
    return [ranked.candidate.load_id.int for ranked in outcome.ranked]


places = st.builds(Point, lat=st.integers(0, 2), lon=st.integers(0, 4))
loads = st.builds(
    make_candidate,
    pickup=places,
    delivery=places,
    loaded_m=st.integers(0, 8).map(lambda n: n * 50_000.0),
    price_cents=st.integers(0, 4).map(lambda n: n * 20_000),
    currency=st.sampled_from(["USD", "USD", "USD", "CAD"]),
    equipment=st.sampled_from(
        [frozenset({Equipment.VAN}), frozenset({Equipment.REEFER}), frozenset()]
    ),
    weight_kg=st.sampled_from([None, 10_000, 30_000]),
    pickup_until=st.integers(0, 8).map(lambda n: NOON + n * HOUR),
)
boards = st.lists(loads, max_size=12).map(
    lambda board: [replace(c, load_id=UUID(int=n)) for n, c in enumerate(board)]
)


class TestOrder:
    def test_the_higher_gain_comes_first(self):
        board = [make_candidate(n, price_cents=n * 10_000) for n in (1, 3, 2)]
        assert ids(ranked_by(board)) == [3, 2, 1]

    def test_of_equal_gains_the_shorter_deadhead_comes_first(self):
        far = make_candidate(1)
        # 25 km nearer to the drop, 25 km more loaded: the same cost.
        near = make_candidate(2, pickup=Point(0.0, 0.25), loaded_m=325_000.0)
        outcome = ranked_by([far, near])

        assert outcome.ranked[0].score_cents == outcome.ranked[1].score_cents
        assert ids(outcome) == [2, 1]

    def test_of_equal_loads_the_smaller_id_comes_first(self):
        board = [make_candidate(n) for n in (2, 3, 1)]
        assert ids(ranked_by(board)) == [1, 2, 3]

    @given(boards, st.randoms())
    def test_the_order_of_the_candidates_does_not_matter(self, board, random):
        shuffled = random.sample(board, len(board))
        assert ranked_by(shuffled, WestOnly()) == ranked_by(board, WestOnly())

    @given(boards)
    def test_a_useless_load_does_not_change_the_ranking(self, board):
        useless = make_candidate(99, price_cents=0, loaded_m=400_000.0)

        with_it, without = ranked_by([useless, *board]), ranked_by(board)

        assert with_it.ranked == without.ranked
        assert with_it.considered == without.considered + 1


class TestCounts:
    def test_each_stage_counts_the_loads_it_excluded(self):
        board = [
            make_candidate(1),
            make_candidate(2, currency="CAD"),
            make_candidate(3, equipment=frozenset({Equipment.REEFER})),
            make_candidate(4, equipment=frozenset({Equipment.REEFER})),
            make_candidate(5, equipment=frozenset()),
            make_candidate(6, pickup=Point(0.0, 3.25)),
        ]
        outcome = ranked_by(board, WestOnly())

        counts = [
            (count.stage, count.entered, count.excluded, count.left)
            for count in outcome.stages[:4]
        ]
        assert counts == [
            (Stage.AREA, 6, {Reason.OUTSIDE_CIRCLE: 1}, 5),
            (Stage.CURRENCY, 5, {Reason.CURRENCY_DIFFERS: 1}, 4),
            (
                Stage.EQUIPMENT,
                4,
                {Reason.EQUIPMENT_MISMATCH: 2, Reason.EQUIPMENT_UNKNOWN: 1},
                1,
            ),
            (Stage.WEIGHT, 1, {}, 1),
        ]
        assert outcome.considered == 6
        assert ids(outcome) == [1]

    def test_nothing_considered_is_an_empty_outcome_with_all_stages(self):
        outcome = ranked_by([])
        assert outcome.ranked == ()
        assert [count.stage for count in outcome.stages] == list(Stage)
        assert {(c.entered, c.left) for c in outcome.stages} == {(0, 0)}

    @given(boards, st.sampled_from([None, 20_000]))
    def test_every_load_is_counted_exactly_once(self, board, payload_kg):
        outcome = ranked_by(board, WestOnly(), payload_kg=payload_kg)

        entered = outcome.considered
        for count in outcome.stages:
            assert count.entered == entered
            assert count.left == entered - sum(count.excluded.values())
            assert 0 not in count.excluded.values()
            entered = count.left
        assert outcome.considered == len(board)
        assert entered == len(outcome.ranked)

    def test_counts_can_be_kept_as_json(self):
        count = ranked_by([make_candidate(currency="CAD")]).stages[1]
        assert json.loads(json.dumps(count.to_record())) == {
            "stage": "currency",
            "entered": 1,
            "excluded": {"currency_differs": 1},
            "left": 0,
        }


class TestExplanation:
    @given(boards)
    def test_judging_a_load_later_gives_the_searchs_answer(self, board):
        outcome = ranked_by(board, WestOnly())
        alone = [
            judge(c, make_situation(), make_parameters(), WestOnly(), ROADS)
            for c in board
        ]

        taken = [judged for judged in alone if isinstance(judged, Ranked)]
        assert sorted(taken, key=lambda r: r.candidate.load_id) == sorted(
            outcome.ranked, key=lambda r: r.candidate.load_id
        )

    @given(boards)
    def test_the_terms_add_up_to_the_score(self, board):
        for ranked in ranked_by(board).ranked:
            assert sum(term.value for term in ranked.terms) == ranked.score_cents > 0
            assert all(isinstance(term.value, int) for term in ranked.terms)
            assert ranked.figures.detour_m >= 0

    def test_a_ranked_load_can_be_kept_as_json(self):
        (ranked,) = ranked_by([make_candidate()]).ranked

        record = json.loads(json.dumps(ranked.to_record()))

        assert record["score_cents"] == 100_000
        assert record["terms"][0] == {
            "name": "price",
            "unit": "cents",
            "value": 100_000,
        }
        assert record["candidate"] == make_candidate().to_record()
        assert record["figures"] == ranked.figures.to_record()
        assert record["figures"]["pickup_eta"] == "2026-03-02T12:41:40+00:00"
        assert record["unchecked"] == []

    def test_the_arrival_includes_breaks_and_rests_by_law(self):
        home = Point(0.0, 9.0)
        far = make_candidate(delivery=home, loaded_m=850_000.0)
        (ranked,) = ranked_by([far], home=home).ranked
        # 12.5 h of driving to the delivery, a break, a daily rest, an hour at the dock.
        hours = (ranked.figures.delivery_eta - NOON) / HOUR
        assert hours == pytest.approx(12.5 + 0.5 + 10 + 1)
