"""Correct the times that phones report, and refuse those that cannot be right."""

from datetime import datetime, timedelta

from runtime.errors import DomainError

IGNORED_SKEW = timedelta(seconds=30)
FUTURE_TOLERANCE = timedelta(minutes=5)
OLDEST_REPORT = timedelta(days=30)
"""Older times come only from phones whose clock was reset, for example to 1970."""


class ClockSkew(DomainError):
    """The time lies in the future or long ago, even after correction."""

    status = 422
    code = "clock-skew"
    title = "The time cannot be right"


def corrected(
    occurred_at: datetime, *, sent_at: datetime | None, received_at: datetime
) -> datetime:
    """Return `occurred_at` by the server's clock.

    occurred_at, sent_at: by the phone's clock (aware). The difference between
        `sent_at` and `received_at` is the error of the phone's clock. Up to 30 s may
        be network delay and is not corrected; nor is anything without `sent_at`.

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
