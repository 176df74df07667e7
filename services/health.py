"""Whether this process can do its work."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

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
        schema = session.scalar(text("select version_num from alembic_version"))
        oldest_s = round(float(session.scalar(OLDEST_JOB) or 0), 1)
    except SQLAlchemyError as error:
        return {"status": "not ready", "reason": f"database: {type(error).__name__}"}
    state = {"status": "ok", "schema": schema, "oldest_job_s": oldest_s}
    if schema != schema_head:
        return state | {
            "status": "not ready",
            "reason": f"schema is not {schema_head}: run `make migrate`",
        }
    if oldest_s > TOO_OLD_S:
        # Not a reason to take the web servers away from the phones: it is said, and
        # the operator's alert is on it.
        return state | {"reason": "jobs are waiting: is a worker running?"}
    return state
