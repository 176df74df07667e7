"""Pushes: one attempt for one device."""

from uuid import UUID

from handlers.supplies import Handlers, Supplies
from jobs import Job, RunLater
from notifications.sender import ALARMS, attempt
from runtime.db import Session
from runtime.telemetry import PUSHES, log
from services.offers import pushes


def push_send(supplies: Supplies, push_id: str) -> None:
    """Make one attempt for one device; the provider is called outside transactions."""
    try:
        with Session.begin() as session:
            envelope = pushes.due(session, UUID(push_id))
    except pushes.TooSoon as early:
        raise RunLater(early.wait_s) from None
    if envelope is None:
        return
    result = attempt(supplies.gateway, envelope, supplies.rng)
    PUSHES.labels(result.outcome).inc()
    with Session.begin() as session:
        wait_s = pushes.conclude(session, envelope, result)
    if result.outcome in ALARMS:
        log().error("push.alarm", outcome=result.outcome, push_id=push_id)
    if wait_s is not None:
        raise RunLater(wait_s)
    log().info(
        "push.concluded",
        push_id=push_id,
        kind=envelope.message.kind,
        outcome=result.outcome,
        attempts=envelope.attempts,
    )


JOBS: Handlers = {Job.PUSH_SEND: push_send}
