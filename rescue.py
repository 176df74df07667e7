"""The queue's own care: jobs of dead workers, missed ticks, old failures."""

from asyncio import to_thread
from datetime import UTC, datetime

from procrastinate import App
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status

from db import Session
from jobs import PERIODIC, Job
from services import periodic
from telemetry import log

STALLED_S = 30
KEEP_FAILED_H = 30 * 24
MOST_RESCUES = 20
"""A job that kills its worker would otherwise do so every minute, for ever."""


async def give_back(app: App) -> None:
    """Let the jobs of dead workers run again.

    A job whose queueing lock is taken is ended: the same work waits already. One that
    took worker after worker down with it is failed.
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
            # Its worker was only slow and has ended it; the others still wait.
            log().warning("job.not_rescued", job_id=job.id, reason=str(error))
            continue
        log().warning("job.rescued", job=job.task_name, job_id=job.id)


def note_success(job: Job) -> None:
    """Write down that a periodic job has done its work."""
    with Session.begin() as session:
        periodic.note_success(session, job)


def make_up_ticks() -> None:
    """Enqueue the periodic jobs that missed a tick: nobody ran, or they failed."""
    with Session.begin() as session:
        for job in periodic.make_up(session):
            log().warning("job.made_up", job=job.value.name)


def register(app: App) -> None:
    """Make both jobs known to the worker.

    No lock on the rescue: a killed rescuer would keep it.
    """

    async def rescue_stalled(timestamp: int = 0, trace_id: str | None = None) -> None:
        await give_back(app)
        await to_thread(make_up_ticks)
        await to_thread(note_success, Job.JOBS_RESCUE)

    async def prune(timestamp: int = 0, trace_id: str | None = None) -> None:
        await app.job_manager.delete_old_jobs(
            nb_hours=KEEP_FAILED_H, include_failed=True, include_cancelled=True
        )
        await to_thread(note_success, Job.JOBS_PRUNE)

    for job, function in ((Job.JOBS_RESCUE, rescue_stalled), (Job.JOBS_PRUNE, prune)):
        name = job.value.name
        task = app.task(name=name, queue=job.value.queue)(function)
        app.periodic(cron=PERIODIC[job].cron, queueing_lock=name)(task)
