"""Overrides: what a dispatcher decided, and why."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, Word, within


class OverrideKind(StrEnum):
    """What a dispatcher may decide about an offer, an assignment or a departure."""

    REASSIGN = "reassign"
    UNASSIGN = "unassign"
    ABANDON = "abandon"
    TAKE_OVER = "take_over"
    FORCE_ASSIGN = "force_assign"
    WITHDRAW_OFFER = "withdraw_offer"
    RELEASE_DEPARTURE = "release_departure"


class OverrideReason(StrEnum):
    """Why a dispatcher overrides; OTHER needs a note."""

    HOS_RISK = "hos_risk"
    EQUIPMENT_FAILURE = "equipment_failure"
    CUSTOMER_REQUEST = "customer_request"
    DRIVER_REQUEST = "driver_request"
    SAFETY = "safety"
    RATE_DISPUTE = "rate_dispute"
    COMPLIANCE = "compliance"
    WEATHER = "weather"
    ERROR = "error"
    OTHER = "other"


class Override(Identified, Dated, Row):
    """A dispatcher's decision, with the state before and after it."""

    __tablename__ = "overrides"
    __table_args__ = (
        CheckConstraint("reason <> 'other' OR note <> ''", name="other_needs_a_note"),
        Index(None, "org_id", "id"),
        within("actor_id", "members"),
        within("assignment_id", "assignments"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[OverrideKind] = mapped_column(Word(OverrideKind))
    reason: Mapped[OverrideReason] = mapped_column(Word(OverrideReason))
    note: Mapped[str] = mapped_column(default="")
    actor_id: Mapped[UUID]
    assignment_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    notified: Mapped[list[Any]] = mapped_column(default=list)
    # The objections that the dispatcher overruled (`freight.objections`).
    warnings: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'::jsonb")
    )
