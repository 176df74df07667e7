"""Run the jobs of dead workers again; delete old failed jobs."""

from datetime import UTC, datetime

from procrastinate import App
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status

from runtime.telemetry import log

STALLED_S = 30
KEEP_FAILED_H = 30 * 24
MOST_RESCUES = 20
"""A stalled job with this many attempts is failed. A job that kills its worker would
otherwise do so every minute, for ever."""


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
            await manager.retry_job(job, retry_at=datetime.now(UTC))
        except UniqueViolation:
            await manager.finish_job(job, Status.FAILED, delete_job=True)
        except ConnectorException as error:
            # Its worker was only slow and has ended it. Go on with the other jobs.
            log().warning("job.not_rescued", job_id=job.id, reason=str(error))
            continue
        log().warning("job.rescued", job=job.task_name, job_id=job.id)


async def prune(app: App) -> None:
    """Delete jobs that failed or were cancelled more than KEEP_FAILED_H hours ago."""
    await app.job_manager.delete_old_jobs(
        nb_hours=KEEP_FAILED_H, include_failed=True, include_cancelled=True
    )
