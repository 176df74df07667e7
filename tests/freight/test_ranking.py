"""The ranking has the best load first, counts each load once and is deterministic."""

import json
from dataclasses import replace
from random import Random

import pytest

from freight.columns import Loads
from freight.equipment import Equipment
from freight.feasibility import Reason, Stage
from freight.orders import RankBy
from freight.ranking import Excluded, Ranked, asked_of, judge, rank, screen
from geo.areas import AreaReason
from geo.points import Point

from .boards import MOST_CENTS, ROADS, RULES, Maker
from .world import HOUR, NOON, Everywhere, ask, make_candidate

EAST_IS_OUTSIDE = Everywhere(AreaReason.OUTSIDE_CORRIDOR, beyond=3.0)
NUMBERS = range(60)


def ids(ranked):
    return [each.candidate.load_id.int for each in ranked]


def ranked_by(board, **changes):
    return rank(board, ask(**changes))


def made(number, size=40):
    """A made-up search: what it asks, and a board."""
    maker = Maker(number)
    reason = maker.one_of([*[None] * 6, *list(AreaReason)[1:]])
    area = Everywhere(reason, beyond=0.5)
    asked = asked_of(maker.truck(), RULES, area, ROADS)
    return asked, maker.board(size)


def judged_alone(load, asked):
    return judge(load, asked.situation, asked.parameters, asked.area, asked.roads)


class TestOrder:
    def test_the_higher_gain_comes_first(self):
        board = [make_candidate(n, price_cents=n * 10_000) for n in (1, 3, 2)]
        assert ids(ranked_by(board)) == [3, 2, 1]

    def test_of_equal_gains_the_shorter_deadhead_comes_first(self):
        far = make_candidate(1)
        # 25 km nearer to the drop, 25 km more loaded: the same cost.
        near = make_candidate(2, pickup=Point(0.0, 0.25), loaded_m=325_000.0)
        ranked = ranked_by([far, near])

        assert ranked[0].score_cents == ranked[1].score_cents
        assert ids(ranked) == [2, 1]

    def test_of_equal_loads_the_smaller_id_comes_first(self):
        numbers = [2, 2**64 + 1, 2**127, 1, 2**64]
        board = [make_candidate(n) for n in numbers]
        assert ids(ranked_by(board)) == sorted(numbers)

    @pytest.mark.parametrize("number", NUMBERS)
    def test_the_order_of_the_candidates_does_not_matter(self, number):
        asked, board = made(number)
        shuffled = Random(number).sample(board, len(board))
        assert rank(shuffled, asked) == rank(board, asked)

    @pytest.mark.parametrize("number", NUMBERS)
    def test_a_useless_load_does_not_change_the_ranking(self, number):
        asked, board = made(number)
        useless = make_candidate(99, currency="CAD")
        assert rank([useless, *board], asked) == rank(board, asked)

    @pytest.mark.parametrize("number", NUMBERS)
    def test_a_higher_price_never_lowers_a_load(self, number):
        asked, board = made(number)
        before = ids(rank(board, asked))
        for place, load_number in enumerate(before[:3]):
            dearer = list(board)
            load = dearer[load_number]
            price_cents = min(load.price_cents + 5_000, MOST_CENTS)
            dearer[load_number] = replace(load, price_cents=price_cents)

            assert ids(rank(dearer, asked)).index(load_number) <= place

    def test_the_driver_may_want_another_order(self):
        quick = make_candidate(1, price_cents=60_000)
        dear = make_candidate(2, delivery_from=NOON + 30 * HOUR)
        near = make_candidate(
            3,
            price_cents=50_000,
            pickup=Point(0.0, 0.0),
            delivery_from=NOON + 9 * HOUR,
        )
        first = {
            order: ids(ranked_by([quick, dear, near], truck={"rank_by": order}))
            for order in RankBy
        }
        assert first == {
            RankBy.GAIN: [2, 1, 3],
            RankBy.HOME_TIME: [1, 3, 2],
            RankBy.GAIN_PER_HOUR: [1, 3, 2],
            RankBy.CO2: [3, 1, 2],
        }

    def test_the_empty_way_home_counts_for_the_co2_too(self):
        out_50_km_home_150 = make_candidate(1, delivery=Point(0.0, 2.5))
        out_100_km_home_50 = make_candidate(2, pickup=Point(0.0, 1.0))
        board = [out_50_km_home_150, out_100_km_home_50]

        assert ids(ranked_by(board, truck={"rank_by": RankBy.CO2})) == [2, 1]

    def test_only_as_many_as_wanted_are_kept(self):
        board = [make_candidate(n, price_cents=n * 10_000) for n in range(1, 9)]
        asked = ask()
        found = screen(Loads.of(board, asked.roads), asked)
        assert found.best(asked, 3).loads.price_cents.tolist() == [
            80_000,
            70_000,
            60_000,
        ]

    def test_a_pickup_outside_the_circle_is_not_even_considered(self):
        asked = ask(area=Everywhere(AreaReason.OUTSIDE_CIRCLE, beyond=3.0))
        board = [make_candidate(1), make_candidate(2, pickup=Point(0.0, 3.25))]
        assert ids(rank(board, asked)) == [1]


class TestCounts:
    def test_each_stage_counts_the_loads_it_excluded(self):
        board = [
            make_candidate(1),
            make_candidate(2, currency="CAD"),
            make_candidate(3, equipment=frozenset({Equipment.REEFER})),
            make_candidate(4, equipment=frozenset({Equipment.REEFER})),
            make_candidate(5, equipment=frozenset()),
            make_candidate(6, pickup=Point(0.0, 3.25), delivery=Point(0.0, 3.0)),
        ]
        asked = ask(area=EAST_IS_OUTSIDE)
        board[0] = make_candidate(1, delivery=Point(0.0, 3.0), loaded_m=250_000.0)
        found = screen(Loads.of(board, asked.roads), asked)

        counts = {
            count.stage: (count.entered, count.excluded, count.left)
            for count in found.stages
        }
        assert counts[Stage.CURRENCY] == (6, {Reason.CURRENCY_DIFFERS: 1}, 5)
        assert counts[Stage.EQUIPMENT] == (
            5,
            {Reason.EQUIPMENT_MISMATCH: 2, Reason.EQUIPMENT_UNKNOWN: 1},
            2,
        )
        assert counts[Stage.WEIGHT] == (2, {}, 2)
        assert counts[Stage.AREA] == (2, {Reason.OUTSIDE_CORRIDOR: 1}, 1)
        assert found.considered == 6
        assert found.left.loads.id_low.tolist() == [1]

    def test_nothing_considered_is_an_empty_outcome_with_all_stages(self):
        asked = ask()
        found = screen(Loads.of([], asked.roads), asked)
        assert len(found.best(asked, 50)) == 0
        assert [count.stage for count in found.stages] == list(Stage)
        assert {(c.entered, c.left) for c in found.stages} == {(0, 0)}

    @pytest.mark.parametrize("number", NUMBERS)
    def test_every_load_is_counted_exactly_once(self, number):
        asked, board = made(number)
        found = screen(Loads.of(board, ROADS), asked)

        entered = found.considered
        for count in found.stages:
            assert count.entered == entered
            assert count.left == entered - sum(count.excluded.values())
            assert 0 not in count.excluded.values()
            entered = count.left
        assert found.considered == len(board)
        assert entered == len(found.left)

    @pytest.mark.parametrize("number", NUMBERS)
    def test_it_is_counted_with_the_reason_that_it_has_alone(self, number):
        asked, board = made(number)
        counted = {
            reason: number
            for count in screen(Loads.of(board, ROADS), asked).stages
            for reason, number in count.excluded.items()
        }
        for load in board:
            judged = judged_alone(load, asked)
            if isinstance(judged, Excluded):
                counted[judged.reason] -= 1
        assert set(counted.values()) <= {0}

    def test_counts_can_be_kept_as_json(self):
        asked = ask()
        board = Loads.of([make_candidate(currency="CAD")], asked.roads)
        record = screen(board, asked).stages[0].to_record()
        assert json.loads(json.dumps(record)) == {
            "stage": "currency",
            "entered": 1,
            "excluded": {"currency_differs": 1},
            "left": 0,
        }


class TestExplanation:
    @pytest.mark.parametrize("number", NUMBERS)
    def test_judging_a_load_later_gives_the_searchs_answer_bit_for_bit(self, number):
        asked, board = made(number)
        alone = [judged_alone(load, asked) for load in board]

        taken = [judged for judged in alone if isinstance(judged, Ranked)]
        assert sorted(taken, key=lambda r: r.candidate.load_id) == sorted(
            rank(board, asked), key=lambda r: r.candidate.load_id
        )

    @pytest.mark.parametrize("number", NUMBERS)
    def test_the_terms_add_up_to_the_score(self, number):
        asked, board = made(number)
        for ranked in rank(board, asked):
            assert sum(term.value for term in ranked.terms) == ranked.score_cents > 0
            assert all(isinstance(term.value, int) for term in ranked.terms)
            assert ranked.figures.detour_m >= 0

    @pytest.mark.parametrize("number", NUMBERS)
    def test_every_answer_can_be_kept_as_json_and_read_again(self, number):
        asked, board = made(number)
        for load in board:
            judged = judged_alone(load, asked)
            record = judged.to_record()
            kept = json.loads(json.dumps(record, allow_nan=False))
            assert kept == record
            if isinstance(judged, Ranked):
                assert type(load).from_record(kept["candidate"]) == load

    def test_the_made_up_searches_reach_every_stage(self):
        reached = set()
        for number in NUMBERS:
            asked, board = made(number)
            stages = screen(Loads.of(board, ROADS), asked).stages
            reached |= {count.stage for count in stages if count.excluded}
        assert reached == set(Stage)

    def test_a_ranked_load_can_be_kept_as_json(self):
        (ranked,) = ranked_by([make_candidate()])

        record = json.loads(json.dumps(ranked.to_record()))

        assert record["score_cents"] == 100_000
        assert record["terms"][0] == {
            "name": "price",
            "unit": "cents",
            "value": 100_000,
            "sample": None,
        }
        assert record["candidate"] == make_candidate().to_record()
        assert record["figures"] == ranked.figures.to_record()
        assert record["figures"]["pickup_eta"] == "2026-03-02T12:41:40+00:00"
        assert record["unchecked"] == []

    def test_the_arrival_includes_breaks_and_rests_by_law(self):
        home = Point(0.0, 9.0)
        far = make_candidate(delivery=home, loaded_m=850_000.0)
        (ranked,) = ranked_by([far], truck={"home": home})
        # 12.5 h of driving to the delivery, a break, a daily rest, an hour at the dock.
        hours = (ranked.figures.delivery_eta - NOON) / HOUR
        assert hours == pytest.approx(12.5 + 0.5 + 10 + 1)

    def test_the_sentence_tells_what_the_figures_say(self):
        """50 km empty out and 50 km home; the two docks take two hours."""
        (ranked,) = ranked_by([make_candidate()])

        assert ranked.figures.empty_after_m == 100_000
        assert ranked.figures.summary == (
            "Pays $1,000, 62 empty miles, home Monday 19:33, 2 h later than empty."
        )
