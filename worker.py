"""The job process: which function does which job, and the periodic schedule."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID

from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job as QueuedJob
from prometheus_client import start_http_server
from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

import rescue
from db import DatabaseRole, Hand, Session
from geo.roads import EstimatedRoads
from jobs import PERIODIC, Job, enqueue, make_worker_app, work
from mailing import PostOffice, make_post_office
from notifications.gateway import QUOTA_WAIT_S, Gateway
from notifications.sender import ALARMS, attempt
from pushing import make_gateway
from rescue import note_success
from services import (
    audit,
    backhaul,
    idempotency,
    leases,
    limits,
    lockouts,
    offers,
    positions,
    pushes,
    retention,
)
from services.audit import Seal
from services.backhaul import SearchRules
from services.events import Cause
from services.retention import Retention
from start import (
    clear_failures,
    connect,
    seal,
    settings_from_environment,
)
from telemetry import (
    JOB_SECONDS,
    JOBS,
    PUSHES,
    log,
    traced,
)

MOST_ATTEMPTS = 5


class RunLater(Exception):
    """The job's work is not done: do it again in `wait_s` seconds, as often as asked.

    That is a new job and no retry, so that retries count the bugs only.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Retry(BaseRetryStrategy):
    """A bug is given a few chances, then the job is failed and kept.

    first_s: the first wait; the others double.
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


class Handlers:
    """Every job's function; each opens and commits its own transactions."""

    def __init__(
        self,
        rules: SearchRules,
        gateway: Gateway,
        seal: Seal,
        post: PostOffice | None = None,
        kept: Retention = Retention(),  # noqa: B008 - frozen
    ) -> None:
        self.rules = rules
        self.gateway = gateway
        self.seal = seal
        self.post = post
        self.kept = kept
        self.rng = Random()

    def push_send(self, push_id: str) -> None:
        """One attempt for one device; the provider is called outside transactions."""
        try:
            with Session.begin() as session:
                envelope = pushes.due(session, UUID(push_id))
        except pushes.TooSoon as early:
            raise RunLater(early.wait_s) from None
        if envelope is None:
            return
        result = attempt(self.gateway, envelope, self.rng)
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

    def backhaul_search(self, stop_id: str, driver_id: str) -> None:
        """Search for a way home and offer it."""
        with Session.begin() as session:
            backhaul.search_home(
                session,
                self.rules,
                stop_id=UUID(stop_id),
                driver_id=UUID(driver_id),
                now=utcnow(),
            )

    def backhaul_next(self, search_id: str) -> None:
        """Offer the next load of a sequential search."""
        with Session.begin() as session:
            backhaul.offer_next(
                session, self.rules, search_id=UUID(search_id), now=utcnow()
            )

    def offers_expire(self) -> None:
        """End the offers whose time is over."""
        _in_batches(lambda session: offers.expire(session, Cause(utcnow())))

    def loads_lapse(self) -> None:
        """Mark the loads whose lease or pickup window is over."""
        _in_batches(lambda session: leases.lapse(session, now=utcnow()))

    def mail_invitation(self, invitation_id: str) -> None:
        """Send the letter of an invitation; without a mail server, nothing."""
        if self.post is not None:
            _later(self.post.invite(UUID(invitation_id), utcnow()))

    def password_reset(self, login: str) -> None:
        """Make the reset that was asked for; without a mail server, nothing."""
        if self.post is not None:
            self.post.begin_reset(login, utcnow())

    def mail_reset(self, reset_id: str) -> None:
        """Send the letter of a password reset."""
        if self.post is not None:
            _later(self.post.reset(UUID(reset_id), utcnow()))

    def sign_ins_prune(self) -> None:
        """Forget the failed sign-ins that lock nobody any more."""
        with Session.begin() as session:
            lockouts.forget_old(session, now=utcnow())

    def positions_partition(self) -> None:
        """Make the coming days' partitions, drop the oldest."""
        with Session.begin() as session:
            positions.make_partitions(session, now=utcnow())

    def audit_sign(self) -> None:
        """Sign the heads of the audit chains. The log is shipped away from here."""
        with Session.begin() as session:
            for signature in audit.sign_heads(session, self.seal, now=utcnow()):
                log().info("audit.head", **audit.to_record(signature))

    def idempotency_prune(self) -> None:
        """Forget the answers that nobody will ask for again."""
        _in_batches(lambda session: idempotency.prune(session, now=utcnow()))

    def limits_prune(self) -> None:
        """Forget who has not asked for a while."""
        _in_batches(limits.prune)

    def credentials_prune(self) -> None:
        """Forget the invitations, resets and sign-ins that ended long ago."""
        self._prune(retention.prune_credentials)

    def pushes_prune(self) -> None:
        """Forget the pushes that ended long ago."""
        self._prune(retention.prune_pushes)

    def searches_prune(self) -> None:
        """Forget the old searches that offered nothing."""
        self._prune(retention.prune_searches)

    def _prune(self, batch: Callable[..., int]) -> None:
        _in_batches(lambda session: batch(session, self.kept, now=utcnow()))


def _in_batches(batch: Callable[[OrmSession], int]) -> None:
    """Repeat until nothing is left to do, each batch in a transaction of its own."""
    more = 1
    while more:
        with Session.begin() as session:
            more = batch(session)


def _later(wait_s: float | None) -> None:
    if wait_s is not None:
        raise RunLater(wait_s)


def functions(handlers: Handlers) -> dict[Job, Callable[..., None]]:
    """Return which function does which job."""
    return {
        Job.PUSH_SEND: handlers.push_send,
        Job.BACKHAUL_SEARCH: handlers.backhaul_search,
        Job.BACKHAUL_NEXT: handlers.backhaul_next,
        Job.OFFERS_EXPIRE: handlers.offers_expire,
        Job.OFFERS_SWEEP: handlers.offers_expire,
        Job.LOADS_LAPSE: handlers.loads_lapse,
        Job.MAIL_INVITATION: handlers.mail_invitation,
        Job.PASSWORD_RESET: handlers.password_reset,
        Job.MAIL_RESET: handlers.mail_reset,
        Job.SIGN_INS_PRUNE: handlers.sign_ins_prune,
        Job.POSITIONS_PARTITION: handlers.positions_partition,
        Job.AUDIT_SIGN: handlers.audit_sign,
        Job.IDEMPOTENCY_PRUNE: handlers.idempotency_prune,
        Job.LIMITS_PRUNE: handlers.limits_prune,
        Job.CREDENTIALS_PRUNE: handlers.credentials_prune,
        Job.PUSHES_PRUNE: handlers.pushes_prune,
        Job.SEARCHES_PRUNE: handlers.searches_prune,
    }


def register(app: App, handlers: Handlers) -> None:
    """Make every job known to the worker, with its schedule."""
    for job, function in functions(handlers).items():
        task = app.task(
            name=job.value.name,
            queue=job.value.queue,
            priority=job.value.priority,
            # The next tick is the retry of a periodic job. One that waited for its
            # own could not be written: the tick's has the queueing lock.
            retry=_retry_of(job),
        )(_observed(job, function))
        if job in PERIODIC:
            app.periodic(cron=PERIODIC[job].cron, queueing_lock=job.value.name)(task)
    rescue.register(app)


def _retry_of(job: Job) -> Retry | bool:
    if job is Job.PUSH_SEND:
        # Nobody knows what became of the attempt: the provider is not pressed.
        return Retry(QUOTA_WAIT_S)
    return Retry() if job not in PERIODIC else False


def _observed(job: Job, function: Callable[..., None]) -> Callable[..., None]:
    """Bind the trace id, count, time and log each run."""

    def run(*, trace_id: str | None = None, **arguments: Any) -> None:  # noqa: ANN401
        # Periodic jobs are handed the tick they stand for; ours look at the clock.
        arguments.pop("timestamp", None)
        name = job.value.name
        started = perf_counter()
        with traced(trace_id):
            try:
                function(**arguments)
            except RunLater as later:
                JOBS.labels(name, "later").inc()
                _put_off(job, later.wait_s, arguments)
                return
            except Exception as error:
                JOBS.labels(name, "failed").inc()
                log().error("job.failed", job=name, exc_info=error)
                raise
            JOBS.labels(name, "done").inc()
            JOB_SECONDS.labels(name).observe(perf_counter() - started)
            if job in PERIODIC:
                note_success(job)

    return run


def _put_off(job: Job, wait_s: float, arguments: dict[str, Any]) -> None:
    """Enqueue the job again, once: should we die before this one is finished, it runs
    again too, and must not go on beside the other."""
    once = " ".join([job.value.name, *map(str, arguments.values())])
    with Session.begin() as session:
        now = session.scalars(select(func.clock_timestamp())).one()
        at = now + timedelta(seconds=wait_s)
        enqueue(session, job, once=once, at=at, **arguments)


@clear_failures
def main() -> None:
    """Work until SIGTERM; jobs in hand are finished, a lost database is waited for."""
    settings = settings_from_environment()
    gateway = make_gateway(settings)
    connect(settings, hand=Hand.SERVER)
    rules = SearchRules.of(settings, EstimatedRoads())
    post = make_post_office(settings)
    kept = Retention.of(settings)
    handlers = Handlers(rules, gateway, seal(settings), post, kept)
    handlers.positions_partition()
    app = make_worker_app(settings.DATABASE_URL, role=DatabaseRole.WORKER)
    register(app, handlers)
    if settings.WORKER_METRICS_PORT:
        start_http_server(settings.WORKER_METRICS_PORT)
    log().info("worker.started", concurrency=settings.WORKER_CONCURRENCY)
    work(
        app,
        concurrency=settings.WORKER_CONCURRENCY,
        on_lost=lambda error: log().error("worker.database_lost", error=error),
    )


if __name__ == "__main__":
    main()
