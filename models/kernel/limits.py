"""Rate-limit state, one row for each key."""

from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.row import Row


class RateLimit(Row):
    """The rate-limit state of one key.

    tat: the theoretical arrival time of GCRA, in seconds since 1970, by the database's
        clock.

    Unlogged: after a crash the table is empty, and every key has its whole quota again.
    """

    __tablename__ = "rate_limits"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - as SQLAlchemy reads it

    key: Mapped[str] = mapped_column(primary_key=True)
    tat: Mapped[float]
