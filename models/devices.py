"""The phones of a person, and how a push reaches them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.row import Dated, Identified, Row, Word
from models.targets import Platform, TargetKind


class Device(Identified, Dated, Row):
    """One app on one phone. Dead targets stay, marked, for the record."""

    __tablename__ = "devices"
    __table_args__ = (
        # A target rings one phone: who registers it last owns it.
        Index(
            "uq_devices_live_target",
            "target_kind",
            "target",
            unique=True,
            postgresql_where=text("dead_at IS NULL"),
        ),
        Index(None, "member_id"),
    )

    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    platform: Mapped[Platform] = mapped_column(Word(Platform))
    target_kind: Mapped[TargetKind] = mapped_column(Word(TargetKind))
    target: Mapped[str]
    app_version: Mapped[str]
    locale: Mapped[str]
    registered_at: Mapped[datetime]
    last_ok_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    dead_reason: Mapped[str | None]
