"""The phones of a person, and how a push reaches them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, Word, within
from models.people.targets import Platform, TargetKind


class Enrolment(StrEnum):
    """Whether the owner may sign in on a phone.

    UNKNOWN: only the push target is known, or the phone was signed out.
    PENDING: the owner tried to sign in; a dispatcher has to approve the phone.
    REVOKED: nobody signs in on the phone until a dispatcher approves it again.
    """

    UNKNOWN = "unknown"
    PENDING = "pending"
    APPROVED = "approved"
    REVOKED = "revoked"


class Device(Identified, Dated, Row):
    """One app on one phone. A device with a dead target is kept, marked as dead.

    A device that has signed in but not registered a target yet counts as dead.

    A device with a `key_thumbprint` signs in only with that key, which never changes.
    Without one, an approval counts for one sign-in: `is_approval_unused` until then.
    """

    __tablename__ = "devices"
    __table_args__ = (
        # A target reaches one phone: the one that registered it last.
        Index(
            "uq_devices_live_target",
            "target_kind",
            "target",
            unique=True,
            postgresql_where=text("dead_at IS NULL"),
        ),
        within("member_id", "members"),
        Index(None, "member_id"),
        Index(None, "org_id", "enrolment"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    member_id: Mapped[UUID]
    enrolment: Mapped[Enrolment] = mapped_column(
        Word(Enrolment),
        default=Enrolment.UNKNOWN,
        server_default=Enrolment.UNKNOWN.value,
    )
    enrolment_at: Mapped[datetime | None]
    enrolment_by: Mapped[UUID | None]
    key_thumbprint: Mapped[str | None]
    is_approval_unused: Mapped[bool] = mapped_column(
        default=False, server_default=text("false")
    )
    platform: Mapped[Platform | None] = mapped_column(Word(Platform))
    target_kind: Mapped[TargetKind] = mapped_column(Word(TargetKind))
    target: Mapped[str]
    app_version: Mapped[str]
    locale: Mapped[str]
    registered_at: Mapped[datetime]
    last_ok_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    dead_reason: Mapped[str | None]

    @property
    def has_key(self) -> bool:
        return self.key_thumbprint is not None
