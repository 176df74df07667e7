"""Duplicates: loads of different companies that look like the same freight."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Dated, Identified, Row, within


class Duplicate(Identified, Dated, Row):
    """`load_id` was posted while another company's `like_id` was active.

    Only the platform sees it; it is open until the operator ends it.
    is_carried: the company of `load_id` carried `like_id` at that time.
    is_near: it carried it, and the two only resemble each other: other ends nearby,
        later windows, a part of the weight.
    word: what the operator found out.
    """

    __tablename__ = "duplicates"
    __table_args__ = (
        CheckConstraint(
            "(ended_at IS NULL) = (word IS NULL)", name="ended_with_a_word"
        ),
        UniqueConstraint("org_id", "load_id", "like_id"),
        within("load_id", "loads"),
        within("like_id", "loads", org="like_org_id"),
    )

    org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    load_id: Mapped[UUID]
    like_org_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    like_id: Mapped[UUID]
    is_carried: Mapped[bool]
    is_near: Mapped[bool]
    ended_at: Mapped[datetime | None]
    word: Mapped[str | None]
