"""The loads worth taking, best first, and what became of all the others."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest
from typing import Any, NamedTuple
from uuid import UUID

from freight import feasibility
from freight.economics import (
    Figures,
    Term,
    WayHome,
    figures_of,
    gain_terms,
    way_home,
)
from freight.feasibility import Excluded, Reason, Refusal, Stage
from freight.records import record_of
from freight.situation import Candidate, Parameters, Situation
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
class Outcome:
    """The whole of a search: every load considered is ranked or counted once.

    ranked: best first.
    """

    considered: int
    stages: tuple[StageCount, ...]
    ranked: tuple[Ranked, ...]


def judge(
    candidate: Candidate,
    situation: Situation,
    parameters: Parameters,
    area: SearchArea,
    roads: Roads,
) -> Ranked | Excluded:
    """Judge one load: return its score and figures, or why it is excluded.

    Runs the same code as `rank`, so a later explanation cannot differ from the search.
    """
    baseline = way_home(situation, parameters, roads)
    return _judge(candidate, situation, parameters, area, roads, baseline)


def rank(
    candidates: Iterable[Candidate],
    situation: Situation,
    parameters: Parameters,
    area: SearchArea,
    roads: Roads,
) -> Outcome:
    """Return the loads worth taking, best first, and the counts of all stages.

    Ties go to the shorter deadhead, then to the smaller id, so that the same loads
    in any order give the same outcome.
    """
    ranking = Ranking(situation, parameters, area, roads)
    ranking.add(candidates)
    return ranking.outcome()


class Ranking:
    """Judges the loads that are added, each load once, and ranks them."""

    def __init__(
        self,
        situation: Situation,
        parameters: Parameters,
        area: SearchArea,
        roads: Roads,
    ) -> None:
        self._baseline = way_home(situation, parameters, roads)
        self._asked = (situation, parameters, area, roads)
        self._ranked: dict[UUID, Ranked] = {}
        self._excluded: dict[UUID, tuple[Stage, Reason]] = {}

    def __contains__(self, load_id: UUID) -> bool:
        return load_id in self._ranked or load_id in self._excluded

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Judge the loads that were not judged yet."""
        for candidate in candidates:
            if candidate.load_id in self:
                continue
            judged = _judge(candidate, *self._asked, self._baseline)
            if isinstance(judged, Ranked):
                self._ranked[candidate.load_id] = judged
            else:
                why = (judged.stage, judged.reason)
                self._excluded[candidate.load_id] = why

    def score_of(self, place: int) -> int:
        """Return the score in cents of the load at that place, counted from 1.

        If fewer loads are ranked: 1 cent, the lowest score that is worth taking.
        """
        if len(self._ranked) < place:
            return 1
        scores = (ranked.score_cents for ranked in self._ranked.values())
        return nlargest(place, scores)[-1]

    def outcome(self) -> Outcome:
        """Return the loads worth taking, best first, and the counts of all stages."""
        considered = len(self._ranked) + len(self._excluded)
        counts = tuple(_stage_counts(considered, Counter(self._excluded.values())))
        best = tuple(sorted(self._ranked.values(), key=_best_first))
        return Outcome(considered, counts, best)


def _judge(
    candidate: Candidate,
    situation: Situation,
    parameters: Parameters,
    area: SearchArea,
    roads: Roads,
    baseline: WayHome,
) -> Ranked | Excluded:
    where = area.why_not(candidate.pickup, candidate.delivery)
    if where is not None:
        return Excluded(candidate.load_id, Stage.AREA, Reason(where.value), None)
    for stage, check in feasibility.TRUCK_CHECKS:
        if (refusal := check(candidate, situation)) is not None:
            return Excluded(candidate.load_id, stage, *refusal)

    figures = figures_of(
        candidate, situation, parameters, roads=roads, baseline=baseline
    )
    for stage, refused in journey_checks(candidate, situation, parameters, figures):
        if refused is not None:
            return Excluded(candidate.load_id, stage, *refused)

    terms = gain_terms(candidate, situation, parameters, figures)
    score_cents = sum([term.value for term in terms])
    if (refusal := feasibility.gain(score_cents)) is not None:
        return Excluded(candidate.load_id, Stage.GAIN, *refusal)
    unchecked = feasibility.unchecked(candidate, situation)
    return Ranked(candidate, score_cents, terms, figures, unchecked)


def journey_checks(
    candidate: Candidate,
    situation: Situation,
    parameters: Parameters,
    figures: Figures,
) -> Iterator[tuple[Stage, Refusal | None]]:
    """Yield the answer of each stage that needs the figures, in the order of Stage."""
    yield Stage.DEADHEAD, feasibility.deadhead(figures, situation)
    yield Stage.DETOUR, feasibility.detour(figures, parameters)
    yield (
        Stage.PICKUP_WINDOW,
        feasibility.in_time(
            figures.pickup_eta,
            candidate.pickup_until,
            Reason.PICKUP_CLOSED_BEFORE_ARRIVAL,
        ),
    )
    yield (
        Stage.DELIVERY_WINDOW,
        feasibility.in_time(
            figures.delivery_eta,
            candidate.delivery_until,
            Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL,
        ),
    )
    yield (
        Stage.HOME_BY,
        feasibility.in_time(
            figures.home_eta, situation.home_by_at, Reason.HOME_TOO_LATE
        ),
    )
    yield Stage.PAY, feasibility.pay(figures, situation)


def _best_first(ranked: Ranked) -> tuple[int, float, UUID]:
    return -ranked.score_cents, ranked.figures.deadhead_m, ranked.candidate.load_id


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
