"""What happened: append-only, one row for each transition."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from freight.roles import Role
from models.kernel.row import Row, Word


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id, by which the feed orders events."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401 - as the base class
        return "xid8"


class Event(Row):
    """One fact. `occurred_at` is the phone's (corrected) time, `received_at` ours.

    `org_id` is the company to which it belongs. A trigger refuses UPDATE and DELETE.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "subject_id"),
        Index(None, "org_id", "id"),
        Index(None, "xid", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    org_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    subject: Mapped[str]
    subject_id: Mapped[UUID]
    kind: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(
        server_default=text("clock_timestamp()")
    )
    actor_id: Mapped[UUID | None]
    actor_role: Mapped[Role] = mapped_column(Word(Role))
    source: Mapped[str]
    reason: Mapped[str | None]
    edi_214: Mapped[str | None]
    body: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
