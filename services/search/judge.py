"""Judging one load again by what a search kept."""

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

LABELS = ("cost_empty_is_default", "cost_loaded_is_default", "distance_source")
"""What the kept situation says beside itself, for the reader."""


def judge_again(
    session: Session,
    search: BackhaulSearch,
    load_id: UUID,
    roads: Roads,
    *,
    now: datetime | None = None,
) -> Ranked | Excluded:
    """Return what the search's own code makes of the load as it is today.

    now: the driver cannot leave earlier than this; None asks as of the search.
    """
    it = candidate(session, load_id)
    assert it is not None
    situation = situation_in(search.situation)
    if now is not None:
        situation = replace(situation, free_at=max(situation.free_at, now))
    return judge(
        it,
        situation,
        Parameters.from_record(search.parameters),
        SearchArea.from_record(search.area),
        roads,
    )


def situation_in(kept: dict[str, Any]) -> Situation:
    """Return the situation of a kept search, without its labels."""
    return Situation.from_record({k: v for k, v in kept.items() if k not in LABELS})
