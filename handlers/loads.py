"""Loads: those whose lease is over leave the market."""

from handlers.supplies import Handlers, Supplies, in_batches
from jobs import Job
from services.loads import leases


def leases_lapse(supplies: Supplies) -> None:
    """Mark the loads whose lease or pickup window is over."""
    in_batches(lambda session: leases.lapse(session, now=supplies.now()))


JOBS: Handlers = {Job.LEASES_LAPSE: leases_lapse}
