"""Run the jobs of dead workers again, and failed ones whose work would be lost; delete
old failed jobs."""

from contextlib import suppress
from datetime import UTC, datetime

from procrastinate import App
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status

from jobs.queue import PERIODIC, Job
from runtime.telemetry import log

STALLED_S = 30
KEEP_FAILED_H = 30 * 24
MOST_ATTEMPTS = 5
"""A job that raises an exception so often is failed."""

MOST_RESCUES = 20
"""A stalled job with this many attempts is failed. A job that kills its worker would
otherwise do so every minute, for ever."""

OWED = (
    *(Job.SEARCH_WAKE, Job.SEARCH_WAKE_EACH, Job.SEARCH_WOKEN),
    *(Job.SEARCH_BEGIN_WAITING, Job.SEARCH_ARRIVED),
)
"""What these were to do is found by no other job: which loads came, and for whom; who
waits again, or unloads."""


async def give_back(app: App) -> None:
    """Let the jobs of dead workers run again.

    A job whose queueing lock is taken is deleted: the same work waits already. A job
    with MOST_RESCUES attempts is marked as failed. Safe to repeat. The rescue job has
    no lock: if its worker were killed, nothing would release the lock.
    """
    manager = app.job_manager
    stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S)
    for job in stalled:
        if job.attempts >= MOST_RESCUES:
            log().error("job.given_up", job=job.task_name, job_id=job.id)
            await manager.finish_job(job, Status.FAILED, delete_job=False)
            continue
        try:
            await _run_again(app, job)
        except UniqueViolation:
            await manager.finish_job(job, Status.FAILED, delete_job=True)


async def give_back_failed(app: App) -> None:
    """Let failed jobs run again whose work would be lost.

    These are jobs that failed before their last attempt: a worker of an older release
    took them, which does not know their names. And those of OWED that have fewer than
    MOST_RESCUES attempts. Periodic jobs run again by the clock. Safe to repeat.
    """
    known = {job.value.name: job for job in Job if job not in PERIODIC}
    for failed in await app.job_manager.list_jobs_async(status=Status.FAILED.value):
        job = known.get(failed.task_name)
        most = MOST_RESCUES if job in OWED else MOST_ATTEMPTS
        if job is not None and failed.attempts < most:
            # A job whose queueing lock is taken stays: the same work waits already.
            with suppress(UniqueViolation):
                await _run_again(app, failed)


async def _run_again(app: App, job: QueuedJob) -> None:
    try:
        await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
    except UniqueViolation:
        raise
    except ConnectorException as error:
        # Its worker was only slow and has ended it. Go on with the other jobs.
        log().warning("job.not_rescued", job_id=job.id, reason=str(error))
        return
    log().warning("job.rescued", job=job.task_name, job_id=job.id)


async def prune(app: App) -> None:
    """Delete jobs that failed or were cancelled more than KEEP_FAILED_H hours ago."""
    await app.job_manager.delete_old_jobs(
        nb_hours=KEEP_FAILED_H, include_failed=True, include_cancelled=True
    )
