"""A day that is played in minutes: its time passes in leaps while no job runs."""

import time
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import LiteralString, Self

import psycopg

from bench.patience import PATIENCE_S
from bench.queue import NO_JOB_STARTS

LOOK_EVERY_S = 0.01

WORK = """
    select (select count(*) from procrastinate_jobs
             where queue_name <> 'maint' and (status = 'doing'
                or status = 'todo' and coalesce(scheduled_at, now()) <= now()))
         + (select count(*) from pushes where status = 'queued')
"""
NEXT = """
    select extract(epoch from min(scheduled_at) - now())::float8
    from procrastinate_jobs where queue_name <> 'maint' and status = 'todo'
"""
RUNNING = "select count(*) from procrastinate_jobs where status = 'doing'"

LEAP: tuple[LiteralString, ...] = (
    "update procrastinate_jobs set scheduled_at = scheduled_at - %(step)s,"
    " args = case when args ? 'since' then jsonb_set(args, '{since}',"
    " to_jsonb((args->>'since')::timestamptz - %(step)s)) else args end"
    " where queue_name <> 'maint' and status = 'todo'",
    "update waiting_drivers set since = since - %(step)s, free_at = free_at - %(step)s,"
    " due_at = due_at - %(step)s",
    "update offers set created_at = created_at - %(step)s,"
    " expires_at = expires_at - %(step)s, responded_at = responded_at - %(step)s",
    "update last_positions set corrected_at = corrected_at - %(step)s",
    "update backhaul_searches set searched_at = searched_at - %(step)s"
    " where load_ids is not null",
    """select pg_notify('procrastinate_queue_v1#match',
        '{"type": "job_inserted", "job_id": 0}')""",
)
"""What drivers who wait, their offers and the jobs about them know of time becomes
older. The loads stay as they are: their windows exclude nothing, and none of them is
on the market for longer than its lease. The notice is for jobs that are due now."""


class Clock:
    """The clock of the day: the machine's time and all leaps.

    begins_at: what it shows now, in seconds since the epoch.
    """

    def __init__(self, database_url: str, begins_at: float) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        self._leaps: list[tuple[float, float]] = [(0.0, begins_at - time.time())]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def now(self) -> float:
        """Return what the clock shows."""
        return self.at(time.time())

    def at(self, real: float) -> float:
        """Return what it showed at a time of the machine's clock."""
        return real + sum(leap for at, leap in self._leaps if at <= real)

    def wait_until_idle(self) -> None:
        """Wait until no job is due or running and no push is queued.

        Raises: TimeoutError.
        """
        deadline = time.monotonic() + PATIENCE_S
        while left := self._number(WORK):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left:.0f} jobs and pushes are left")
            time.sleep(LOOK_EVERY_S)

    def leap(self, until: float) -> None:
        """Pass the time until the next job is due, but not beyond `until`.

        Only while the queue is idle. Returns at once if it is later than `until`.
        """
        step_s = until - self.now()
        due_in_s = self._number(NEXT)
        if due_in_s is not None:
            step_s = min(step_s, due_in_s)
        if step_s <= 0:
            return
        with suppress(_Busy), self._connection.transaction():
            self._connection.execute(NO_JOB_STARTS)
            if self._number(RUNNING):
                raise _Busy
            for statement in LEAP:
                step = timedelta(seconds=step_s)
                self._connection.execute(statement, {"step": step})
            self._leaps.append((time.time(), step_s))

    def _number(self, query: LiteralString) -> float | None:
        row = self._connection.execute(query).fetchone()
        return None if row is None else row[0]


class _Busy(Exception):
    """A job has begun: what it read before would belong to another time."""
