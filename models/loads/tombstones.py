"""Deleted loads, until every market in memory has read of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.events import Xid8
from models.kernel.row import Row


class LoadTombstone(Row):
    """A load whose row is gone. A trigger writes it, only the server reads it."""

    __tablename__ = "load_tombstones"
    __table_args__ = (Index(None, "xid"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    load_id: Mapped[UUID]
    xid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    deleted_at: Mapped[datetime] = mapped_column(
        server_default=text("clock_timestamp()")
    )
