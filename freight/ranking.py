"""The loads worth taking, best first, and what became of all the others."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from freight.candidates import Candidate
from freight.columns import Array, Loads, seconds_of
from freight.feasibility import Excluded, Reason, Stage
from freight.figures import Figures, figures_of
from freight.gains import Term
from freight.orders import worse
from freight.records import record_of
from freight.rules import CIRCLE, PHASES, WAYS
from freight.situation import Parameters, Situation
from freight.tables import Asked, Table
from freight.trips import way_home
from geo.areas import SearchArea
from geo.roads import Roads


class Ranked(NamedTuple):
    """A load worth taking.

    score_cents: the sum of `terms`, in the currency of the situation.
    unchecked: stages it passed only because a figure of the truck is missing.
    """

    candidate: Candidate
    score_cents: int
    terms: tuple[Term, ...]
    figures: Figures
    unchecked: tuple[Stage, ...]

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values, with the candidate as it was judged."""
        return record_of(self)


@dataclass(frozen=True, slots=True)
class StageCount:
    """How many loads entered a stage, were excluded by it and why, and were left.

    `entered` minus the excluded is `left`, which is `entered` of the next stage.
    """

    stage: Stage
    entered: int
    excluded: dict[Reason, int]
    left: int

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return record_of(self)


@dataclass(frozen=True, slots=True)
class Screened:
    """A market after all rules: every load considered is left or counted once.

    left: the loads worth taking, in no order.
    """

    considered: int
    stages: tuple[StageCount, ...]
    left: Table

    def best(self, asked: Asked, most: int) -> Table:
        """Return the best loads, best first, in the order that the driver wants.

        Ties go to the shorter deadhead, then to the smaller id, so that the same loads
        in any order give the same answer.
        """
        return self.left.take(_order(self.left, asked)[:most])


def asked_of(
    situation: Situation, parameters: Parameters, area: SearchArea, roads: Roads
) -> Asked:
    """Return what a search asks of every load."""
    baseline = way_home(situation, parameters, roads)
    return Asked(situation, parameters, baseline, area, roads)


def screen(loads: Loads, asked: Asked) -> Screened:
    """Ask all rules of loads whose pickups are in the circle, and count the refused."""
    table, counts = Table(loads), Counter[tuple[Stage, Reason]]()
    for find_out, rules in PHASES:
        table = table if find_out is None else find_out(table, asked)
        for rule in rules:
            refused = rule.refuses(table, asked)
            number = int(np.count_nonzero(refused))
            if number and rule is not CIRCLE:
                counts[rule.stage, rule.reason] += number
                table = table.take(~refused)
    return Screened(len(loads), tuple(_stage_counts(len(loads), counts)), table)


def judge(
    candidate: Candidate,
    situation: Situation,
    parameters: Parameters,
    area: SearchArea,
    roads: Roads,
) -> Ranked | Excluded:
    """Judge one load: return its score and figures, or why it is excluded.

    Asks the rules of a search, of a table of one load.
    """
    asked = asked_of(situation, parameters, area, roads)
    table = Table(Loads.of([candidate], roads))
    refusal = None
    for find_out, rules in PHASES:
        table = table if find_out is None else find_out(table, asked)
        for rule in rules:
            if refusal is None and rule.refuses(table, asked)[0]:
                refusal = rule.refusal(table, asked)
        if rules is WAYS and not table.known_trips.has_road[0]:
            # Without a road there are no figures to show, whatever refused it first.
            assert refusal is not None
            return Excluded(candidate.load_id, *refusal)
    if refusal is not None:
        figures = _figures(0, table, asked)
        return Excluded(candidate.load_id, *refusal, figures)
    return _ranked(0, table, asked, candidate)


def in_circle(loads: Loads, asked: Asked) -> Loads:
    """Return the loads whose pickups are in the circle, as `screen` wants them."""
    return loads.take(~asked.area.beyond_circle(loads.pickup.lat, loads.pickup.lon))


def rank(candidates: Iterable[Candidate], asked: Asked) -> tuple[Ranked, ...]:
    """Return those of the loads that are worth taking, best first."""
    given = tuple(candidates)
    found = screen(in_circle(Loads.of(given, asked.roads), asked), asked)
    best = found.best(asked, len(given))
    places = best.loads.rows
    return tuple(
        _ranked(row, best, asked, given[place]) for row, place in enumerate(places)
    )


def _ranked(row: int, table: Table, asked: Asked, candidate: Candidate) -> Ranked:
    return Ranked(
        candidate,
        int(table.known_gains.score_cents[row]),
        table.known_gains.terms(row, table.loads),
        _figures(row, table, asked),
        _unchecked(candidate, asked.situation),
    )


def _figures(row: int, table: Table, asked: Asked) -> Figures:
    return figures_of(
        *(row, table.loads, table.known_trips, table.known_gains),
        *(asked.situation, asked.baseline),
    )


def _unchecked(candidate: Candidate, situation: Situation) -> tuple[Stage, ...]:
    """Return the stages passed only because the truck's own figure is missing."""
    stages: tuple[Stage, ...] = ()
    if situation.payload_kg is None and candidate.weight_kg is not None:
        stages = (Stage.WEIGHT,)
    if situation.deck_length_m is None and candidate.length_m is not None:
        stages = (*stages, Stage.LENGTH)
    return stages


def _order(table: Table, asked: Asked) -> Array:
    trips, loads = table.known_trips, table.loads
    first = worse(
        asked.situation.rank_by,
        score_cents=table.known_gains.score_cents,
        home_after_s=trips.home_at - seconds_of(asked.situation.free_at),
        empty_after_m=trips.deadhead_m + trips.home_m,
    )
    # The last key counts most.
    return np.lexsort((loads.id_low, loads.id_high, trips.deadhead_m, first))


def _stage_counts(
    considered: int, excluded: Counter[tuple[Stage, Reason]]
) -> Iterator[StageCount]:
    entered = considered
    for stage in Stage:
        reasons = {
            reason: excluded[stage, reason]
            for reason in Reason
            if (stage, reason) in excluded
        }
        left = entered - sum(reasons.values())
        yield StageCount(stage, entered, reasons, left)
        entered = left
