"""Renew offers: a load that comes back to the market is offered again to the drivers
who had lost it."""

# scope: called by jobs, for one load.

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from freight.lifecycles import OPEN_OFFERS
from geo.roads import Roads
from models.loads.assignments import Assignment
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from notifications.messages import MessageKind
from services.judging.judge import worth_taking
from services.kernel import events
from services.offers import ending
from services.offers.offers import is_open
from services.search import done, standing, waiting
from services.search.offer import (
    Chosen,
    OfferRules,
    announce,
    count_open,
    insert_offers,
    lock_free_driver,
    lock_free_loads,
)
from services.search.same_freight import Freight


def fallen_offers(session: Session, assignment_id: UUID) -> list[UUID]:
    """Return the offers of this assignment's load that fell, the oldest first.

    Also those that fell at an earlier booking: the load may have been reassigned, or
    booked again before this was asked. Only those that by their own time could still be
    accepted.
    """
    booked = session.get_one(Assignment, assignment_id)
    fell = ending.fallen(booked.load_id)
    return list(session.scalars(fell.with_only_columns(Offer.id)))


def renew(
    session: Session,
    rules: OfferRules,
    roads: Roads,
    *,
    offer_id: UUID,
    now: datetime,
) -> Offer | None:
    """Offer a load again to a driver whose offer of it fell; return the new offer.

    Makes none if the load is not on the market or has enough offers, if the driver is
    not free, has a newer search or an open offer of a duplicate, if they said
    "no more today" or their phones rang `rings_per_day` times, or if by now the load is
    not worth taking. A driver with as many offers as they may have loses the worst one,
    if it scores less. Safe to repeat: an offer is renewed once.

    None if the driver may not be rung now, and nothing stands by: the offer that fell
    had minutes to live. Their search goes on with other loads when they may.

    now: what the driver has and wants by then counts.

    Locks: the load, the driver, their last position, and the offer that makes room.
    """
    fell = session.get_one(Offer, offer_id)
    search = session.get_one(BackhaulSearch, fell.search_id)
    free = lock_free_loads(session, search, [fell.load_id], rules)
    its_driver = lock_free_driver(session, search)
    if not free or its_driver is None or _is_offered_again(session, fell):
        return None
    driver = its_driver.driver
    if waiting.rings(session, driver.id) >= rules.rings_per_day:
        return None
    if done.is_done_for_today(session, search):
        return None
    load = free[fell.load_id]
    again = worth_taking(session, search, driver, free, roads, now=now).get(load.id)
    has_open = Freight.offered(session, search, OPEN_OFFERS)
    if again is None or not has_open.takes(load.org_id, again):
        return None
    cause = events.server_cause(session)
    if its_driver.may_be_silent and standing.why_silent(
        session, driver, cause.occurred_at
    ):
        return None
    if count_open(session, driver.id) >= rules.per_driver:
        better = replace(cause, reason="a better load came back")
        below = again.score_cents
        if not ending.end_worst(session, driver.id, better, below_cents=below):
            return None
    chosen = Chosen(fell.rank, load, again)
    made = insert_offers(session, search, [chosen], rules, cause, renews_id=fell.id)
    announce(session, driver, made, MessageKind.OFFER_RENEWED, cause)
    return made[0] if made else None


def _is_offered_again(session: Session, fell: Offer) -> bool:
    again = select(Offer.id).where(
        Offer.load_id == fell.load_id,
        Offer.driver_id == fell.driver_id,
        or_(Offer.renews_id == fell.id, is_open()),
    )
    return session.scalar(again.limit(1)) is not None
