"""Answers that were given, kept for requests that are sent again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Row, within


class IdempotencyKey(Row):
    """One key of one member, with the answer it was given.

    The transaction of the effect writes the row: both are there, or neither.
    Only that transaction ever sees the row without its answer.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (within("member_id", "members"), Index(None, "created_at"))

    org_id: Mapped[UUID] = mapped_column(
        ForeignKey("organisations.id"), primary_key=True
    )
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int | None]
    headers: Mapped[dict[str, str]] = mapped_column(default=dict)
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
