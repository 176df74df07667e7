"""Credentials beside the password: invitations, resets, factors; failed sign-ins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from freight.roles import Role
from models.kernel.row import Dated, Identified, Row, within


class Invitation(Identified, Dated, Row):
    """A place in a company for the person who has its token. It is open until it is
    accepted or withdrawn, or `expires_at` has passed."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name="reachable"),
        CheckConstraint(
            "(accepted_at IS NULL) = (member_id IS NULL)", name="accepted_by_a_member"
        ),
        Index(None, "token_hash", unique=True),
        within("invited_by", "members"),
        within("member_id", "members"),
        Index(None, "org_id", "id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    invited_by: Mapped[UUID]
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    roles: Mapped[list[Role]] = mapped_column(ARRAY(String))
    locale: Mapped[str]
    token_hash: Mapped[str]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    member_id: Mapped[UUID | None]


class PasswordReset(Identified, Dated, Row):
    """A mailed permission to set a new password, once, until `expires_at`."""

    __tablename__ = "password_resets"
    __table_args__ = (
        Index(None, "token_hash", unique=True),
        within("member_id", "members"),
        Index(None, "org_id", "member_id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    member_id: Mapped[UUID]
    token_hash: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SecondFactor(Dated, Row):
    """A member's TOTP secret, encrypted. Codes are needed once `confirmed_at` is set.

    `last_step` is the newest time step whose code was used: no code works twice.
    """

    __tablename__ = "second_factors"
    __table_args__ = (within("member_id", "members"), Index(None, "org_id"))

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    encrypted_secret: Mapped[str]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(default=0)
    recovery_hashes: Mapped[list[str]] = mapped_column(
        ARRAY(String), server_default=text("'{}'")
    )


class SignInFailure(Row):
    """Attempts at one login, or at a member's password or codes, since a success.

    Only the login's hash is kept, as the login may have no account. The row belongs to
    no company: it is written before the caller is known.
    """

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index(None, "last_at"),)

    login_hash: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]
