"""Ending offers that were not answered: lost, withdrawn, superseded, expired."""

# scope: jobs, and use cases that have locked the load or the driver.

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from freight.lifecycles import OfferAct
from jobs import Job, enqueue_each
from models.loads.assignments import Assignment, AssignmentStatus
from models.offers.offers import Offer
from notifications import outbox
from notifications.messages import MessageKind
from runtime.config import Strategy
from services.kernel import moves
from services.kernel.events import Cause
from services.offers.offers import is_open

TELL = {
    OfferAct.LOSE: MessageKind.OFFER_LOST,
    OfferAct.WITHDRAW: MessageKind.OFFER_WITHDRAWN,
    OfferAct.SUPERSEDE: MessageKind.OFFER_WITHDRAWN,
}
"""The message that tells the phone that an offer ended. There is none for an expiry:
the phone knows when the offer expires."""

NEWS_TTL = timedelta(hours=1)


def end_for_load(
    session: Session,
    load_id: UUID,
    act: OfferAct,
    cause: Cause,
    *,
    except_id: UUID | None = None,
) -> list[Offer]:
    """End the load's open offers, except `except_id`, and tell their phones.

    The drivers did not decline, so each of them is offered the next best load of their
    search instead, unless its strategy is direct (one offer only).

    Locks: the offers, in id order; the caller has locked the load.
    """
    query = (
        select(Offer)
        .where(Offer.load_id == load_id, is_open(), Offer.id != except_id)
        .order_by(Offer.id)
        .with_for_update()
    )
    ended = _end(session, list(session.scalars(query)), act, cause)
    _ask_for_next(session, ended, {Strategy.SEQUENTIAL, Strategy.BROADCAST})
    return ended


def end_for_driver(
    session: Session,
    driver_id: UUID,
    act: OfferAct,
    cause: Cause,
    *,
    except_id: UUID | None = None,
    except_search_id: UUID | None = None,
) -> list[Offer]:
    """End the driver's open offers, except those excluded, and tell their phones.

    Locked offers are skipped. Waiting for them could deadlock, when two drivers accept
    each other's second choice. A skipped offer is ended by the transaction that has
    locked it, by `end_left_over` or by its expiry; a driver with a load cannot accept
    it.

    Locks: the offers that are not locked.
    """
    query = (
        select(Offer)
        .where(
            Offer.driver_id == driver_id,
            is_open(),
            Offer.id != except_id,
            Offer.search_id != except_search_id,
        )
        .order_by(Offer.id)
        .with_for_update(skip_locked=True)
    )
    return _end(session, list(session.scalars(query)), act, cause)


def end_left_over(session: Session, cause: Cause, *, most: int = 500) -> list[Offer]:
    """Supersede the open offers of drivers who have a load; return them.

    These are the offers that `end_for_driver` skipped; at most `most` at once. Safe to
    repeat. Locks: those offers that are not locked.
    """
    carried = select(Assignment.id).where(
        Assignment.driver_id == Offer.driver_id,
        Assignment.status == AssignmentStatus.ACTIVE,
    )
    query = (
        select(Offer)
        .where(is_open(), exists(carried))
        .order_by(Offer.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return _end(session, list(session.scalars(query)), OfferAct.SUPERSEDE, cause)


def end_one(session: Session, offer: Offer, act: OfferAct, cause: Cause) -> None:
    """End one offer and tell the driver's phones. The caller has locked the offer.

    Raises: OfferMoveRefused.
    """
    _end(session, [offer], act, cause)


def expire(session: Session, cause: Cause) -> int:
    """End the offers whose time is over; sequential searches go on (a job).

    Open offers of drivers who have got a load are superseded. Safe to repeat; returns
    how many offers ended.
    """
    left_over = end_left_over(session, cause)
    return len(left_over) + len(end_expired(session, cause))


def end_expired(session: Session, cause: Cause, *, most: int = 500) -> list[Offer]:
    """End the offers whose time ran out by the database's clock; return them.

    Sequential searches go on with their next best load. At most `most` offers end at
    once. Safe to repeat. Locks: those offers that are not locked; an offer that is
    being answered is skipped.
    """
    query = (
        select(Offer)
        .where(is_open(), Offer.expires_at <= func.now())
        .order_by(Offer.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ended = _end(session, list(session.scalars(query)), OfferAct.EXPIRE, cause)
    _ask_for_next(session, ended, {Strategy.SEQUENTIAL})
    return ended


def ask_for_next(session: Session, offer: Offer) -> None:
    """Enqueue the next offer of the search, if its strategy is sequential."""
    _ask_for_next(session, [offer], {Strategy.SEQUENTIAL})


def _ask_for_next(
    session: Session, offers: Iterable[Offer], strategies: Collection[Strategy]
) -> None:
    # Without `once`: two transactions that each end an offer of the other's search
    # would wait for each other's key. A surplus job finds no room and does nothing.
    searches = [
        {"search_id": str(offer.search_id)}
        for offer in offers
        if offer.strategy in strategies
    ]
    enqueue_each(session, Job.SEARCH_OFFER_NEXT, searches)


def _end(
    session: Session, offers: list[Offer], act: OfferAct, cause: Cause
) -> list[Offer]:
    if not offers:
        return offers
    began_at, now = session.execute(select(func.now(), func.clock_timestamp())).one()
    for offer in offers:
        moves.move_offer(session, offer, act, cause)
        offer.ended_at = now
    # One flush for all offers, because the load stays locked meanwhile.
    session.flush()
    if act in TELL:
        outbox.put_each(
            session,
            TELL[act],
            [(offer.driver_id, offer.id) for offer in offers],
            expires_at=began_at + NEWS_TTL,
        )
    return offers
