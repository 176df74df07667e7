"""The interface to a push provider: one call, our errors, the wait after each."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Protocol

from models.people.targets import TargetKind
from notifications.messages import Message

SOONEST_RETRY_S = 10.0
"""Source: Google, "Best practices when sending FCM messages at scale", retries."""

QUOTA_WAIT_S = 60.0
"""The wait after a 429 without Retry-After. Source: as above."""

LONGEST_OWN_WAIT_S = 600.0
MISCONFIGURED_WAIT_S = 300.0
JITTER = 0.3

LONGEST_RETRY_AFTER_S = 86_400.0
"""A longer Retry-After comes from a wrong clock or a typing error."""


class PushError(Exception):
    """A push was not accepted; the subclass says what to do about it."""


class TargetGone(PushError):
    """This phone cannot be reached under this target any more: stop using it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrongProject(PushError):
    """The target belongs to another project: we cannot use it. Raises an alarm."""


class PayloadRefused(PushError):
    """The provider calls the message malformed: our bug. An alarm and no retry."""


class ProviderMisconfigured(PushError):
    """Keys or rights are missing at the provider: an operator must act."""


class TryLater(PushError):
    """Nothing is wrong with the message or the phone; send again later.

    The message may have arrived all the same (a timeout proves nothing), so phones
    drop repeats by the id in the message.

    retry_after_s: what the provider asked for, None if it did not say.
    is_quota: the provider says we send too much.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after_s: float | None = None,
        is_quota: bool = False,
    ) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.is_quota = is_quota


class Gateway(Protocol):
    """A push provider."""

    def send(self, target_kind: TargetKind, target: str, message: Message) -> str:
        """Hand `message` over for one phone and return the provider's name for it.

        Accepted does not mean delivered. May be called from many threads; makes one
        attempt and never sleeps. Repeating it repeats the push.

        Raises: TargetGone, WrongProject, PayloadRefused, ProviderMisconfigured,
            TryLater; nothing else.
        """
        ...


def retry_wait_s(
    error: TryLater | ProviderMisconfigured, attempts: int, rng: Random
) -> float:
    """Return the seconds to wait before the next attempt.

    The wait is never shorter than a Retry-After: the cap limits the waits that we
    choose, not those that we are asked for. A long wait is safe: it is a row with a
    time, not a sleeping thread, and the message's own expiry ends it. Jitter adds 0 to
    30 %, also to a capped wait, so that pushes that failed together are not sent again
    together.

    attempts: how many were made so far, the failed one included.

    Source: Google, "Best practices when sending FCM messages at scale", retries.
    """
    if isinstance(error, ProviderMisconfigured):
        return MISCONFIGURED_WAIT_S
    if error.retry_after_s is not None:
        wait_s = max(error.retry_after_s, SOONEST_RETRY_S)
    elif error.is_quota:
        wait_s = QUOTA_WAIT_S
    else:
        doublings = min(max(attempts - 1, 0), 16)
        wait_s = min(SOONEST_RETRY_S * 2.0**doublings, LONGEST_OWN_WAIT_S)
    return wait_s * (1 + JITTER * rng.random())


def parse_retry_after_s(
    retry_after: str | None, answered_on: str | None, now: datetime
) -> float | None:
    """Return the seconds a Retry-After header asks for, None if it says nothing.

    A date is taken relative to the answer's own Date header, so that a difference
    between their clock and ours does not shorten the wait. A date in the past is 0.

    retry_after, answered_on: the headers Retry-After and Date as received.
    now: used where Date is missing.

    Source: RFC 9110, sections 10.2.3 and 5.6.7.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER_S)
    until = _http_date(text)
    if until is None:
        return None
    asked_at = _http_date(answered_on) or now
    wait_s = (until - asked_at).total_seconds()
    return min(max(wait_s, 0.0), LONGEST_RETRY_AFTER_S)


def _http_date(text: str | None) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    # "-0000" and a missing zone parse as naive; HTTP knows only GMT.
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
