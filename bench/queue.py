"""The job queue for a bench: wait until it is idle, let time pass, time a fetch."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import LiteralString

import psycopg
from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session

from bench.patience import PATIENCE_S
from bench.report import say
from jobs import Job, enqueue
from jobs.work import slots

LOOK_EVERY_S = 0.5
TOLD_EVERY_S = 15.0
HURRY_AFTER_S = 1.0
MINUTE_S = 60.0
FETCHES = 200

LEFT = """
    select (select count(*) from procrastinate_jobs where status in ('todo', 'doing')
              and queue_name <> 'maint' and task_name <> 'offers.expire')
         + (select count(*) from pushes where status = 'queued')
"""
WORK = """
    select count(*) from procrastinate_jobs
     where queue_name <> 'maint' and status = 'todo'
       and (scheduled_at is null or scheduled_at <= now())
"""
NO_JOB_STARTS = "lock table procrastinate_jobs in share row exclusive mode"
RUNNING = """
    select count(*) from procrastinate_jobs
     where status = 'doing'
       and worker_id > (select max(id) - %s from procrastinate_workers)
"""
TIME_PASSES: tuple[LiteralString, ...] = (
    "update procrastinate_workers set last_heartbeat = last_heartbeat - %(step)s"
    " where id <= (select max(id) - %(alive)s from procrastinate_workers)",
    "update pushes set next_attempt_at = next_attempt_at - %(step)s,"
    " expires_at = expires_at - %(step)s where status = 'queued'",
    "update procrastinate_jobs set scheduled_at = scheduled_at - %(step)s"
    " where status = 'todo' and task_name = 'push.send'",
)


def until_idle(url: str, hurry: Callable[[], object] | None = None) -> None:
    """Wait until no push is queued and no job is left.

    Periodic jobs and the jobs that expire offers do not count.

    hurry: called to let time pass when all jobs that are left wait for a later time.

    Raises: TimeoutError.
    """
    started = told = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        while left := _count(connection, LEFT):
            now = time.monotonic()
            if now - started > PATIENCE_S:
                raise TimeoutError(f"{left} jobs and pushes are left")
            if now - told > TOLD_EVERY_S:
                say(f"{left} jobs and pushes are left")
                told = now
            time.sleep(LOOK_EVERY_S)
            is_waiting = not _count(connection, WORK)
            if hurry and is_waiting and now - started > HURRY_AFTER_S:
                hurry()


def jobs_left(url: str) -> int:
    """Return how many jobs and queued pushes are left, as `until_idle` counts them."""
    with psycopg.connect(url, autocommit=True) as connection:
        return _count(connection, LEFT)


def time_passes(url: str, seconds: float) -> float | None:
    """Make dead workers' heartbeats, queued pushes and waiting push jobs older.

    Then enqueues the rescue. Returns when it was done, in seconds since the epoch; None
    if nothing was done as a job is running: what it read before, such as an expiry,
    would belong to another time than what it does next. No job runs meanwhile.

    For quick forms with one worker process: the newest one counts as alive, and the
    heartbeats of its queues stay.
    """
    alive = len(slots(1))
    with psycopg.connect(url) as connection:
        connection.execute(NO_JOB_STARTS)
        running = connection.execute(RUNNING, [alive]).fetchone()
        if running != (0,):
            return None
        for statement in TIME_PASSES:
            step = timedelta(seconds=seconds)
            connection.execute(statement, {"step": step, "alive": alive})
        done_at = time.time()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with Session(engine) as session, session.begin():
        enqueue(session, Job.JOBS_RESCUE)
    engine.dispose()
    return done_at


def fetch_ms(url: str, future_jobs: int) -> float:
    """Return the p95 of a fetch, ms, with `future_jobs` jobs that wait for tomorrow."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into procrastinate_jobs"
            " (queue_name, task_name, priority, scheduled_at)"
            " select 'push', 'push.send', 10, now() + interval '1 day'"
            " from generate_series(1, %s)",
            [future_jobs],
        )
        connection.execute("analyze procrastinate_jobs")
        took = []
        for _ in range(FETCHES):
            started = datetime.now(UTC)
            connection.execute("select procrastinate_fetch_job_v2(null, null)")
            took.append((datetime.now(UTC) - started).total_seconds() * 1000)
        connection.execute("delete from procrastinate_jobs where scheduled_at > now()")
    return round(quantiles(took, n=20)[-1], 2)


def _count(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()  # type: ignore[call-overload]
    return int(row[0]) if row else 0
