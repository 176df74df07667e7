"""Which periodic jobs have succeeded, and which are late."""

# scope: the server's own jobs, of no company.

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import PERIODIC, Job, enqueue
from models.kernel.periodic import PeriodicRun

SLACK_S = 60
"""A job is late only this long after it should have succeeded again."""

AT_WORK = text("select task_name from procrastinate_jobs where status = 'doing'")


def note_success(session: Session, job: Job) -> None:
    """Record that the job has just succeeded. Safe to repeat."""
    done = insert(PeriodicRun).values(
        job=job.value.name, last_success_at=func.clock_timestamp()
    )
    session.execute(
        done.on_conflict_do_update(
            index_elements=[PeriodicRun.job],
            set_={"last_success_at": done.excluded.last_success_at},
        )
    )


def ages_s(session: Session) -> dict[Job, float | None]:
    """Return the seconds since each periodic job's last success; None if none yet."""
    age_s = func.extract("epoch", func.clock_timestamp() - PeriodicRun.last_success_at)
    found = dict(session.execute(select(PeriodicRun.job, age_s)).all())
    return {
        job: None if (age := found.get(job.value.name)) is None else float(age)
        for job in PERIODIC
    }


def make_up(session: Session) -> list[Job]:
    """Enqueue the periodic jobs whose last run was missed or failed; return them.

    In a new database that is all of them: so a daily job does not need a day before it
    is known to work. Safe to repeat: at most one of each job waits, and none is
    enqueued while the job runs.
    """
    busy = set(session.scalars(AT_WORK))
    late = [
        job
        for job, age_s in ages_s(session).items()
        if age_s is None or age_s > PERIODIC[job].every_s + SLACK_S
    ]
    return [
        job
        for job in late
        if job.value.name not in busy
        and enqueue(session, job, once=job.value.name) is not None
    ]
