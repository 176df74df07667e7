"""Companies, their members, and the members' sign-ins."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from freight.roles import Role
from models.kernel.row import Dated, Identified, Row, Versioned, Word, within


class OrganisationKind(StrEnum):
    """What a company is on the market."""

    CARRIER = "carrier"
    PRIVATE_FLEET = "private_fleet"
    SHIPPER = "shipper"
    BROKER = "broker"


class Verification(StrEnum):
    """What comparing a company with the register showed. UNVERIFIED -> VERIFIED |
    REFUSED, and back."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    REFUSED = "refused"


class Organisation(Identified, Dated, Versioned, Row):
    """A company. Row security keeps its rows from other companies.

    `country` (ISO 3166-1): where its trucks are registered, its home country.
    `countries`: where it may carry freight; None if that is only its home country.
    `verification_source` and `verification_at` say where and when it was looked up.
    `cost_cents_per_km`: what a driven kilometre costs it, without what is fixed.
    `hour_cents`: what an hour of truck and driver is worth to it. Where they are None,
    our stated defaults apply (`freight.costs`).
    While `suspended_at` is set, its people may only finish loads underway, and its
    posted loads are hidden.
    """

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("usdot_number ~ '^[0-9]{1,8}$'", name="usdot_number"),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country"),
        CheckConstraint("countries <> '{}'", name="countries"),
        CheckConstraint("mc_number ~ '^[0-9]{1,8}$'", name="mc_number"),
        CheckConstraint(
            "(verification = 'unverified') = (verification_at IS NULL)",
            name="verification_has_a_date",
        ),
        CheckConstraint("cost_cents_per_km BETWEEN 10 AND 1000", name="cost"),
        CheckConstraint("hour_cents BETWEEN 0 AND 20000", name="hour"),
        UniqueConstraint("kind", "usdot_number"),
        # Read before each search.
        Index(
            "ix_organisations_suspended",
            "id",
            postgresql_where=text("suspended_at IS NOT NULL"),
        ),
    )

    kind: Mapped[OrganisationKind] = mapped_column(Word(OrganisationKind))
    name: Mapped[str]
    usdot_number: Mapped[str | None]
    mc_number: Mapped[str | None]
    country: Mapped[str] = mapped_column(default="US", server_default="US")
    countries: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    verification: Mapped[Verification] = mapped_column(
        Word(Verification),
        default=Verification.UNVERIFIED,
        server_default=Verification.UNVERIFIED.value,
    )
    verification_source: Mapped[str | None]
    verification_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    suspension_reason: Mapped[str | None]
    cost_cents_per_km: Mapped[float | None]
    hour_cents: Mapped[int | None]


class Member(Identified, Dated, Row):
    """A person in one company, who signs in with an e-mail or a phone number."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name="reachable"),
        CheckConstraint(
            "roles <> '{}' AND roles <@"
            " ARRAY['driver','dispatcher','shipper','broker','admin']::varchar[]",
            name="roles",
        ),
        Index("uq_members_email", text("lower(email)"), unique=True),
        Index("uq_members_phone", "phone", unique=True),
        UniqueConstraint("org_id", "id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    password_hash: Mapped[str]
    roles: Mapped[list[Role]] = mapped_column(ARRAY(String))
    locale: Mapped[str] = mapped_column(default="en")
    deactivated_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class RefreshFamily(Identified, Dated, Row):
    """One sign-in and all the refresh tokens that descend from it.

    Only the newest `generation` that was used is stored: tokens are derived from
    `seed`. The family of a browser has no device. With a `key_thumbprint`, each refresh
    proves that key; `sign_in_proof` is the proof of the sign-in, and `used_proofs` are
    those shown with the newest generation. Without one, `last_used_at` is when the
    newest generation was first used, that is when its successor was made.
    """

    __tablename__ = "refresh_families"
    __table_args__ = (
        within("member_id", "members"),
        Index(None, "member_id"),
        Index(None, "device_id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    member_id: Mapped[UUID]
    device_id: Mapped[UUID | None]
    seed: Mapped[str]
    generation: Mapped[int] = mapped_column(default=0)
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
    key_thumbprint: Mapped[str | None]
    sign_in_proof: Mapped[str | None]
    used_proofs: Mapped[list[str]] = mapped_column(
        ARRAY(String), default=list, server_default=text("'{}'")
    )
