"""Judging one load again, from the record of a search."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from freight.feasibility import Excluded
from freight.ranking import Ranked, judge
from freight.situation import Parameters, Situation
from geo.areas import SearchArea
from geo.roads import Roads
from models.search.searches import BackhaulSearch
from services.search.candidates import candidate


def judge_again(
    session: Session,
    search: BackhaulSearch,
    load_id: UUID,
    roads: Roads,
    *,
    now: datetime | None = None,
) -> Ranked | Excluded:
    """Judge the load by its figures of now, by the search's own code, rules and area.

    now: the driver leaves no earlier than this; None judges as of the search.
    """
    load = candidate(session, load_id)
    assert load is not None
    situation = situation_in(search.situation)
    if now is not None:
        situation = replace(situation, free_at=max(situation.free_at, now))
    return judge(
        load,
        situation,
        Parameters.from_record(search.parameters),
        SearchArea.from_record(search.area),
        roads,
    )


def situation_in(kept: dict[str, Any]) -> Situation:
    """Return the situation of a kept search, without the labels for its reader."""
    return Situation.from_record(kept)
