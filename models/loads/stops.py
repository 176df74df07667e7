"""Stops: the places on a load's route, and what happened there."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from freight.lifecycles import StopStatus
from geo.points import Point
from models.kernel.row import Identified, Row, Word, within


class StopKind(StrEnum):
    """PICKUP: freight comes on. DELIVERY: freight goes off."""

    PICKUP = "pickup"
    DELIVERY = "delivery"


class Stop(Identified, Row):
    """One place on a load's route, in its `sequence`.

    `org_id` is the load's poster. Each fact has its time (the phone's, corrected) and
    a source: driver or dispatcher.
    """

    __tablename__ = "stops"
    __table_args__ = (
        UniqueConstraint("load_id", "sequence"),
        within("load_id", "loads", ondelete="CASCADE"),
        CheckConstraint("window_from <= window_until", name="window"),
        CheckConstraint(
            "(status <> 'pending') = (arrived_at IS NOT NULL)", name="arrived"
        ),
        CheckConstraint(
            "(status IN ('completed', 'departed')) = (completed_at IS NOT NULL)",
            name="completed",
        ),
        CheckConstraint(
            "(status = 'departed') = (departed_at IS NOT NULL)", name="departed"
        ),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    load_id: Mapped[UUID]
    sequence: Mapped[int]
    kind: Mapped[StopKind] = mapped_column(Word(StopKind))
    status: Mapped[StopStatus] = mapped_column(
        Word(StopStatus), default=StopStatus.PENDING
    )
    facility: Mapped[str | None]
    address: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lat: Mapped[float]
    lon: Mapped[float]
    window_from: Mapped[datetime]
    window_until: Mapped[datetime]
    zone: Mapped[str]
    contact: Mapped[dict[str, Any]] = mapped_column(default=dict)
    instructions: Mapped[str | None]
    arrived_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    departed_at: Mapped[datetime | None]
    # The shipper's confirmation of a pickup, kept as given if it differs from the load.
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    confirmed_pieces: Mapped[int | None]
    confirmed_weight_kg: Mapped[int | None]
    seal_number: Mapped[str | None]
    bol_number: Mapped[str | None]

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lon)
