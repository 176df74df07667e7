"""Offers: those whose time is over end, those that fell are renewed."""

from uuid import UUID

from handlers.supplies import Handlers, Supplies, in_batches
from jobs import Job
from runtime.db import Session
from services.kernel.events import Cause
from services.offers import ending
from services.search import renew


def offers_expire(supplies: Supplies) -> None:
    """End the offers whose time is over; queued to run when an offer expires."""
    in_batches(lambda session: ending.expire(session, Cause(supplies.now())))


def offers_sweep(supplies: Supplies) -> None:
    """End the offers whose time is over and that no `offers.expire` job has ended."""
    offers_expire(supplies)


def offers_renew(supplies: Supplies, assignment_id: str) -> None:
    """Offer a load that came back to the drivers whose offers fell at its bookings.

    Each driver in a transaction of their own: drivers are locked one at a time.
    """
    with Session.begin() as session:
        fallen = renew.fallen_offers(session, UUID(assignment_id))
    for offer_id in fallen:
        with Session.begin() as session:
            renew.renew(
                session,
                supplies.rules.offers,
                supplies.rules.roads,
                offer_id=offer_id,
                now=supplies.now(),
            )


JOBS: Handlers = {
    Job.OFFERS_EXPIRE: offers_expire,
    Job.OFFERS_RENEW: offers_renew,
    Job.OFFERS_SWEEP: offers_sweep,
}
