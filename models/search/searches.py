"""The kept record of one backhaul search: what was known, asked and found."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, Word, within


class SearchOutcome(StrEnum):
    """How a search ended.

    STANDS_BY: what it found is offered when the driver may be rung, and it is OFFERED
    or NOTHING_FOUND then.
    """

    OFFERED = "offered"
    STANDS_BY = "stands_by"
    NOTHING_FOUND = "nothing_found"
    DRIVER_BUSY = "driver_busy"
    DRIVER_OFF_DUTY = "driver_off_duty"
    DRIVER_INCOMPLETE = "driver_incomplete"
    COMPANY_SUSPENDED = "company_suspended"
    HOME_OUT_OF_REACH = "home_out_of_reach"
    NO_ROAD = "no_road"


class SearchTrigger(StrEnum):
    """What started a search.

    DROP_COMPLETED: `stop_id`. ASSIGNMENT_ENDED: `assignment_id`, of a load that was
    not delivered. LOAD_CHANGED: `load_ids`, which came to the market for a driver who
    waits.
    """

    DROP_COMPLETED = "drop_completed"
    ASSIGNMENT_ENDED = "assignment_ended"
    LOAD_CHANGED = "load_changed"


class BackhaulSearch(Identified, Dated, Row):
    """One search. Situation, parameters and area are enough to judge any load again."""

    __tablename__ = "backhaul_searches"
    __table_args__ = (
        # One drop, one search, however often its completion is reported; and one
        # for an assignment that ended before its load was delivered.
        UniqueConstraint("stop_id"),
        UniqueConstraint("assignment_id"),
        CheckConstraint(
            "num_nonnulls(stop_id, assignment_id, load_ids) = 1", name="start"
        ),
        UniqueConstraint("org_id", "id"),
        within("driver_id", "drivers"),
        Index(None, "driver_id", "id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    driver_id: Mapped[UUID]
    # The stop belongs to the poster: the only key to another company's row.
    stop_id: Mapped[UUID | None] = mapped_column(ForeignKey("stops.id"))
    # No foreign key: an assignment refers to its offer, and that to its search.
    assignment_id: Mapped[UUID | None]
    # Loads that came to the market while the driver waited: only these are judged.
    load_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    trigger: Mapped[SearchTrigger] = mapped_column(Word(SearchTrigger))
    outcome: Mapped[SearchOutcome] = mapped_column(Word(SearchOutcome))
    searched_at: Mapped[datetime]
    strategy: Mapped[str | None]
    situation: Mapped[dict[str, Any]] = mapped_column(default=dict)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    area: Mapped[dict[str, Any]] = mapped_column(default=dict)
    map: Mapped[dict[str, Any]] = mapped_column(default=dict)
    radius_m: Mapped[float | None]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    ranked: Mapped[list[Any]] = mapped_column(default=list)
    timings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    trace_id: Mapped[str | None]
