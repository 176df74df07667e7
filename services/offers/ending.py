"""Ending offers that were not answered: lost, withdrawn, superseded, expired."""

# scope: jobs, and use cases that have locked the load or the driver.

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from freight.lifecycles import OfferAct, OfferStatus
from jobs import Job, enqueue_each
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.stops import Stop
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch, SearchTrigger
from notifications import outbox
from notifications.messages import MessageKind
from runtime.config import Strategy
from services.kernel import events, moves
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
    session: Session, load_id: UUID, act: OfferAct, cause: Cause
) -> list[Offer]:
    """End the load's open offers and tell their phones.

    The drivers did not decline, so each of them is offered the next best load of their
    search instead, unless its strategy is direct (one offer only).

    Locks: the offers, in id order; the caller has locked the load.
    """
    ended = _to_end(session, _of_load(load_id))
    _end(session, {act: ended}, cause)
    _ask_for_next(session, ended, {Strategy.SEQUENTIAL, Strategy.BROADCAST})
    return ended


def end_for_driver(
    session: Session,
    driver_id: UUID,
    act: OfferAct,
    cause: Cause,
    *,
    before_search_id: UUID | None = None,
) -> list[Offer]:
    """End the driver's open offers, and tell their phones.

    before_search_id: only the offers of earlier searches.

    Locked offers are skipped. Waiting for them could deadlock, when two drivers accept
    each other's second choice. A skipped offer is ended by the transaction that has
    locked it, by `end_left_over` or by its expiry; a driver with a load cannot accept
    it.

    Locks: the offers that are not locked.
    """
    query = _of_driver(driver_id)
    if before_search_id is not None:
        query = query.where(Offer.search_id < before_search_id)
    ended = _to_end(session, query, skip_locked=True)
    _end(session, {act: ended}, cause)
    return ended


def end_the_rest(
    session: Session, load_id: UUID, driver_id: UUID, cause: Cause, *won: UUID
) -> None:
    """End all open offers of a load and of the driver who got it, except those `won`.

    The load's offers are lost, as by `end_for_load`, the driver's others superseded, as
    by `end_for_driver`; together, as the load stays locked meanwhile. What the caller
    has changed is not flushed before.

    Locks: as those do.
    """
    with session.no_autoflush:
        lost = _to_end(session, _of_load(load_id).where(Offer.id.not_in(won)))
        others = _of_driver(driver_id).where(
            Offer.load_id != load_id, Offer.id.not_in(won)
        )
        idle = _to_end(session, others, skip_locked=True)
    _end(session, {OfferAct.LOSE: lost, OfferAct.SUPERSEDE: idle}, cause)
    _ask_for_next(session, lost, {Strategy.SEQUENTIAL, Strategy.BROADCAST})


def end_worst(
    session: Session, driver_id: UUID, cause: Cause, *, below_cents: int | None
) -> bool:
    """Supersede the driver's worst open offer; say whether there was one.

    below_cents: only one that scores less; None takes any.

    One that has expired is left to the sweep: it takes no place.

    Locks: that offer, if it is not locked.
    """
    query = _of_driver(driver_id).where(Offer.expires_at > func.now())
    if below_cents is not None:
        query = query.where(Offer.score_cents < below_cents)
    query = query.order_by(Offer.score_cents).limit(1)
    ended = _to_end(session, query, skip_locked=True)
    _end(session, {OfferAct.SUPERSEDE: ended}, cause)
    return bool(ended)


def fallen(load_id: UUID) -> Select[Offer]:
    """Return the load's offers that fell at any booking of it, and are still good.

    By their own time they could still be accepted. Left out are those of drivers who
    have had the load since they were offered it.
    """
    had_it = select(Assignment.id).where(
        Assignment.load_id == Offer.load_id,
        Assignment.driver_id == Offer.driver_id,
        Assignment.created_at >= Offer.created_at,
    )
    return (
        select(Offer)
        .where(
            Offer.load_id == load_id,
            Offer.status == OfferStatus.LOST,
            Offer.expires_at > func.now(),
            ~exists(had_it),
        )
        .order_by(Offer.id)
    )


def end_left_over(session: Session, cause: Cause, *, most: int = 500) -> list[Offer]:
    """Supersede the open offers of drivers who have a load; return them.

    These are the offers that `end_for_driver` skipped; at most `most` at once. Not
    those that were made before the drop of that load. Safe to repeat.

    Locks: those offers that are not locked.
    """
    unloads = (
        select(Stop.load_id)
        .join(BackhaulSearch, BackhaulSearch.stop_id == Stop.id)
        .where(
            BackhaulSearch.id == Offer.search_id,
            BackhaulSearch.trigger == SearchTrigger.ARRIVED,
        )
        .correlate(Offer)
    )
    carried = select(Assignment.id).where(
        Assignment.driver_id == Offer.driver_id,
        Assignment.status == AssignmentStatus.ACTIVE,
        Assignment.load_id.is_distinct_from(unloads.scalar_subquery()),
    )
    query = select(Offer).where(is_open(), exists(carried)).limit(most)
    ended = _to_end(session, query, skip_locked=True)
    _end(session, {OfferAct.SUPERSEDE: ended}, cause)
    return ended


def end_one(session: Session, offer: Offer, act: OfferAct, cause: Cause) -> None:
    """End one offer and tell the driver's phones. The caller has locked the offer.

    Raises: OfferMoveRefused.
    """
    offer.ended_at = events.server_cause(session).occurred_at
    _end(session, {act: [offer]}, cause)


def expire(session: Session, cause: Cause) -> int:
    """End the offers whose time is over; their searches go on (a job).

    Open offers of drivers who have got a load are superseded. Safe to repeat; returns
    how many offers ended.
    """
    left_over = end_left_over(session, cause)
    return len(left_over) + len(end_expired(session, cause))


def end_expired(session: Session, cause: Cause, *, most: int = 500) -> list[Offer]:
    """End the offers whose time ran out by the database's clock; return them.

    Their searches go on, as by `ask_for_next`. At most `most` offers end at
    once. Safe to repeat. Locks: those offers that are not locked; an offer that is
    being answered is skipped.
    """
    query = select(Offer).where(is_open(), Offer.expires_at <= func.now()).limit(most)
    ended = _to_end(session, query, skip_locked=True)
    _end(session, {OfferAct.EXPIRE: ended}, cause)
    _go_on(session, ended)
    return ended


def ask_for_next(session: Session, offer: Offer) -> None:
    """Let the search of an offer that was declined, or withdrawn by a desk, go on.

    A sequential search offers the next load, a broadcast one the next few as soon as
    none of its offers is open.
    """
    _go_on(session, [offer])


def _go_on(session: Session, offers: Iterable[Offer]) -> None:
    offers = list(offers)
    _ask_for_next(session, offers, {Strategy.SEQUENTIAL})
    # The job looks whether all have ended: the last two may end at the same time, in
    # transactions that do not see each other.
    of_broadcasts = {o.search_id for o in offers if o.strategy == Strategy.BROADCAST}
    enqueue_each(
        session,
        Job.SEARCH_OFFER_NEXT,
        [
            {"search_id": str(search_id), "once_all_ended": True}
            for search_id in sorted(of_broadcasts)
        ],
    )


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


def _of_load(load_id: UUID) -> Select[Offer]:
    return select(Offer).where(Offer.load_id == load_id, is_open())


def _of_driver(driver_id: UUID) -> Select[Offer]:
    return select(Offer).where(Offer.driver_id == driver_id, is_open())


def _to_end(
    session: Session, query: Select[Offer], *, skip_locked: bool = False
) -> list[Offer]:
    """Lock these offers in id order; return them as they are now, and ended now.

    Their statuses are still to be moved, by `_end`.
    """
    query = query.order_by(Offer.id).with_for_update(skip_locked=skip_locked)
    offers = []
    for offer, now in session.execute(query.add_columns(func.clock_timestamp())):
        offer.ended_at = now
        offers.append(offer)
    return offers


def _end(
    session: Session, ended: Mapping[OfferAct, Sequence[Offer]], cause: Cause
) -> None:
    for act, offers in ended.items():
        for offer in offers:
            moves.move_offer(session, offer, act, cause)
    # One flush for all offers, because the load stays locked meanwhile.
    session.flush()
    told = [
        (TELL[act], offer.driver_id, offer.id)
        for act, offers in ended.items()
        if act in TELL
        for offer in offers
    ]
    outbox.put_each(session, told, lives=NEWS_TTL)
