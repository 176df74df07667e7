"""Loads: freight with a price, and the two ends that the search reads."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import (
    Mapped,
    Session,
    mapped_column,
    query_expression,
    relationship,
)

from freight.lifecycles import LoadStatus
from models.kernel.events import Xid8
from models.kernel.row import Dated, Identified, Row, Versioned, Word, within
from models.loads.stops import Stop


class Visibility(StrEnum):
    """PRIVATE is offered to the poster's own trucks only, NETWORK to all trucks."""

    PRIVATE = "private"
    NETWORK = "network"


class RateType(StrEnum):
    """What the price covers. A load's `price_cents` is always its total; a poster gives
    it for one mile with PER_MILE, and for 100 pounds with PER_CWT."""

    ALL_IN = "all_in"
    FLAT = "flat"
    PER_MILE = "per_mile"
    PER_CWT = "per_cwt"


class Load(Identified, Dated, Versioned, Row):
    """Freight from its first pickup to its last delivery.

    The two ends and their windows repeat what the stops say, for the two-ended index
    and the search to read. `services.loads` keeps them equal.

    rate_cents: the price of a mile or of 100 pounds, where the rate type is one of
        these; `billed_miles` is then what the total was computed with.
    warnings: figures that are odd; while `is_unconfirmed`, the load is not offered.
    may_be_rebrokered: the carrier may post the freight again.
    takes_reefers: a reefer trailer may carry freight for a van; None if the poster does
        not say: then it may.
    crossings: borders between consecutive stops whose countries are known.
    domestic_country: the country of all stops, None if they are in several or one is
        not known.
    loaded_access_m: the part of `loaded_m` that is off the highways.
    """

    __tablename__ = "loads"
    unmapped = frozenset({"changed_xid"})
    __table_args__ = (
        UniqueConstraint("org_id", "load_number"),
        UniqueConstraint("org_id", "id"),
        within("posted_by", "members"),
        CheckConstraint("price_cents >= 0", name="price"),
        CheckConstraint(
            "weight_kg >= 0 AND length_m >= 0 AND pieces >= 0", name="size"
        ),
        CheckConstraint("temperature_min_c <= temperature_max_c", name="temperature"),
        CheckConstraint("equipment <> '{}'", name="equipment"),
        CheckConstraint(
            "status <> 'posted' OR lease_expires_at IS NOT NULL", name="leased"
        ),
        CheckConstraint(
            "(status = 'interrupted') = (interrupted_at IS NOT NULL)",
            name="interrupted",
        ),
        # Posted loads of the same freight: "pickup in this box, delivery in that box".
        Index(
            "ix_loads_two_ended",
            text("point(pickup_lon, pickup_lat)"),
            text("point(delivery_lon, delivery_lat)"),
            postgresql_using="gist",
            postgresql_where=text("status = 'posted'"),
        ),
        # The same for the other active loads. Both serve the door `note_duplicates`.
        Index(
            "ix_loads_two_ended_active",
            text("point(pickup_lon, pickup_lat)"),
            text("point(delivery_lon, delivery_lat)"),
            postgresql_using="gist",
            postgresql_where=text(
                "status IN ('held', 'booked', 'at_pickup', 'pickup_confirmed',"
                " 'in_transit', 'at_delivery', 'interrupted')"
            ),
        ),
        Index(
            "ix_loads_interrupted",
            "interrupted_assignment_id",
            postgresql_where=text("status = 'interrupted'"),
        ),
        # The last transaction that changed the posted load or its stops. Triggers write
        # it, and no mapper reads it: it would be read anew after each change of a load.
        Column(
            "changed_xid",
            Xid8,
            nullable=False,
            server_default=text("pg_current_xact_id()"),
        ),
        # What the markets in memory have not read yet.
        Index(None, "changed_xid"),
        # The lease job reads these two.
        Index(
            "ix_loads_lease",
            "lease_expires_at",
            postgresql_where=text("status = 'posted'"),
        ),
        Index(
            "ix_loads_pickup_until",
            "pickup_until",
            postgresql_where=text("status IN ('posted', 'held')"),
        ),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    posted_by: Mapped[UUID]
    status: Mapped[LoadStatus] = mapped_column(Word(LoadStatus))
    visibility: Mapped[Visibility] = mapped_column(Word(Visibility))
    load_number: Mapped[str]
    references: Mapped[list[Any]] = mapped_column(default=list)
    consignee: Mapped[str | None]
    bill_to: Mapped[str | None]
    commodity: Mapped[str | None]
    equipment: Mapped[list[str]] = mapped_column(ARRAY(String))
    weight_kg: Mapped[int | None]
    length_m: Mapped[float | None]
    pieces: Mapped[int | None]
    has_hazmat: Mapped[bool] = mapped_column(default=False)
    temperature_min_c: Mapped[float | None]
    temperature_max_c: Mapped[float | None]
    price_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    rate_type: Mapped[RateType] = mapped_column(Word(RateType))
    rate_cents: Mapped[int | None]
    billed_miles: Mapped[float | None]
    miles_source: Mapped[str | None]
    warnings: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'")
    )
    is_unconfirmed: Mapped[bool] = mapped_column(
        default=False, server_default=text("false")
    )
    may_be_rebrokered: Mapped[bool] = mapped_column(
        default=False, server_default=text("false")
    )
    takes_reefers: Mapped[bool | None]
    crossings: Mapped[int] = mapped_column(
        SmallInteger, default=0, server_default=text("0")
    )
    domestic_country: Mapped[str | None] = mapped_column(String(2))
    loaded_m: Mapped[float]
    loaded_access_m: Mapped[float] = mapped_column(default=0.0, server_default="0")
    distance_source: Mapped[str]
    posted_at: Mapped[datetime | None]
    lease_expires_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now()
    )
    cancel_reason: Mapped[str | None]
    # While interrupted: since when, why, where the freight is, and on whose truck.
    interrupted_at: Mapped[datetime | None]
    interruption_reason: Mapped[str | None]
    interrupted_lat: Mapped[float | None]
    interrupted_lon: Mapped[float | None]
    interrupted_assignment_id: Mapped[UUID | None]
    stop_count: Mapped[int]
    pickup_place: Mapped[str | None]
    pickup_lat: Mapped[float]
    pickup_lon: Mapped[float]
    pickup_from: Mapped[datetime]
    pickup_until: Mapped[datetime]
    delivery_place: Mapped[str | None]
    delivery_lat: Mapped[float]
    delivery_lon: Mapped[float]
    delivery_from: Mapped[datetime]
    delivery_until: Mapped[datetime]

    # Whether the reader carries the load; None if the query did not ask
    # (`services.loads.loads.asks_if_carried`).
    is_carried: Mapped[bool | None] = query_expression()

    stops: Mapped[list[Stop]] = relationship(
        lazy="raise", order_by=Stop.sequence, cascade="all, delete-orphan"
    )


@event.listens_for(Session, "before_flush")
def _touch(session: Session, *_: object) -> None:
    """Mark a load as updated when a stop changes, since it is shown with its stops."""
    for row in session.dirty:
        if not session.is_modified(row):
            continue
        # Added and removed stops need nothing here: they change the load's own list.
        load = session.get(Load, row.load_id) if isinstance(row, Stop) else row
        if isinstance(load, Load):
            load.updated_at = func.clock_timestamp()
