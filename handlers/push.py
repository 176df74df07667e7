"""Pushes: an attempt for each that one device is owed, one after the other."""

from collections.abc import Sequence
from time import monotonic
from uuid import UUID

from handlers.supplies import Handlers, Supplies
from jobs import Job, RunLater
from notifications.sender import ALARMS, Attempt, Envelope, Outcome, attempt
from runtime.db import Session
from runtime.telemetry import PUSHES, log
from services.offers import pushes

CHECK_HOLDS_S = 1.0
"""A push is attempted within this time of the check that it is still worth sending."""


def push_send(
    supplies: Supplies, push_ids: Sequence[str] = (), push_id: str | None = None
) -> None:
    """Make one attempt for each of these pushes to one device, in order.

    After an attempt that is not accepted, or is slow, the others are checked anew, in
    another run at once. The provider is called outside transactions.

    push_id: of a job that the release before wrote, with one push.
    """
    ids = [*push_ids, push_id] if push_id else push_ids
    checked_at = monotonic()
    with Session.begin() as session:
        due = pushes.due(session, [UUID(each) for each in ids])
    waits = [] if due.wait_s is None else [due.wait_s]
    if due.envelopes:
        waits += _attempt_each(supplies, due.envelopes, checked_at)
    if waits:
        raise RunLater(min(waits))


def _attempt_each(
    supplies: Supplies, envelopes: Sequence[Envelope], checked_at: float
) -> list[float]:
    """Attempt and conclude; return the waits of those that are not done."""
    attempts: list[Attempt] = []
    try:
        for envelope in envelopes:
            if attempts and not _may_go_on(attempts[-1], envelope, checked_at):
                break
            attempts.append(attempt(supplies.gateway, envelope, supplies.rng))
            PUSHES.labels(attempts[-1].outcome).inc()
    except Exception:
        # A bug ends the job. What was sent before must not be sent again by its retry.
        _conclude(envelopes[: len(attempts)], attempts)
        raise
    return _conclude(envelopes, attempts)


def _may_go_on(last: Attempt, following: Envelope, checked_at: float) -> bool:
    holds_s = CHECK_HOLDS_S
    if following.message.ttl_s is not None:
        holds_s = min(holds_s, following.message.ttl_s)
    return last.outcome is Outcome.ACCEPTED and monotonic() - checked_at <= holds_s


def _conclude(
    envelopes: Sequence[Envelope], attempts: Sequence[Attempt]
) -> list[float]:
    with Session.begin() as session:
        waits = pushes.conclude(session, envelopes, attempts)
    for envelope, made, wait_s in zip(envelopes, attempts, waits, strict=False):
        push_id = str(envelope.push_id)
        if made.outcome in ALARMS:
            log().error("push.alarm", outcome=made.outcome, push_id=push_id)
        if wait_s is None:
            log().info(
                "push.concluded",
                push_id=push_id,
                kind=envelope.message.kind,
                outcome=made.outcome,
                attempts=envelope.attempts,
            )
    return [wait_s for wait_s in waits if wait_s is not None]


JOBS: Handlers = {Job.PUSH_SEND: push_send}
