"""Pushes: messages to phones, one row for each message and device."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, Word


class PushStatus(StrEnum):
    """QUEUED -> ACCEPTED | DROPPED | DEAD_DEVICE | FAILED."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DROPPED = "dropped"
    DEAD_DEVICE = "dead_device"
    FAILED = "failed"


class Push(Identified, Dated, Row):
    """One message for one device. ACCEPTED means by the provider, not by the person.

    next_attempt_at: no worker tries the push earlier, however often its job runs.
    """

    __tablename__ = "pushes"
    __table_args__ = (Index(None, "subject_id"), Index(None, "device_id"))

    device_id: Mapped[UUID] = mapped_column(ForeignKey("devices.id"))
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    expires_at: Mapped[datetime | None]
    status: Mapped[PushStatus] = mapped_column(
        Word(PushStatus), default=PushStatus.QUEUED
    )
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    message_name: Mapped[str | None]
    ended_at: Mapped[datetime | None]
