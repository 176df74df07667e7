"""The worker process: the handlers of every job, their retries and schedules."""

from asyncio import to_thread
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any

from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job as QueuedJob
from prometheus_client import start_http_server
from sqlalchemy import func, select

from edges.mailing import make_post_office
from edges.pushing import make_gateway
from edges.roads import load_roads
from edges.start import (
    audit_key,
    clear_failures,
    connect,
    read_gauges,
    settings_from_environment,
)
from handlers import letters, loads, offers, push, queue, search, upkeep
from handlers.supplies import Handlers, Supplies
from handlers.upkeep import positions_partition
from jobs import PERIODIC, Job, RunLater, enqueue, make_worker_app, work
from jobs.rescue import MOST_ATTEMPTS
from jobs.turns import Turns
from notifications.gateway import QUOTA_WAIT_S
from runtime.config import Settings
from runtime.db import DatabaseRole, Hand, Session, lock_timeout_ms
from runtime.errors import CannotStart
from runtime.memory import keep_what_was_read, take_from_one_heap
from runtime.telemetry import GAUGES, JOB_SECONDS, JOBS, log, traced
from services.judging.situations import read_places
from services.market.market import Market
from services.search.run import SearchRules
from services.upkeep import periodic
from services.upkeep.retention import Retention

TURNS = Turns()

HANDLERS: Handlers = {
    **push.JOBS,
    **search.JOBS,
    **offers.JOBS,
    **loads.JOBS,
    **letters.JOBS,
    **upkeep.JOBS,
    **queue.JOBS,
}


class Retry(BaseRetryStrategy):
    """Run a failed job again, up to MOST_ATTEMPTS runs in all; then keep it as failed.

    first_s: the first wait; each later one is twice as long.
    """

    def __init__(self, first_s: float = 1.0) -> None:
        self.first_s = first_s

    def get_retry_decision(
        self, *, exception: BaseException, job: QueuedJob
    ) -> RetryDecision | None:
        if job.attempts + 1 >= MOST_ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": self.first_s * 2**job.attempts})


def utcnow() -> datetime:
    return datetime.now(UTC)


def functions(supplies: Supplies) -> dict[Job, Callable[..., Any]]:
    """Return the handlers, each with the supplies of this process."""
    return {job: partial(handler, supplies) for job, handler in HANDLERS.items()}


def register(app: App, supplies: Supplies) -> None:
    """Make every job known to the worker, with its schedule."""
    for job, function in functions(supplies).items():
        observed = _awaited if iscoroutinefunction(HANDLERS[job]) else _called
        task = app.task(
            name=job.value.name,
            queue=job.value.queue,
            priority=job.value.priority,
            # A periodic job is not retried: it runs again at its next tick. A retry
            # could not be written once that tick's job has the queueing lock.
            retry=_retry_of(job),
        )(observed(job, function))
        if job in PERIODIC:
            app.periodic(cron=PERIODIC[job].cron, queueing_lock=job.value.name)(task)


def _retry_of(job: Job) -> Retry | bool:
    if job is Job.PUSH_SEND:
        # The attempt may have reached the provider: wait as after a full quota.
        return Retry(QUOTA_WAIT_S)
    return Retry() if job not in PERIODIC else False


def _called(job: Job, function: Callable[..., None]) -> Callable[..., None]:
    """Wrap a job's function for the queue: observed, and put off on RunLater."""

    def run(*, trace_id: str | None = None, **arguments: Any) -> None:  # noqa: ANN401
        # Periodic jobs get the time of their tick; ours look at the clock.
        arguments.pop("timestamp", None)
        with TURNS.of(job.value.queue), _observed(job, trace_id) as started:
            try:
                function(**arguments)
            except RunLater as later:
                JOBS.labels(job.value.name, "later").inc()
                _put_off(job, later.wait_s, arguments)
            else:
                _conclude(job, started)

    return run


def _awaited(
    job: Job, function: Callable[..., Awaitable[None]]
) -> Callable[..., Awaitable[None]]:
    """Do the same for a job that maintains the queue, on the queue's own event loop."""

    async def run(timestamp: int = 0, trace_id: str | None = None) -> None:
        with _observed(job, trace_id) as started:
            await function()
            await to_thread(_conclude, job, started)

    return run


@contextmanager
def _observed(job: Job, trace_id: str | None) -> Iterator[float]:
    """Bind the trace id; count and log a failure. Yields when the run began."""
    with traced(trace_id):
        try:
            yield perf_counter()
        except Exception as error:
            JOBS.labels(job.value.name, "failed").inc()
            log().error("job.failed", job=job.value.name, exc_info=error)
            raise


def _conclude(job: Job, started: float) -> None:
    """Count a run that did its work; record the success of a periodic job."""
    JOBS.labels(job.value.name, "done").inc()
    JOB_SECONDS.labels(job.value.name).observe(perf_counter() - started)
    if job in PERIODIC:
        with Session.begin() as session:
            periodic.note_success(session, job)


def _put_off(job: Job, wait_s: float, arguments: dict[str, Any]) -> None:
    """Enqueue the job again, once.

    If the worker dies before this run is recorded as finished, the run is repeated and
    comes here again: the key keeps it from enqueueing a second job.
    """
    once = " ".join([job.value.name, *map(str, arguments.values())])
    with Session.begin() as session:
        now = session.scalars(select(func.clock_timestamp())).one()
        at = now + timedelta(seconds=wait_s)
        enqueue(session, job, once=once, at=at, **arguments)


def serve_metrics(settings: Settings) -> None:
    """Answer /metrics on WORKER_METRICS_HOST, from a thread of its own.

    Raises: CannotStart.
    """
    host, port = settings.WORKER_METRICS_HOST, settings.WORKER_METRICS_PORT
    try:
        start_http_server(port, host)
    except OSError as error:
        raise CannotStart(
            f"The worker cannot listen on {host}:{port} ({error.strerror}): correct"
            " WORKER_METRICS_HOST or WORKER_METRICS_PORT."
        ) from None


@clear_failures
def main() -> None:
    """Run jobs until SIGTERM; then running jobs finish. Waits for a lost database."""
    take_from_one_heap()
    settings = settings_from_environment()
    gateway = make_gateway(settings)
    connect(settings, hand=Hand.SERVER)
    app = make_worker_app(
        settings.DATABASE_URL,
        role=DatabaseRole.WORKER,
        lock_timeout_ms=lock_timeout_ms(settings),
        statement_timeout_ms=settings.STATEMENT_TIMEOUT_S * 1000,
    )
    roads = load_roads(settings.ROADS_CACHE_MB)
    supplies = Supplies(
        queue=app,
        rules=SearchRules.of(settings, roads, Market(roads)),
        gateway=gateway,
        audit_key=audit_key(settings),
        now=utcnow,
        post=make_post_office(settings),
        kept=Retention.of(settings),
    )
    positions_partition(supplies)
    read_places()
    supplies.rules.market.refresh()
    GAUGES.read = lambda: [*read_gauges(), *supplies.rules.market.readings()]
    register(app, supplies)
    if settings.WORKER_METRICS_PORT:
        serve_metrics(settings)
    keep_what_was_read()
    log().info("worker.started", concurrency=settings.WORKER_CONCURRENCY)
    work(
        app,
        concurrency=settings.WORKER_CONCURRENCY,
        on_lost=lambda error: log().error("worker.database_lost", error=error),
    )


if __name__ == "__main__":
    main()
