"""Whether this process can do its work."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

SCHEMA = text(
    "select version_num, version_num = :head or"
    " coalesce(served[1] = version_num and :head = any(served), false) as serves_us"
    " from alembic_version, string_to_array(obj_description("
    "'alembic_version'::regclass, 'pg_class'), ' ') as served"
)
"""The schema's revision, and whether a release of revision `head` runs on it: the
table's comment has those that do, see `schema.served`."""

OLDEST_JOB = text(
    "select coalesce(extract(epoch from now() - min(coalesce(j.scheduled_at,"
    " (select max(e.at) from procrastinate_events e where e.job_id = j.id)))), 0)"
    " from procrastinate_jobs j"
    " where j.status = 'todo' and (j.scheduled_at is null or j.scheduled_at <= now())"
)
"""How long the oldest job that could run now has waited since it could, seconds."""

TOO_OLD_S = 300.0


def readiness(session: Session, schema_head: str) -> dict[str, Any]:
    """Return {status, schema, oldest_job_s, reason}, also for a dead database."""
    try:
        at = session.execute(SCHEMA, {"head": schema_head}).one()
        oldest_s = round(float(session.scalar(OLDEST_JOB) or 0), 1)
    except SQLAlchemyError as error:
        return {"status": "not ready", "reason": f"database: {type(error).__name__}"}
    state = {"status": "ok", "schema": at.version_num, "oldest_job_s": oldest_s}
    if not at.serves_us:
        return state | {
            "status": "not ready",
            "reason": f"schema is not {schema_head}: run `make migrate`",
        }
    if oldest_s > TOO_OLD_S:
        # Not a reason to take the web servers away from the phones: it is said, and
        # the operator's alert is on it.
        return state | {"reason": "jobs are waiting: is a worker running?"}
    return state
