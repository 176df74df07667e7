"""Drivers: their home, limits, truck and availability."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freight.preferences import RankBy
from geo.points import Point
from models.fleet.trucks import Truck
from models.kernel.row import Dated, Identified, Row, Versioned, Word, within
from models.people.organisations import Member


class Availability(StrEnum):
    """OFF_DUTY and RESTING get no offers; ON_LOAD has a load; AVAILABLE wants one."""

    OFF_DUTY = "off_duty"
    AVAILABLE = "available"
    ON_LOAD = "on_load"
    RESTING = "resting"


class RingsWhileMoving(StrEnum):
    """Whether a driver may be rung while the truck moves.

    HANDS_FREE: the phone reads aloud. CO_DRIVER: while another driver is on the truck.
    """

    NEVER = "never"
    HANDS_FREE = "hands_free"
    CO_DRIVER = "co_driver"


class Driver(Identified, Dated, Versioned, Row):
    """A member who drives. A search needs both their home and their truck.

    country: ISO 3166-1, where they may carry domestic freight; None if that is their
        company's.
    countries: where they may drive; None if that is only their home country.
    rank_by: the order of their offers.
    home_every: when they want to be home each week, as `freight.opening.HomeEvery`.
    preferences: records of `freight.preferences.Preference`.
    quiet_hours: when they are not rung, as `freight.opening.QuietHours`.
    offers_wait_for_drop: they are not rung at their last stop before they are done.
    app_opened_at: when they opened the app, as far as an offer had come since.

    At most two drivers have the same truck: the trigger `check_crew` refuses a third.
    """

    __tablename__ = "drivers"
    __table_args__ = (
        UniqueConstraint("org_id", "member_id"),
        UniqueConstraint("org_id", "id"),
        within("member_id", "members"),
        within("truck_id", "trucks"),
        Index(None, "truck_id"),
        CheckConstraint(
            "(home_lat IS NULL) = (home_lon IS NULL)", name="home_is_a_point"
        ),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
        CheckConstraint(
            "max_deadhead_m >= 0 AND min_pay_cents_per_km >= 0", name="limits"
        ),
        CheckConstraint("countries <> '{}'", name="countries"),
        CheckConstraint("jsonb_typeof(preferences) = 'array'", name="preferences"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    member_id: Mapped[UUID]
    truck_id: Mapped[UUID | None]
    home_label: Mapped[str | None]
    home_lat: Mapped[float | None]
    home_lon: Mapped[float | None]
    home_by_at: Mapped[datetime | None]
    max_deadhead_m: Mapped[float | None]
    min_pay_cents_per_km: Mapped[float | None]
    has_hazmat_endorsement: Mapped[bool] = mapped_column(default=False)
    country: Mapped[str | None]
    countries: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    rank_by: Mapped[RankBy] = mapped_column(
        Word(RankBy), default=RankBy.GAIN, server_default=RankBy.GAIN.value
    )
    home_every: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    preferences: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'")
    )
    quiet_hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    rings_while_moving: Mapped[RingsWhileMoving] = mapped_column(
        Word(RingsWhileMoving),
        default=RingsWhileMoving.NEVER,
        server_default=RingsWhileMoving.NEVER.value,
    )
    offers_wait_for_drop: Mapped[bool] = mapped_column(
        default=False, server_default=false()
    )
    app_opened_at: Mapped[datetime | None]
    availability: Mapped[Availability] = mapped_column(
        Word(Availability), default=Availability.OFF_DUTY
    )

    member: Mapped[Member] = relationship(lazy="raise", viewonly=True)
    truck: Mapped[Truck | None] = relationship(lazy="raise", viewonly=True)

    @property
    def tag(self) -> str:
        """The version for clients; it changes when the driver or the truck changes."""
        truck = self.truck.version if self.truck is not None else 0
        return f"{self.version}-{truck}"

    @property
    def home(self) -> Point | None:
        if self.home_lat is None or self.home_lon is None:
            return None
        return Point(self.home_lat, self.home_lon)
