"""Upkeep of the queue: jobs of dead workers, missed periodic jobs, old failures."""

from asyncio import to_thread

from handlers.supplies import Handlers, Supplies
from jobs import Job, rescue
from runtime.db import Session
from runtime.telemetry import log
from services.upkeep import periodic


async def jobs_rescue(supplies: Supplies) -> None:
    """Let the jobs of dead workers run again, and those that would be lost; enqueue
    missed periodic jobs."""
    await rescue.give_back(supplies.queue)
    await rescue.give_back_failed(supplies.queue)
    await to_thread(_make_up_ticks)


async def jobs_prune(supplies: Supplies) -> None:
    """Delete the jobs that failed or were cancelled over a month ago."""
    await rescue.prune(supplies.queue)


def _make_up_ticks() -> None:
    with Session.begin() as session:
        for job in periodic.make_up(session):
            log().warning("job.made_up", job=job.value.name)


JOBS: Handlers = {Job.JOBS_RESCUE: jobs_rescue, Job.JOBS_PRUNE: jobs_prune}
