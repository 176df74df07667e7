"""Companies, and the people in them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from freight.roles import Role
from models.row import Dated, Identified, Row, Word


class OrganisationKind(StrEnum):
    """What a company is on the market."""

    CARRIER = "carrier"
    PRIVATE_FLEET = "private_fleet"
    SHIPPER = "shipper"
    BROKER = "broker"


class Organisation(Identified, Dated, Row):
    """A company. Its rows are nobody else's."""

    __tablename__ = "organisations"

    kind: Mapped[OrganisationKind] = mapped_column(Word(OrganisationKind))
    name: Mapped[str]


class Member(Identified, Dated, Row):
    """A person in one company. He signs in by e-mail or phone, whichever he has."""

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


class RefreshFamily(Identified, Dated, Row):
    """One sign-in and all the refresh tokens that descend from it.

    Only the generation counts: a token is derived from `seed`, so nothing secret is
    stored for each one.
    """

    __tablename__ = "refresh_families"
    __table_args__ = (Index(None, "member_id"),)

    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    seed: Mapped[str]
    generation: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
