"""The procrastinate app, the names of the jobs, and enqueue()."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from psycopg import Connection
from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars


@dataclass(frozen=True, slots=True)
class Kind:
    """A job's public name, its queue, and its place in it (higher goes first)."""

    name: str
    queue: str
    priority: int


class Job(Enum):
    """Every job there is; `worker.py` says which function does it."""

    PUSH_SEND = Kind("push.send", "push", 10)
    OFFERS_EXPIRE = Kind("offers.expire", "match", 7)
    BACKHAUL_SEARCH = Kind("backhaul.search", "match", 5)
    PASSWORD_RESET = Kind("password.reset", "push", 5)
    MAIL_RESET = Kind("mail.reset", "push", 5)
    MAIL_INVITATION = Kind("mail.invitation", "push", 5)
    BACKHAUL_NEXT = Kind("backhaul.next", "match", 5)
    LOADS_LAPSE = Kind("loads.lapse", "maint", 0)
    OFFERS_SWEEP = Kind("offers.sweep", "maint", 0)
    SIGN_INS_PRUNE = Kind("sign_ins.prune", "maint", 0)
    POSITIONS_PARTITION = Kind("positions.partition", "maint", 0)
    AUDIT_SIGN = Kind("audit.sign", "maint", 0)
    IDEMPOTENCY_PRUNE = Kind("idempotency.prune", "maint", 0)
    LIMITS_PRUNE = Kind("limits.prune", "maint", 0)
    JOBS_RESCUE = Kind("jobs.rescue", "maint", 0)
    JOBS_PRUNE = Kind("jobs.prune", "maint", 0)


def make_app(conninfo: str = "") -> App:
    """Return an app that enqueues; nothing connects yet."""
    return App(connector=PsycopgConnector(conninfo=conninfo))


_enqueuer = make_app()


def enqueue(
    session: Session,
    job: Job,
    *,
    once: str | None = None,
    at: datetime | None = None,
    **arguments: Any,  # noqa: ANN401 - JSON values
) -> int | None:
    """Write the job as a row of the caller's transaction; return its id.

    The trace id bound to this context goes with it.

    once: while a job of this key waits, a second one is not written (None returned).
    """
    kind = job.value
    trace_id = get_contextvars().get("trace_id")
    try:
        # A savepoint: a refused duplicate must not poison the caller's transaction.
        # It is set when the session is asked for its connection, and not before.
        with session.begin_nested():
            raw = session.connection().connection.driver_connection
            assert isinstance(raw, Connection)
            return _enqueuer.configure_task(
                kind.name,
                connection=raw,
                queue=kind.queue,
                priority=kind.priority,
                queueing_lock=once,
                schedule_at=at,
            ).defer(trace_id=trace_id, **arguments)
    except AlreadyEnqueued:
        return None
