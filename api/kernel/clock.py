"""The edge's clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time of this server, aware, UTC."""
    return datetime.now(UTC)
