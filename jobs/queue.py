"""The procrastinate app, the names of the jobs, and enqueue()."""

from collections.abc import Sequence
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
class Schedule:
    """When a periodic job runs, in UTC, and how often that is."""

    cron: str
    every_s: int


def _each_minutes(number: int) -> Schedule:
    return Schedule(f"*/{number} * * * *", number * 60)


def _hourly(minute: int) -> Schedule:
    return Schedule(f"{minute} * * * *", 3600)


def _daily(hour: int, minute: int) -> Schedule:
    return Schedule(f"{minute} {hour} * * *", 86_400)


@dataclass(frozen=True, slots=True)
class Kind:
    """A job's public name, its queue, its place in it (higher goes first), and for a
    periodic one its schedule."""

    name: str
    queue: str
    priority: int
    schedule: Schedule | None = None


class Job(Enum):
    """Every job there is. OFFERS_EXPIRE is `offers.expire` in the queue, and the
    function `offers_expire` in `handlers/` does it."""

    PUSH_SEND = Kind("push.send", "push", 10)
    OFFERS_EXPIRE = Kind("offers.expire", "match", 7)
    SEARCH_RUN = Kind("search.run", "match", 5)
    RESETS_BEGIN = Kind("resets.begin", "push", 5)
    RESETS_MAIL = Kind("resets.mail", "push", 5)
    INVITATIONS_MAIL = Kind("invitations.mail", "push", 5)
    SEARCH_OFFER_NEXT = Kind("search.offer_next", "match", 5)
    LEASES_LAPSE = Kind("leases.lapse", "maint", 0, _each_minutes(1))
    OFFERS_SWEEP = Kind("offers.sweep", "maint", 0, _each_minutes(1))
    LOCKOUTS_PRUNE = Kind("lockouts.prune", "maint", 0, _each_minutes(15))
    POSITIONS_PARTITION = Kind("positions.partition", "maint", 0, _hourly(7))
    AUDIT_SIGN_HEADS = Kind("audit.sign_heads", "maint", 0, _daily(2, 23))
    IDEMPOTENCY_PRUNE = Kind("idempotency.prune", "maint", 0, _hourly(27))
    LIMITS_PRUNE = Kind("limits.prune", "maint", 0, _each_minutes(10))
    CREDENTIALS_PRUNE = Kind("credentials.prune", "maint", 0, _daily(3, 31))
    PUSHES_PRUNE = Kind("pushes.prune", "maint", 0, _hourly(37))
    SEARCHES_PRUNE = Kind("searches.prune", "maint", 0, _daily(3, 47))
    JOBS_RESCUE = Kind("jobs.rescue", "maint", 0, _each_minutes(1))
    JOBS_PRUNE = Kind("jobs.prune", "maint", 0, _daily(3, 17))


class RunLater(Exception):
    """The job's work is not done: do it again in `wait_s` seconds, as often as asked.

    That is a new job and no retry, so that retries count the bugs only.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"again in {wait_s:.0f} s")
        self.wait_s = wait_s


PERIODIC = {job: it for job in Job if (it := job.value.schedule) is not None}
"""The jobs that the clock asks for."""


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
    if once is None:
        return _write(session, job, [arguments], at=at)[0]
    try:
        # A savepoint: a refused duplicate must not poison the caller's transaction.
        # It is set when the session is asked for its connection, and not before.
        with session.begin_nested():
            return _write(session, job, [arguments], once=once, at=at)[0]
    except AlreadyEnqueued:
        return None


def enqueue_each(
    session: Session, job: Job, each: Sequence[dict[str, Any]]
) -> list[int]:
    """Write a job for each of these arguments in one statement; return their ids."""
    return _write(session, job, each) if each else []


def _write(
    session: Session,
    job: Job,
    each: Sequence[dict[str, Any]],
    *,
    once: str | None = None,
    at: datetime | None = None,
) -> list[int]:
    kind = job.value
    trace_id = get_contextvars().get("trace_id")
    raw = session.connection().connection.driver_connection
    assert isinstance(raw, Connection)
    return _enqueuer.configure_task(
        kind.name,
        connection=raw,
        queue=kind.queue,
        priority=kind.priority,
        queueing_lock=once,
        schedule_at=at,
    ).batch_defer(*({"trace_id": trace_id} | arguments for arguments in each))
