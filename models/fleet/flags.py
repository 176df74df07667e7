"""Flags: what a phone reported that is hard to believe, for the desk to look at."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, Word, within


class FlagKind(StrEnum):
    """CLOCK_IMPLAUSIBLE: the time cannot be right, so the report counts at its receipt.
    FAR_FROM_STOP: the phone was more than 25 miles from the stop, or gave no exact
    place and no truck comes that near from its last position in the time.
    SPEED_IMPLAUSIBLE: no truck drives that fast from the position before. MOVING: the
    truck was driving when it reported an arrival. PLACE_IMPLAUSIBLE: no truck can be
    there, or it is no place. TOO_SOON: the desk reported it for the driver within
    minutes of the booking."""

    CLOCK_IMPLAUSIBLE = "clock_implausible"
    FAR_FROM_STOP = "far_from_stop"
    SPEED_IMPLAUSIBLE = "speed_implausible"
    MOVING = "moving"
    PLACE_IMPLAUSIBLE = "place_implausible"
    TOO_SOON = "too_soon"


class FlagSubject(StrEnum):
    """STOP: a report at a stop. DRIVER: the positions of a driver."""

    STOP = "stop"
    DRIVER = "driver"


class Flag(Identified, Dated, Row):
    """A doubt about what a phone reported, open until a person ends it.

    `org_id` is the driver's company: the poster does not see it. While it is open, the
    same doubt about the same `fact` of the same subject only adds to `times`. `word` is
    what the person who ended it found out.
    """

    __tablename__ = "flags"
    __table_args__ = (
        CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)"
            " AND (ended_at IS NULL) = (word IS NULL)",
            name="ended_by_a_person",
        ),
        Index(None, "org_id", "id"),
        Index(None, "subject_id"),
        Index(
            "uq_flags_open",
            "org_id",
            "subject_id",
            "fact",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        within("driver_id", "drivers"),
        within("ended_by", "members"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[FlagKind] = mapped_column(Word(FlagKind))
    subject: Mapped[FlagSubject] = mapped_column(Word(FlagSubject))
    subject_id: Mapped[UUID]
    fact: Mapped[str]
    driver_id: Mapped[UUID | None]
    body: Mapped[dict[str, Any]]
    times: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    last_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    word: Mapped[str | None]
