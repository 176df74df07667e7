"""Rate-limit state, one row for each key."""

from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Row


class RateLimit(Row):
    """One key's theoretical arrival time, seconds since 1970, by the database's clock.

    Unlogged: after a crash it is empty, and every key has its whole quota again.
    """

    __tablename__ = "rate_limits"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - as SQLAlchemy reads it

    key: Mapped[str] = mapped_column(primary_key=True)
    tat: Mapped[float]
