"""Loads that stand by for drivers who may not be rung now."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Row, Word, within


class Silence(StrEnum):
    """Why a driver may not be rung.

    MOVING: the truck drives. QUIET_HOURS: those that they set. UNANSWERED: their last
    two rounds of offers, and the app was not opened since. UNLOADING: they are at their
    last stop, and wish that offers wait until they are done there.
    """

    MOVING = "moving"
    QUIET_HOURS = "quiet_hours"
    UNANSWERED = "unanswered"
    UNLOADING = "unloading"


class StandingBy(Row):
    """Loads that are offered to the driver when they may be rung.

    Not offers: they take none of the loads' places, and others may win them.

    loads: {"load_id", "search_id", "gain_cents"} of each, best first; the gain as it
        was judged when it came to stand by.
    since: when the first of them came to stand by.
    opens_at: when it is looked at again; None if only an act of the driver opens it.
    asked_at: when a job was queued to look at it, before `opens_at`.
    """

    __tablename__ = "standing_by"
    __table_args__ = (
        within("driver_id", "drivers", ondelete="CASCADE"),
        CheckConstraint(
            "jsonb_typeof(loads) = 'array' AND loads <> '[]'", name="loads"
        ),
    )

    driver_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    loads: Mapped[list[Any]]
    reason: Mapped[Silence] = mapped_column(Word(Silence))
    since: Mapped[datetime]
    opens_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]

    @property
    def load_ids(self) -> list[UUID]:
        """The loads, best first."""
        return [UUID(load["load_id"]) for load in self.loads]

    @property
    def search_ids(self) -> list[UUID]:
        """The searches that go on when the driver may be rung, the newest first."""
        return sorted({UUID(load["search_id"]) for load in self.loads}, reverse=True)
