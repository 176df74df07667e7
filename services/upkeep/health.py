"""Whether this process can do its work, and gauges of the server as a whole."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from jobs import PERIODIC, Job
from runtime.telemetry import Reading
from services.upkeep import periodic

SCHEMA = text(
    "select version_num, version_num = :head or"
    " coalesce(served[1] = version_num and :head = any(served), false) as serves_us"
    " from alembic_version, string_to_array(obj_description("
    "'alembic_version'::regclass, 'pg_class'), ' ') as served"
)
"""The schema's revision, and whether a release of revision `head` runs on it. The
table's comment lists the revisions whose releases do, see `migrating.served`."""

OLDEST_JOB = text(
    "select coalesce(extract(epoch from now() - min(coalesce(j.scheduled_at,"
    " (select max(e.at) from procrastinate_events e where e.job_id = j.id)))), 0)"
    " from procrastinate_jobs j"
    " where j.status = 'todo' and (j.scheduled_at is null or j.scheduled_at <= now())"
)
"""For how many seconds the oldest waiting job could already have run."""

TOO_OLD_S = 300.0


PATIENCE_S = 5.0
"""For how long the statements of one probe may run together: a later answer is of no
use. Waiting for a connection comes on top."""

UNTIL = text("select clock_timestamp() + make_interval(secs => :patience_s)")
LEFT = text(
    "select set_config('statement_timeout', greatest(1, 1000 * extract(epoch from"
    " cast(:until as timestamptz) - clock_timestamp()))::int::text, true)"
)
"""Sets what is left until then as the timeout of the next statement."""


def _bounded(session: Session) -> Callable[[], Session]:
    """Return a function that gives the session for one statement in the time left."""
    until = session.scalar(UNTIL, {"patience_s": PATIENCE_S})

    def asking() -> Session:
        session.execute(LEFT, {"until": until})
        return session

    return asking


def readiness(session: Session, schema_head: str) -> dict[str, Any]:
    """Return {status, schema, oldest_job_s, reason}, also if the database is down."""
    try:
        asking = _bounded(session)
        at = asking().execute(SCHEMA, {"head": schema_head}).one()
        oldest_s = round(float(asking().scalar(OLDEST_JOB) or 0), 1)
    except SQLAlchemyError as error:
        return {"status": "not ready", "reason": f"database: {type(error).__name__}"}
    state = {"status": "ok", "schema": at.version_num, "oldest_job_s": oldest_s}
    if not at.serves_us:
        return state | {
            "status": "not ready",
            "reason": f"schema is not {schema_head}: run `make migrate`",
        }
    if oldest_s > TOO_OLD_S:
        # Still ready: late jobs are no reason to take the web servers away from the
        # phones. The answer gives the reason, and an alert tells the operator.
        return state | {"reason": "jobs are waiting: is a worker running?"}
    return state


WAITING = text(
    "select j.queue_name, count(*), extract(epoch from now() - min(coalesce("
    "j.scheduled_at, (select max(e.at) from procrastinate_events e"
    " where e.job_id = j.id)))) from procrastinate_jobs j"
    " where j.status = 'todo' and (j.scheduled_at is null or j.scheduled_at <= now())"
    " group by 1"
)
FAILED = text(
    "select task_name, count(*) from procrastinate_jobs"
    " where status = 'failed' group by 1"
)
WORKERS = text(
    "select count(*) from procrastinate_workers"
    " where last_heartbeat > now() - interval '30 seconds'"
)
OLDEST_TRANSACTION = text("select oldest_transaction_s()")
LAST_ARCHIVED = text(
    "select extract(epoch from last_archived_time) from pg_stat_archiver"
)
NOW = text("select extract(epoch from clock_timestamp())")

DATABASE_UP = "backhaul_database_up"


def unavailable() -> list[Reading]:
    """Return the gauges that are known without the database: that it is down."""
    return [Reading(DATABASE_UP, "Whether the database answers.", {"": 0})]


def gauges(session: Session) -> list[Reading]:
    """Return the gauges of the server, from its tables: the same in every process.

    Raises: SQLAlchemyError if the database fails; the caller then uses `unavailable`.
    """
    asking = _bounded(session)
    found = [
        Reading(DATABASE_UP, "Whether the database answers.", {"": 1}),
        *_periodic_gauges(asking),
        *_queue_gauges(asking),
        Reading(
            "backhaul_wal_archived_timestamp_seconds",
            "When WAL was last archived; 0: never.",
            {"": float(asking().scalar(LAST_ARCHIVED) or 0)},
        ),
    ]
    oldest_s = asking().scalar(OLDEST_TRANSACTION)
    if oldest_s is not None:
        name = "backhaul_oldest_transaction_seconds"
        meaning = "Age of the server's oldest open transaction."
        found.append(Reading(name, meaning, {"": float(oldest_s)}))
    return found


def _periodic_gauges(asking: Callable[[], Session]) -> list[Reading]:
    now = float(asking().scalars(NOW).one())
    return [
        Reading(
            "backhaul_periodic_last_success_timestamp_seconds",
            "Last success of a periodic job; 0: never.",
            {
                job.value.name: 0 if age_s is None else now - age_s
                for job, age_s in periodic.ages_s(asking()).items()
            },
            "job",
        ),
        Reading(
            "backhaul_periodic_interval_seconds",
            "How often a periodic job runs.",
            {job.value.name: schedule.every_s for job, schedule in PERIODIC.items()},
            "job",
        ),
    ]


def _queue_gauges(asking: Callable[[], Session]) -> list[Reading]:
    queues = dict.fromkeys(sorted({job.value.queue for job in Job}), 0.0)
    names = dict.fromkeys((job.value.name for job in Job), 0.0)
    waiting = asking().execute(WAITING).all()
    failed = asking().execute(FAILED).all()
    return [
        Reading(
            "backhaul_jobs_waiting",
            "Jobs that could run now.",
            queues | {queue: float(number) for queue, number, _ in waiting},
            "queue",
        ),
        Reading(
            "backhaul_jobs_oldest_waiting_seconds",
            "How long the oldest waiting job could already have run.",
            queues | {queue: float(age_s or 0) for queue, _, age_s in waiting},
            "queue",
        ),
        Reading(
            "backhaul_jobs_failed",
            "Failed jobs that are kept.",
            names | {name: float(number) for name, number in failed},
            "job",
        ),
        Reading(
            "backhaul_workers",
            "Job processes with a heartbeat.",
            {"": float(asking().scalars(WORKERS).one())},
        ),
    ]
