"""Judging loads again, from the record of a search."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from freight.feasibility import Excluded
from freight.ranking import Ranked, asked_of, judge, rank
from freight.situation import Parameters, Situation
from geo.areas import SearchArea
from geo.roads import Roads
from models.search.searches import BackhaulSearch
from services.search.candidates import candidate, candidates


def judge_again(
    session: Session, search: BackhaulSearch, load_id: UUID, roads: Roads
) -> Ranked | Excluded:
    """Judge the load by its figures of now, as of the search: by its own code, rules
    and area."""
    load = candidate(session, load_id)
    assert load is not None
    situation, parameters, area = asked_in(search)
    return judge(load, situation, parameters, area, roads)


def worth_taking(
    session: Session,
    search: BackhaulSearch,
    load_ids: Collection[UUID],
    roads: Roads,
    *,
    now: datetime | None,
) -> dict[UUID, Ranked]:
    """Return those of the loads that are worth taking by their figures of now.

    now: the driver leaves no earlier than this; None judges as of the search.
    """
    situation, parameters, area = asked_in(search)
    if now is not None:
        situation = replace(situation, free_at=max(situation.free_at, now))
    loads = candidates(session, load_ids).values()
    ranked = rank(loads, asked_of(situation, parameters, area, roads))
    return {load.candidate.load_id: load for load in ranked}


def asked_in(search: BackhaulSearch) -> tuple[Situation, Parameters, SearchArea]:
    """Return what the search asked, from its record."""
    return (
        Situation.from_record(search.situation),
        Parameters.from_record(search.parameters),
        SearchArea.from_record(search.area),
    )
