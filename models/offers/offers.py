"""Offers: one load offered to one driver, with the figures as they were shown."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from freight.lifecycles import OPEN_OFFERS, OfferStatus
from models.kernel.row import Dated, Identified, Row, Word, within
from models.loads.loads import Load

IS_OPEN = "status IN ({})".format(", ".join(f"'{word}'" for word in OPEN_OFFERS))


class DeclineReason(StrEnum):
    """Why a driver declined. Declining is free: no ranking looks at it."""

    PRICE = "price"
    DISTANCE = "distance"
    TIME = "time"
    HOURS = "hours"
    EQUIPMENT = "equipment"
    FACILITY = "facility"
    DONE_FOR_TODAY = "done_for_today"
    OTHER = "other"


class Offer(Identified, Dated, Row):
    """A load offered to a driver until `expires_at`, by the database's clock.

    `org_id` is the carrier, `load_org_id` the poster. `snapshot` keeps the load's
    figures as they were shown; `terms` add up to `score_cents`. `renews_id` is the lost
    offer that this one replaces, when its load has come back.
    """

    __tablename__ = "offers"
    __table_args__ = (
        # A repeated search makes no second offer of the same load.
        Index(
            "uq_offers_search_load",
            "search_id",
            "load_id",
            unique=True,
            postgresql_where=text("renews_id IS NULL"),
        ),
        # An offer is renewed once.
        Index("uq_offers_renews", "org_id", "renews_id", unique=True),
        within("renews_id", "offers"),
        # One open offer for a driver and a load.
        Index(
            "uq_offers_open_driver_load",
            "driver_id",
            "load_id",
            unique=True,
            postgresql_where=text(IS_OPEN),
        ),
        Index("ix_offers_open_load", "load_id", postgresql_where=text(IS_OPEN)),
        Index("ix_offers_open_expiry", "expires_at", postgresql_where=text(IS_OPEN)),
        Index(None, "driver_id", "id"),
        UniqueConstraint("org_id", "id"),
        within("search_id", "backhaul_searches"),
        within("driver_id", "drivers"),
        within("load_id", "loads", org="load_org_id"),
        Index("ix_offers_load_id_org_id", "load_id", "org_id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    search_id: Mapped[UUID]
    load_org_id: Mapped[UUID]
    load_id: Mapped[UUID]
    driver_id: Mapped[UUID]
    strategy: Mapped[str]
    status: Mapped[OfferStatus] = mapped_column(
        Word(OfferStatus), default=OfferStatus.CREATED
    )
    rank: Mapped[int]
    score_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    terms: Mapped[list[Any]]
    figures: Mapped[dict[str, Any]]
    snapshot: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    responded_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    undeliverable_at: Mapped[datetime | None]
    decline_reason: Mapped[DeclineReason | None] = mapped_column(Word(DeclineReason))
    decline_note: Mapped[str | None]
    renews_id: Mapped[UUID | None]

    load: Mapped[Load] = relationship(lazy="raise", viewonly=True)
