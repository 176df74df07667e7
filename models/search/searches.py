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
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, Word, within


class SearchOutcome(StrEnum):
    """How a search ended.

    PENDING: it has not run yet. FOUND: a dry run found loads. STANDS_BY: what it found
    is offered when the driver may be rung, and it is OFFERED or NOTHING_FOUND then.
    FAILED: it could not be run; ask again.
    """

    PENDING = "pending"
    OFFERED = "offered"
    FOUND = "found"
    STANDS_BY = "stands_by"
    NOTHING_FOUND = "nothing_found"
    DRIVER_BUSY = "driver_busy"
    DRIVER_OFF_DUTY = "driver_off_duty"
    DRIVER_INCOMPLETE = "driver_incomplete"
    COMPANY_SUSPENDED = "company_suspended"
    HOME_OUT_OF_REACH = "home_out_of_reach"
    NO_ROAD = "no_road"
    FAILED = "failed"


class SearchTrigger(StrEnum):
    """What started a search.

    DROP_COMPLETED: `stop_id`. ASSIGNMENT_ENDED: `assignment_id`, of a load that was
    not delivered. LOAD_CHANGED: `load_ids`, which came to the market for a driver who
    waits. REQUESTED: `request`, of the driver or their desk. ARRIVED: `stop_id`, the
    last stop of the load that the driver has, before they are done there.
    """

    DROP_COMPLETED = "drop_completed"
    ARRIVED = "arrived"
    ASSIGNMENT_ENDED = "assignment_ended"
    LOAD_CHANGED = "load_changed"
    REQUESTED = "requested"


OF_ALL = (
    SearchTrigger.ARRIVED,
    SearchTrigger.DROP_COMPLETED,
    SearchTrigger.ASSIGNMENT_ENDED,
)
"""Searches whose offers take the place of earlier ones; others are added to them. What
was offered before a drop is left by the search after it (`adding.extend`)."""


class BackhaulSearch(Identified, Dated, Row):
    """One search. Situation, parameters and area are enough to judge any load again.

    request: what was asked for, as `services.judging.start.Request`.
    is_dry_run: it offers nothing by itself.
    relaxations: records of `freight.relaxations.Relaxation`, if nothing was found.
    """

    __tablename__ = "backhaul_searches"
    __table_args__ = (
        # One drop, one search, however often its completion is reported, and one before
        # it; and one for an assignment that ended before its load was delivered.
        UniqueConstraint("stop_id", "trigger"),
        UniqueConstraint("assignment_id"),
        CheckConstraint(
            "num_nonnulls(stop_id, assignment_id, load_ids, request) = 1", name="start"
        ),
        UniqueConstraint("org_id", "id"),
        within("driver_id", "drivers"),
        Index(None, "driver_id", "id"),
        Index(
            "ix_backhaul_searches_pending",
            "searched_at",
            postgresql_where=text("outcome = 'pending'"),
        ),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    driver_id: Mapped[UUID]
    # The stop belongs to the poster: the only key to another company's row.
    stop_id: Mapped[UUID | None] = mapped_column(ForeignKey("stops.id"))
    # No foreign key: an assignment refers to its offer, and that to its search.
    assignment_id: Mapped[UUID | None]
    # Loads that came to the market while the driver waited: only these are judged.
    load_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    request: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    is_dry_run: Mapped[bool] = mapped_column(default=False, server_default=false())
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
    relaxations: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'")
    )
    timings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    trace_id: Mapped[str | None]
