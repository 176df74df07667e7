"""Stops: the places on a load's route, and what happened there."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
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

    opening_hours: weekly hours in `zone`, as `freight.opening.Hours`; None if the stop
        is open during its whole window.
    opening_spans: the same cut to the window, as UTC epoch seconds: from, until, from,
        until and so on.
    country, state, is_urban: see `places.regions.Region`.
    road_place: `geo.roads.Places.to_bytes` of it, for roads of `road_version` only.
    leg_m, leg_access_m: the way from the previous stop, and its part off the highways;
        None on the first stop, where no road leads, and before it was measured.
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
        CheckConstraint(
            "(opening_hours IS NULL) = (opening_spans IS NULL)", name="opening"
        ),
        CheckConstraint("cardinality(opening_spans) % 2 = 0", name="opening_spans"),
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
    road_place: Mapped[bytes | None]
    road_version: Mapped[str | None]
    leg_m: Mapped[float | None]
    leg_access_m: Mapped[float | None]
    window_from: Mapped[datetime]
    window_until: Mapped[datetime]
    zone: Mapped[str]
    opening_hours: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    opening_spans: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    country: Mapped[str | None] = mapped_column(String(2))
    state: Mapped[str | None]
    is_urban: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
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
