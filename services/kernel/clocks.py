"""Phones lie about the time: correct them, and refuse what cannot be true."""

from datetime import datetime, timedelta

from runtime.errors import DomainError

IGNORED_SKEW = timedelta(seconds=30)
FUTURE_TOLERANCE = timedelta(minutes=5)
OLDEST_REPORT = timedelta(days=30)
"""A report is older only where the phone's clock has died and says 1970."""


class ClockSkew(DomainError):
    """The time lies in the future or long ago, even after correction."""

    status = 422
    code = "clock-skew"
    title = "The time cannot be right"


def corrected(
    occurred_at: datetime, *, sent_at: datetime | None, received_at: datetime
) -> datetime:
    """Return when it happened by our clock.

    occurred_at, sent_at: by the phone's clock (aware). The difference between
        `sent_at` and `received_at` is the phone's error; up to 30 s of it is network
        and left alone.

    Raises: ClockSkew if the result lies more than 5 minutes ahead of `received_at`,
        or more than 30 days behind.
    """
    skew = received_at - sent_at if sent_at is not None else timedelta()
    if abs(skew) > IGNORED_SKEW:
        occurred_at = occurred_at + skew
    age = received_at - occurred_at
    if not -FUTURE_TOLERANCE <= age <= OLDEST_REPORT:
        where = "in the future" if age < timedelta() else "too long ago"
        raise ClockSkew(
            f"{occurred_at.isoformat()} lies {where}; send `sent_at` so that the"
            " phone's clock can be corrected.",
            extra={"server_time": received_at.isoformat()},
        )
    return occurred_at
