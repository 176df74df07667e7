"""The clock of the web process."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return this server's time, aware, in UTC."""
    return datetime.now(UTC)
