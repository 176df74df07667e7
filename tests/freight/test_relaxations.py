"""Relaxations: each lets in what a search that was asked so would find, and is the
smallest step of its kind that lets anything in."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from freight import relaxations as module
from freight.columns import Loads
from freight.equipment import Equipment
from freight.preferences import Preference, PreferenceKind
from freight.ranking import Ranked, asked_of, judge, rank, screen
from freight.relaxations import RelaxationKind, relaxations, widest
from freight.tables import area_of
from geo.distance import METRES_PER_MILE
from geo.fences import PolygonFence
from tests.freight import world
from tests.freight.boards import ROADS, RULES, Maker
from tests.freight.world import HOUR, NOON, make_candidate, make_situation, make_stop

MANY, FEW = 300, 30
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[0.4, -0.1], [0.6, -0.1], [0.6, 0.1], [0.4, 0.1], [0.4, -0.1]]],
}


def asked_by(situation, operating=(), no_go=(), rules=(RULES, ROADS)):
    parameters, roads = rules
    area = area_of(situation, parameters, roads, operating, no_go)
    return asked_of(situation, parameters, area, roads)


def by_hand(*, operating=(), no_go=(), **changes):
    """Return what is asked in the flat world, where a degree is 100 km."""
    rules = (world.PARAMETERS, world.ROADS)
    return asked_by(make_situation(**changes), operating, no_go, rules)


def found(board, asked):
    return relaxations(Loads.of(board, asked.roads), asked)


def worth_taking(board, asked):
    """Judge each load alone; return the scores of those that are worth taking."""
    given = (asked.situation, asked.parameters, asked.area, asked.roads)
    judged = [judge(load, *given) for load in board]
    return [each.score_cents for each in judged if isinstance(each, Ranked)]


def relaxed(asked, step):
    """Return what the relaxation says, as a person would ask for it."""
    situation, value = asked.situation, step.change.value
    kept = tuple(
        wish
        for wish in situation.preferences
        if not (wish.is_hard and wish.kind == value)
    )
    changes = {
        RelaxationKind.DEADHEAD: lambda: {
            "max_deadhead_m": asked.deadhead_limit_m + value
        },
        RelaxationKind.WAIT: lambda: {"free_at": datetime.fromisoformat(value)},
        RelaxationKind.HOME_BY: lambda: {"home_by_at": datetime.fromisoformat(value)},
        RelaxationKind.PAY: lambda: {"min_pay_cents_per_km": value},
        RelaxationKind.WISHES: lambda: {"preferences": kept},
        RelaxationKind.EQUIPMENT: lambda: {"equipment": Equipment(value)},
    }
    return asked_by(replace(situation, **changes[step.kind]()))


def made_up(searches):
    """Yield those of so many searches that find nothing, and their boards."""
    for number in range(searches):
        maker = Maker(number)
        asked = asked_by(maker.truck())
        board = maker.board(12)
        if not rank(board, asked):
            yield asked, board


def test_each_lets_in_what_a_search_that_is_asked_so_finds():
    seen = set()
    for asked, board in made_up(MANY):
        for step in found(board, asked):
            scores = worth_taking(board, relaxed(asked, step))
            assert (step.load_count, step.best_cents) == (len(scores), max(scores))
            seen.add(step.kind)

    assert seen >= {
        *(RelaxationKind.DEADHEAD, RelaxationKind.WAIT, RelaxationKind.HOME_BY),
        *(RelaxationKind.WISHES, RelaxationKind.EQUIPMENT),
    }


def test_no_smaller_step_of_its_kind_lets_anything_in():
    tried = 0
    for asked, board in made_up(FEW):
        steps = {step.kind: step for step in found(board, asked)}
        for kind, ladder in module._ladders(asked):
            for change, smaller in ladder:
                if kind in steps and change == steps[kind].change:
                    break
                assert worth_taking(board, smaller) == []
                tried += 1

    assert tried > 50


@pytest.mark.parametrize("most", [0, 12, 30])
def test_of_a_large_market_only_so_many_loads_are_judged(monkeypatch, most):
    """What is told all the same is as true as ever."""
    fewer = 0
    for asked, board in made_up(FEW):
        all_steps = found(board, asked)
        judged = []
        with monkeypatch.context() as patched:
            patched.setattr(module, "MOST_JUDGED", most)
            patched.setattr(module, "screen", _noting(judged))
            told = found(board, asked)

        assert sum(judged) <= most
        assert {step.kind for step in told} <= {step.kind for step in all_steps}
        for step in told:
            scores = worth_taking(board, relaxed(asked, step))
            assert (step.load_count, step.best_cents) == (len(scores), max(scores))
        fewer += len(told) < len(all_steps)

    assert fewer > 0


def _noting(judged):
    def noted(loads, asked):
        judged.append(len(loads))
        return screen(loads, asked)

    return noted


class TestEachKind:
    """By hand: a drop at 0, a pickup 50 km east, home 400 km east."""

    def test_farther(self):
        asked = by_hand(max_deadhead_m=20 * METRES_PER_MILE)
        far = make_candidate(pickup=replace(make_candidate().pickup, lon=0.6))

        (step,) = [s for s in found([far], asked) if s.kind is RelaxationKind.DEADHEAD]

        assert step.change.value == 25 * METRES_PER_MILE
        assert step.change.limit == 20 * METRES_PER_MILE
        assert step.load_count == 1

    def test_later(self):
        asked = by_hand(hour_cents=10_000)
        opens = {"pickup_from": NOON + 10 * HOUR, "pickup_until": NOON + 20 * HOUR}
        late = make_candidate(price_cents=85_000, **opens)

        (step,) = [s for s in found([late], asked) if s.kind is RelaxationKind.WAIT]

        assert step.change.value == (NOON + timedelta(hours=4)).isoformat()

    def test_for_less(self):
        """100,000 cents for 350 km are 286 a km; 90 % of 320 are 288, 75 % are 240."""
        asked = by_hand(min_pay_cents_per_km=320.0)

        (step,) = [
            s for s in found([make_candidate()], asked) if s.kind is RelaxationKind.PAY
        ]

        assert (step.change.value, step.change.limit) == (240.0, 320.0)

    def test_home_later(self):
        """Two docks of an hour, 400 km at 72 km/h: home at 19:33."""
        asked = by_hand(home_by_at=NOON + 6 * HOUR)

        steps = {step.kind: step for step in found([make_candidate()], asked)}

        home_by = steps[RelaxationKind.HOME_BY].change
        assert home_by.value == (NOON + 8 * HOUR).isoformat()

    def test_another_truck(self):
        asked = by_hand()
        flat = frozenset({Equipment.STEP_DECK})
        loads = [make_candidate(n, equipment=flat) for n in range(3)]
        loads += [make_candidate(9, equipment=frozenset({Equipment.REEFER}))]

        steps = [s for s in found(loads, asked) if s.kind is RelaxationKind.EQUIPMENT]

        assert [(step.change.value, step.load_count) for step in steps] == [
            ("step_deck", 3),
            ("reefer", 1),
        ]

    def test_the_three_other_trucks_with_the_most_loads(self):
        """What counts is how many are worth taking, not how many are near."""
        types = (Equipment.STEP_DECK, Equipment.FLATBED, Equipment.LOWBOY)
        asked, loads = by_hand(hour_cents=1_400), []
        for number, kind in enumerate((*types, Equipment.HOPPER), start=1):
            only = {"equipment": frozenset({kind})}
            loads += [make_candidate(10 * number + n, **only) for n in range(number)]
        poor = {"equipment": frozenset({Equipment.STEP_DECK}), "price_cents": 100}
        loads += [make_candidate(90 + n, **poor) for n in range(9)]

        steps = [s for s in found(loads, asked) if s.kind is RelaxationKind.EQUIPMENT]

        assert [(step.change.value, step.load_count) for step in steps] == [
            *(("hopper", 4), ("lowboy", 3), ("flatbed", 2)),
        ]

    def test_no_try_is_lost_on_their_own_type(self):
        """Six types are tried, those with the most loads near: the sixth has the only
        one that is worth taking."""
        asked, loads = by_hand(hour_cents=1_400), []
        kinds = ("van", "hotshot", "hopper", "dump", "doubles", "maxi")
        for count, kind in zip((9, 7, 6, 5, 4, 3), kinds, strict=True):
            poor = {"equipment": frozenset({Equipment(kind)}), "price_cents": 100}
            loads += [make_candidate(10 * count + n, **poor) for n in range(count)]
        only = {"equipment": frozenset({Equipment.TANKER})}
        loads += [make_candidate(1, **only)]

        steps = [s for s in found(loads, asked) if s.kind is RelaxationKind.EQUIPMENT]

        assert [(step.change.value, step.load_count) for step in steps] == [
            ("tanker", 1)
        ]

    def test_a_reefer_takes_what_a_van_takes_too(self):
        reefer, van = (frozenset({kind}) for kind in (Equipment.REEFER, Equipment.VAN))
        asked = by_hand(equipment=Equipment.FLATBED)
        loads = [make_candidate(n, equipment=van) for n in range(2)]
        loads += [make_candidate(9, equipment=reefer)]

        steps = {s.change.value: s.load_count for s in found(loads, asked)}

        assert steps == {"van": 2, "reefer": 3}

    def test_what_was_drawn_is_not_given_up_beside_another_kind(self):
        """The pickup is too far and in a forbidden area: one step lets nothing in."""
        fence = PolygonFence.from_geojson(SQUARE)
        asked = by_hand(max_deadhead_m=20 * METRES_PER_MILE, no_go=(fence,))

        assert found([make_candidate()], asked) == ()

    def test_a_hard_wish_is_given_up_without_the_soft_one_of_its_kind(self):
        hard = Preference(PreferenceKind.LANE, is_hard=True, from_state="TX")
        soft = Preference(PreferenceKind.LANE, cents=5_000, from_state="IL")
        asked = by_hand(preferences=(hard, soft))
        stops = make_stop(0.5, "pickup", state="IL"), make_stop(3.5, leg_m=300_000.0)
        load = make_candidate(stops=stops)

        (step,) = found([load], asked)

        assert step.kind is RelaxationKind.WISHES
        (plain,) = worth_taking([load], by_hand())
        assert step.best_cents == plain + 5_000

    @pytest.mark.parametrize("kind", ["operating", "no_go"])
    def test_without_the_areas(self, kind):
        fence = PolygonFence.from_geojson(SQUARE)
        elsewhere = PolygonFence.from_geojson(_moved(SQUARE, by=20.0))
        drawn = {kind: (fence if kind == "no_go" else elsewhere,)}
        asked = by_hand(**drawn)

        steps = {step.kind.value: step for step in found([make_candidate()], asked)}

        assert steps[f"{kind}_areas"].change is None
        assert steps[f"{kind}_areas"].load_count == 1

    def test_without_a_wish(self):
        wish = Preference(PreferenceKind.NO_CITIES, is_hard=True)
        asked = by_hand(preferences=(wish,))

        assert found([make_candidate()], asked)[0].kind is not RelaxationKind.WISHES


def test_a_board_without_loads_has_none():
    asked = by_hand()

    assert found([], asked) == ()


def test_the_circle_that_is_looked_at_holds_every_step():
    asked = by_hand(max_deadhead_m=10_000.0)

    assert widest(asked).radius_m == 10_000 + 100 * METRES_PER_MILE


def _moved(polygon, by):
    (ring,) = polygon["coordinates"]
    return polygon | {"coordinates": [[[lon + by, lat] for lon, lat in ring]]}
