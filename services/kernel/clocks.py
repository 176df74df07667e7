"""Correct the times that phones report, and say which cannot be right.

A phone's clock may be wrong without its driver's fault, so a report from a phone is
kept in any case (`believed`). The time that a desk gives for a pickup confirmation is
typed by a person, who can correct it: there `corrected` refuses.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from runtime.errors import DomainError

IGNORED_SKEW = timedelta(seconds=30)
FUTURE_TOLERANCE = timedelta(minutes=5)
OLDEST_REPORT = timedelta(days=30)
"""Older times come only from phones whose clock was reset, for example to 1970."""

NO_TIME = datetime.min.replace(tzinfo=UTC)
"""In place of a time that a phone sent, if it cannot be read or is out of range."""


class ClockSkew(DomainError):
    """The time lies in the future or long ago, even after correction."""

    status = 422
    code = "clock-skew"
    title = "The time cannot be right"


class Believed(NamedTuple):
    """When a report counts: by the phone's time, or at its receipt if the phone's time
    cannot be right (`is_implausible`)."""

    at: datetime
    is_implausible: bool


def believed(
    occurred_at: datetime,
    *,
    sent_at: datetime | None,
    received_at: datetime,
    earliest: datetime,
) -> Believed:
    """Return when something happened, by the server's clock.

    If the phone's time cannot be right, that is when the report was received.

    occurred_at, sent_at: as for `corrected`, or NO_TIME.
    earliest: it cannot have happened before this time.
    """
    if NO_TIME in (occurred_at, sent_at):
        return Believed(received_at, True)
    at = _by_our_clock(occurred_at, sent_at=sent_at, received_at=received_at)
    age = received_at - at
    is_plausible = -FUTURE_TOLERANCE <= age <= OLDEST_REPORT
    if is_plausible and at >= earliest - FUTURE_TOLERANCE:
        return Believed(at, False)
    return Believed(received_at, True)


def corrected(
    occurred_at: datetime,
    *,
    sent_at: datetime | None,
    received_at: datetime,
    earliest: datetime | None = None,
) -> datetime:
    """Return `occurred_at` by the server's clock.

    occurred_at, sent_at: by the phone's clock (aware). The difference between
        `sent_at` and `received_at` is the error of the phone's clock. Up to 30 s may
        be network delay and is not corrected; nor is anything without `sent_at`.

    earliest: it cannot have happened before this time.

    Raises: ClockSkew if the result lies more than 5 minutes ahead of `received_at`,
        more than 30 days behind, or more than 5 minutes before `earliest`.
    """
    occurred_at = _by_our_clock(occurred_at, sent_at=sent_at, received_at=received_at)
    age = received_at - occurred_at
    if not -FUTURE_TOLERANCE <= age <= OLDEST_REPORT:
        where = "in the future" if age < timedelta() else "too long ago"
        raise ClockSkew(
            f"{occurred_at.isoformat()} lies {where}; send `sent_at` so that the"
            " phone's clock can be corrected.",
            extra={"server_time": received_at.isoformat()},
        )
    if earliest is not None and occurred_at < earliest - FUTURE_TOLERANCE:
        raise ClockSkew(
            f"{occurred_at.isoformat()} lies before {earliest.isoformat()}, the"
            " earliest time at which this can have happened.",
            extra={"server_time": received_at.isoformat()},
        )
    return occurred_at


def _by_our_clock(
    occurred_at: datetime, *, sent_at: datetime | None, received_at: datetime
) -> datetime:
    skew = received_at - sent_at if sent_at is not None else timedelta()
    return occurred_at + skew if abs(skew) > IGNORED_SKEW else occurred_at
