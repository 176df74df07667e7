"""Suspending a company from the market, and letting it back in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.lifecycles import OfferAct
from models.loads.loads import Load
from models.offers.offers import Offer
from models.people.organisations import Organisation
from services.kernel.events import Cause
from services.loads import market
from services.offers import ending
from services.offers.offers import is_open
from services.people import organisations


def suspend(
    session: Session, org_id: UUID, *, reason: str, now: datetime
) -> Organisation:
    """Refuse the company's people and hide its postings, from this commit on.

    Its loads keep their statuses, because searches and lists look at the company's
    standing. Loads that are being carried go on. `withdraw_offers` withdraws the open
    offers of its loads and those made to its drivers. Safe to repeat; the first reason
    stays.

    Locks: the company. Raises: NotFound.
    """
    organisation = organisations.locked(session, org_id)
    if organisation.suspended_at is None:
        organisation.suspended_at = now
        organisation.suspension_reason = reason
        organisations.record(
            session, org_id, "organisation.suspended", Cause(now, reason=reason)
        )
        session.flush()
    return organisation


def withdraw_offers(
    session: Session, org_id: UUID, *, now: datetime, most: int = 100
) -> int:
    """Withdraw open offers of the company's loads, and those made to its drivers.

    Takes at most `most` loads at a time and returns how many it took: call it until it
    returns 0. Safe to repeat.

    Locks: the loads in id order, then their offers.
    """
    # scope: the operator's command.
    concerned = (
        select(Offer.load_id)
        .join(Load, Load.id == Offer.load_id)
        .where(is_open(), (Load.org_id == org_id) | (Offer.org_id == org_id))
    )
    loads = session.scalars(
        select(Load)
        .where(Load.id.in_(concerned))
        .order_by(Load.id)
        .limit(most)
        .with_for_update()
    ).all()
    cause = Cause(now, reason="the company was suspended")
    for load in loads:
        if load.org_id == org_id:
            ending.end_for_load(session, load.id, OfferAct.WITHDRAW, cause)
            continue
        to_its_drivers = (
            select(Offer)
            .where(Offer.load_id == load.id, Offer.org_id == org_id, is_open())
            .order_by(Offer.id)
            .with_for_update()
        )
        for offer in session.scalars(to_its_drivers):
            ending.end_one(session, offer, OfferAct.WITHDRAW, cause)
    return len(loads)


def resume(session: Session, org_id: UUID, *, now: datetime) -> Organisation:
    """Let the company back in; postings with a running lease are on the market again,
    and come to the drivers who wait.

    Safe to repeat. Locks: the company. Raises: NotFound.
    """
    organisation = organisations.locked(session, org_id)
    if organisation.suspended_at is not None:
        organisation.suspended_at = organisation.suspension_reason = None
        organisations.record(session, org_id, "organisation.resumed", Cause(now))
        session.flush()
        market.came_back(session, org_id, now=now)
    return organisation
