"""Assignments: which driver and truck carry which load."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    FetchedValue,
    ForeignKey,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.fleet.drivers import Driver
from models.kernel.row import Dated, Identified, Row, Word, within
from models.loads.loads import Load


class AssignmentStatus(StrEnum):
    """ACTIVE -> COMPLETED | CANCELLED."""

    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class AssignmentKind(StrEnum):
    """PLANNED by a dispatcher, or BACKHAUL: won through an offer, or forced."""

    PLANNED = "planned"
    BACKHAUL = "backhaul"


class EndedParty(StrEnum):
    """The side that ended an assignment before its load was delivered."""

    CARRIER = "carrier"
    POSTER = "poster"


class HandBackReason(StrEnum):
    """Why a driver hands a load back; OTHER needs a note."""

    REFUSED_AT_DOCK = "refused_at_dock"
    BREAKDOWN = "breakdown"
    HOURS = "hours"
    PERSONAL = "personal"
    OTHER = "other"


class Slot(StrEnum):
    """The load that a driver and their truck carry now, and the one after it."""

    CURRENT = "current"
    NEXT = "next"


class Assignment(Identified, Dated, Row):
    """A driver and their truck on a load. The unique indexes decide every race.

    `org_id` is the carrier, `load_org_id` the poster. The database chooses the `slot`
    where none is given: current if it is free, else next. It makes the next load the
    current one when that ends (`settle_driver`), and keeps since when (`current_at`).
    `first_booked_at` is when the company booked the load, if this is not its first
    driver on it.
    `given_back_after_s` is how long after the booking the carrier let go of the load,
    if it did and has it no more: back to the market, or interrupted with freight
    aboard. It stays where the carrier takes the load over again, unless the poster has
    confirmed a pickup by then.

    Of one that was ended before the load was delivered it keeps what a charge for a
    truck ordered and not used needs: the party and the member (`ended_by`) that ended
    it, how far the truck had come since `current_at` by its positions (`driven_m`), and
    how far the pickup still was by great circle (`left_m`, None without a position
    since then). `load_kept` is what the market saw of the load then: the
    database sets it, as what happens to the load later is no longer the carrier's.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        # Exactly one driver wins a load.
        Index(
            "uq_assignments_active_load",
            "load_id",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
        # One load in each slot of a driver, and of the truck that a crew shares.
        Index(
            "uq_assignments_active_driver_slot",
            "driver_id",
            "slot",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
        Index(
            "uq_assignments_active_truck_slot",
            "truck_id",
            "slot",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
        CheckConstraint(
            "(status = 'active') = (ended_at IS NULL)", name="ended_iff_not_active"
        ),
        UniqueConstraint("org_id", "id"),
        within("driver_id", "drivers"),
        within("truck_id", "trucks"),
        within("offer_id", "offers"),
        within("load_id", "loads", org="load_org_id"),
        Index(None, "driver_id"),
        Index(None, "load_id", "org_id"),
        # What a company carries, for the door `note_duplicates`.
        Index(
            "ix_assignments_org_id_active",
            "org_id",
            postgresql_where=text("status = 'active'"),
        ),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    load_org_id: Mapped[UUID]
    load_id: Mapped[UUID]
    driver_id: Mapped[UUID]
    truck_id: Mapped[UUID | None]
    offer_id: Mapped[UUID | None]
    kind: Mapped[AssignmentKind] = mapped_column(Word(AssignmentKind))
    slot: Mapped[Slot | None] = mapped_column(Word(Slot), server_default=FetchedValue())
    current_at: Mapped[datetime | None] = mapped_column(server_default=FetchedValue())
    first_booked_at: Mapped[datetime | None]
    status: Mapped[AssignmentStatus] = mapped_column(
        Word(AssignmentStatus), default=AssignmentStatus.ACTIVE
    )
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    given_back_after_s: Mapped[int | None]
    ended_party: Mapped[EndedParty | None] = mapped_column(Word(EndedParty))
    ended_by: Mapped[UUID | None]
    driven_m: Mapped[float | None]
    left_m: Mapped[float | None]
    load_kept: Mapped[dict[str, Any] | None]

    @hybrid_property
    def booked_at(self) -> datetime:
        """When the company booked the load, for this driver or for one before."""
        return self.first_booked_at or self.created_at

    @booked_at.inplace.expression
    @classmethod
    def _booked_at(cls) -> ColumnElement[datetime]:
        return func.coalesce(cls.first_booked_at, cls.created_at)

    @property
    def after_s(self) -> int | None:
        """Whole seconds from the booking to the end, 0 if our clock is behind the
        database's; None while it is active."""
        if self.ended_at is None:
            return None
        return max(int((self.ended_at - self.booked_at).total_seconds()), 0)

    load: Mapped[Load] = relationship(lazy="raise", viewonly=True)
    driver: Mapped[Driver] = relationship(lazy="raise", viewonly=True)


NEWEST_FIRST = (
    Assignment.ended_at.desc().nulls_first(),
    Assignment.created_at.desc(),
    Assignment.id.desc(),
)
"""The active ones, then those that ended last. Not by id: the client may make it."""
