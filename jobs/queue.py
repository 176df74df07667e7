"""The procrastinate app, the names of the jobs, and enqueue()."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from psycopg import Connection
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
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
    """A job's public name, its queue and its priority there (higher runs first).

    queue: one of `jobs.work.slots`.
    schedule: of a periodic job.
    """

    name: str
    queue: str
    priority: int
    schedule: Schedule | None = None


class Job(Enum):
    """Every job there is.

    OFFERS_EXPIRE is called `offers.expire` in the queue, and the function
    `offers_expire` in `handlers/` does its work.
    """

    PUSH_SEND = Kind("push.send", "push", 10)
    OFFERS_EXPIRE = Kind("offers.expire", "match", 7)
    OFFERS_RENEW = Kind("offers.renew", "match", 6)
    SEARCH_RUN = Kind("search.run", "match", 5)
    # A person waits for the letter of a reset; an inviter may send many invitations.
    RESETS_BEGIN = Kind("resets.begin", "letters", 7)
    RESETS_MAIL = Kind("resets.mail", "letters", 7)
    INVITATIONS_MAIL = Kind("invitations.mail", "letters", 5)
    SEARCH_AFTER_END = Kind("search.after_end", "match", 5)
    # After the drops: who unloads has a load, and time.
    SEARCH_ARRIVED = Kind("search.arrived", "match", 4)
    SEARCH_REQUESTED = Kind("search.requested", "match", 5)
    SEARCH_OFFER_NEXT = Kind("search.offer_next", "match", 5)
    SEARCH_BEGIN_WAITING = Kind("search.begin_waiting", "match", 5)
    # Many loads may come at once, and each may wake several drivers. A load is looked
    # at before all of those whom another one woke are searched for: `wake.URGENT`.
    SEARCH_WAKE = Kind("search.wake", "wake", 3)
    SEARCH_WOKEN = Kind("search.woken", "wake", 2)
    SEARCH_WAKE_EACH = Kind("search.wake_each", "wake", 1)
    # What others wait for goes before what is only deleted.
    LEASES_LAPSE = Kind("leases.lapse", "maint", 2, _each_minutes(1))
    SEARCHES_GIVE_UP = Kind("searches.give_up", "maint", 2, _each_minutes(5))
    OFFERS_SWEEP = Kind("offers.sweep", "maint", 2, _each_minutes(1))
    LOCKOUTS_PRUNE = Kind("lockouts.prune", "maint", 0, _each_minutes(15))
    POSITIONS_PARTITION = Kind("positions.partition", "maint", 0, _hourly(7))
    AUDIT_CHAIN = Kind("audit.chain", "maint", 1, _each_minutes(1))
    AUDIT_SIGN_HEADS = Kind("audit.sign_heads", "maint", 0, _daily(2, 23))
    IDEMPOTENCY_PRUNE = Kind("idempotency.prune", "maint", 0, _hourly(27))
    LIMITS_PRUNE = Kind("limits.prune", "maint", 0, _each_minutes(10))
    CREDENTIALS_PRUNE = Kind("credentials.prune", "maint", 0, _daily(3, 31))
    PUSHES_PRUNE = Kind("pushes.prune", "maint", 0, _hourly(37))
    SEARCHES_PRUNE = Kind("searches.prune", "maint", 0, _daily(3, 47))
    TOMBSTONES_PRUNE = Kind("tombstones.prune", "maint", 0, _hourly(47))
    JOBS_RESCUE = Kind("jobs.rescue", "maint", 3, _each_minutes(1))
    JOBS_PRUNE = Kind("jobs.prune", "maint", 0, _daily(3, 17))


class RunLater(Exception):
    """Raised by a handler whose work is not done: run the job again after `wait_s`.

    May be raised any number of times. The next run is a new job and not a retry, so
    that only bugs count as retries.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"again in {wait_s:.0f} s")
        self.wait_s = wait_s


PERIODIC = {
    job: schedule for job in Job if (schedule := job.value.schedule) is not None
}
"""The jobs that run by the clock, with their schedules."""


def make_app(conninfo: str = "") -> App:
    """Return an app that can enqueue jobs; nothing connects yet."""
    return App(connector=PsycopgConnector(conninfo=conninfo))


_enqueuer = make_app()


def enqueue(
    session: Session,
    job: Job,
    *,
    once: str | None = None,
    at: datetime | None = None,
    priority: int | None = None,
    **arguments: Any,  # noqa: ANN401 - JSON values
) -> int | None:
    """Write the job as a row of the caller's transaction; return its id.

    The trace id bound to this context goes with it.

    once: a key. While a job with it waits, no second one is written; returns None.
    priority: None is that of its kind.
    """
    if once is None:
        return _write(session, job, [arguments], at=at, priority=priority)[0]
    try:
        # A savepoint: a refused duplicate must not poison the caller's transaction.
        # The session sets it only when it is asked for its connection, in `_write`.
        with session.begin_nested():
            return _write(
                session, job, [arguments], once=once, at=at, priority=priority
            )[0]
    except AlreadyEnqueued:
        return None


def enqueue_each(
    session: Session,
    job: Job,
    each: Sequence[dict[str, Any]],
    *,
    at: datetime | None = None,
    priority: int | None = None,
) -> list[int]:
    """Write a job for each of these arguments, in one statement; return their ids.

    priority: None is that of its kind.

    Raises: OperationalError, as a statement of the session's own would.
    """
    return _write(session, job, each, at=at, priority=priority) if each else []


# Chosen once: a subquery with a limit may be run again for each row, and then finds
# other rows each time.
TAKE_ALONG = text(
    """
    with chosen as materialized (
        select id from procrastinate_jobs
        where task_name = :name and status = 'todo' and priority = :priority
            and coalesce(scheduled_at, now()) <= now()
        order by id limit :most for update skip locked
    ), taken as (
        delete from procrastinate_jobs where id in (select id from chosen)
        returning id, args
    )
    select args - 'trace_id' from taken order by id
    """
)


def take_along(
    session: Session, job: Job, *, most: int, priority: int | None = None
) -> list[dict[str, Any]]:
    """Take other jobs of this kind from the queue that could run now; return their
    arguments, oldest first.

    They are done with the caller's transaction, or not at all: if it fails, they are
    in the queue as before.
    """
    wanted = job.value.priority if priority is None else priority
    asked = {"name": job.value.name, "priority": wanted, "most": most}
    return list(session.scalars(TAKE_ALONG, asked))


def _write(
    session: Session,
    job: Job,
    each: Sequence[dict[str, Any]],
    *,
    once: str | None = None,
    at: datetime | None = None,
    priority: int | None = None,
) -> list[int]:
    kind = job.value
    trace_id = get_contextvars().get("trace_id")
    raw = session.connection().connection.driver_connection
    assert isinstance(raw, Connection)
    task = _enqueuer.configure_task(
        kind.name,
        connection=raw,
        queue=kind.queue,
        priority=kind.priority if priority is None else priority,
        queueing_lock=once,
        schedule_at=at,
    )
    try:
        return task.batch_defer(
            *({"trace_id": trace_id} | arguments for arguments in each)
        )
    except ConnectorException as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.OperationalError):
            raise OperationalError(None, None, cause) from error
        raise
