"""Offers: those whose time is over end."""

from handlers.supplies import Handlers, Supplies, in_batches
from jobs import Job
from services.kernel.events import Cause
from services.offers import ending


def offers_expire(supplies: Supplies) -> None:
    """End the offers whose time is over; queued to run when an offer expires."""
    in_batches(lambda session: ending.expire(session, Cause(supplies.now())))


def offers_sweep(supplies: Supplies) -> None:
    """End the offers whose time is over and that no `offers.expire` job has ended."""
    offers_expire(supplies)


JOBS: Handlers = {Job.OFFERS_EXPIRE: offers_expire, Job.OFFERS_SWEEP: offers_sweep}
