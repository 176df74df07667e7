"""Searches: look for a way home and offer it, then offer the next load."""

from uuid import UUID

from handlers.supplies import Handlers, Supplies
from jobs import Job
from runtime.db import Session
from services.search import run


def search_run(supplies: Supplies, stop_id: str, driver_id: str) -> None:
    """Search for a way home and offer it."""
    with Session.begin() as session:
        run.search_home(
            session,
            supplies.rules,
            stop_id=UUID(stop_id),
            driver_id=UUID(driver_id),
            now=supplies.now(),
        )


def search_after_end(supplies: Supplies, assignment_id: str) -> None:
    """Search for a driver who lost a load."""
    with Session.begin() as session:
        run.search_after_end(
            session,
            supplies.rules,
            assignment_id=UUID(assignment_id),
            now=supplies.now(),
        )


def search_offer_next(
    supplies: Supplies, search_id: str, once_all_ended: bool = False
) -> None:
    """Offer the next load of a search."""
    with Session.begin() as session:
        run.offer_next(
            session,
            supplies.rules,
            search_id=UUID(search_id),
            now=supplies.now(),
            once_all_ended=once_all_ended,
        )


JOBS: Handlers = {
    Job.SEARCH_RUN: search_run,
    Job.SEARCH_AFTER_END: search_after_end,
    Job.SEARCH_OFFER_NEXT: search_offer_next,
}
