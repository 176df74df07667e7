"""A search goes on: the next loads of its list are offered."""

# scope: a job, for one search.

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import Job, enqueue
from models.offers.offers import Offer
from models.search.searches import (
    OF_ALL,
    BackhaulSearch,
    SearchOutcome,
    SearchTrigger,
)
from services.offers.offers import is_open
from services.search import adding, done, standing, waiting
from services.search.run import SearchRules


def offer_next(
    session: Session,
    rules: SearchRules,
    *,
    search_id: UUID,
    now: datetime,
    once_all_ended: bool = False,
    stands_by: bool = False,
) -> None:
    """Offer the search's next best loads that were not offered yet (a job).

    once_all_ended: not while an offer of the search is open.
    stands_by: only if loads of the search stand by.

    None if the driver said "no more today", or if their phones rang `rings_per_day`
    times: beyond that, only a drop or the loss of a load rings them. Safe to repeat.
    """
    if stands_by and not standing.stands_by(session, search_id):
        return
    search = session.get_one(BackhaulSearch, search_id)
    still_open = select(Offer.id).where(Offer.search_id == search_id, is_open())
    if once_all_ended and session.scalar(still_open.limit(1)) is not None:
        return
    if done.is_done_for_today(session, search):
        standing.leave(session, search)
        return
    if search.is_dry_run:
        _go_back(session, search)
    elif search.trigger in OF_ALL:
        # What stood by are the first offers of its search, to which no limit applies.
        is_first = search.outcome is SearchOutcome.STANDS_BY
        most = rules.offers.rings_per_day
        if is_first or waiting.rings(session, search.driver_id) < most:
            adding.extend(session, search, rules.offers, rules.roads, now=now)
        else:
            standing.leave(session, search)
        if search.trigger is SearchTrigger.ARRIVED:
            _go_back(session, search)
    elif not _add_next(session, rules, search, now):
        _go_back(session, search)


def _add_next(
    session: Session, rules: SearchRules, search: BackhaulSearch, now: datetime
) -> list[Offer]:
    is_asked_for = (
        search.trigger is SearchTrigger.REQUESTED
        and search.outcome is SearchOutcome.STANDS_BY
    )
    return adding.add(
        *(session, search, rules.offers, rules.roads),
        now=now,
        is_asked_for=is_asked_for,
    )


def _go_back(session: Session, search: BackhaulSearch) -> None:
    """Let the last search of all loads go on, if that is another: it may have lost its
    offers to better ones, or left those before its drop open (a job: it locks loads,
    and the driver is locked already)."""
    of_all = select(BackhaulSearch.id).where(
        BackhaulSearch.driver_id == search.driver_id, BackhaulSearch.trigger.in_(OF_ALL)
    )
    last = session.scalar(of_all.order_by(BackhaulSearch.id.desc()).limit(1))
    if last is not None and last != search.id:
        job = Job.SEARCH_OFFER_NEXT
        enqueue(session, job, search_id=str(last), once_all_ended=True)
