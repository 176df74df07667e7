"""Answers to offers: a driver sees, accepts or declines one; one driver wins a load."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.lifecycles import OPEN_OFFERS, LoadAct, OfferAct, OfferStatus
from freight.roles import Role
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from models.offers.offers import DeclineReason, Offer
from runtime.errors import Conflict, Gone, NotFound
from services.fleet import drivers
from services.fleet.drivers import NoTruck
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.tenancy import act_on_loads
from services.loads.assignments import get_assignment
from services.offers import ending
from services.offers.offers import get_offer, is_open, next_best, visible_offers


class OfferTaken(Gone):
    """Another driver was quicker. `next_offer` is the driver's best open offer."""

    code = "offer-taken"
    title = "Another driver has the load"

    def __init__(self, detail: str, next_offer_id: UUID | None) -> None:
        super().__init__(detail, extra={"next_offer": None})
        # Only the id: a row is of no use after this transaction is rolled back.
        self.next_offer_id = next_offer_id


class OfferExpired(Gone):
    """The offer's time ran out, by the database's clock."""

    code = "offer-expired"
    title = "The offer has expired"


class OfferWithdrawn(Gone):
    """The load left the market, or something better replaced the offer."""

    code = "offer-withdrawn"
    title = "The offer was withdrawn"


class DriverHasBackhaul(Conflict):
    """The driver already has a load."""

    code = "driver-busy"
    title = "The driver has a load"


class PositionTooOld(Conflict):
    """The driver has no recent position, so they may not be on the road."""

    code = "position-too-old"
    title = "Send your position first"


def see(session: Session, actor: Actor, offer_id: UUID, *, now: datetime) -> Offer:
    """Note that the driver saw the offer: our own measure of whether pushes arrive.

    Safe to repeat; an offer that has ended is returned unchanged.

    Locks: the offer. Raises: NotFound.
    """
    offer = _locked(session, actor, offer_id)
    if offer.status in OPEN_OFFERS and offer.status is not OfferStatus.SEEN:
        moves.move_offer(session, offer, OfferAct.SEE, Cause(now, actor, "phone"))
        offer.seen_at = now
    return offer


def decline(
    session: Session,
    actor: Actor,
    offer_id: UUID,
    *,
    reason: DeclineReason,
    note: str | None,
    now: datetime,
) -> Offer:
    """Decline an offer. This is free: no ranking and no later search looks at it.

    In a sequential search the next best load is offered. Safe to repeat.

    Locks: the offer. Raises: NotFound, OfferMoveRefused.
    """
    offer = _locked(session, actor, offer_id)
    if offer.status is OfferStatus.DECLINED:
        return offer
    moves.move_offer(
        session, offer, OfferAct.DECLINE, Cause(now, actor, "phone", reason)
    )
    offer.decline_reason = reason
    offer.decline_note = note
    offer.responded_at = offer.ended_at = now
    ending.ask_for_next(session, offer)
    return offer


def _locked(session: Session, actor: Actor, offer_id: UUID) -> Offer:
    offer = session.scalar(
        visible_offers(actor)
        .where(Offer.id == offer_id, Offer.driver_id == actor.driver_id)
        .with_for_update(of=Offer)
        .execution_options(populate_existing=True)
    )
    if offer is None:
        raise NotFound(f"No offer {offer_id} for you.")
    return offer


# scope: the offer by its id and its driver.
ACCEPT = text(
    """
    with l as (
        select loads.id from loads join offers on offers.load_id = loads.id
        where offers.id = :offer_id and offers.driver_id = :driver_id
        and loads.status = 'posted'
        and not is_suspended(loads.org_id) and not is_suspended(offers.org_id)
        for update of loads
    ), o as (
        update offers set status = 'accepted', responded_at = now(), ended_at = now()
        from l
        where offers.id = :offer_id and offers.driver_id = :driver_id
        and offers.load_id = l.id and offers.expires_at > now()
        and offers.status in ('created', 'sent', 'seen')
        returning offers.id, offers.load_org_id, offers.load_id, offers.driver_id,
            offers.org_id
    ), a as (
        insert into assignments (
            id, org_id, load_org_id, load_id, driver_id, truck_id, offer_id, kind,
            status
        )
        select :assignment_id, o.org_id, o.load_org_id, o.load_id, o.driver_id,
            drivers.truck_id, o.id, 'backhaul', 'active'
        from o join drivers on drivers.id = o.driver_id
        where drivers.truck_id is not null
        on conflict do nothing
        returning id
    )
    select (select count(*) from o) as offers, (select count(*) from a) as assignments
    """
)
"""The whole decision. The load is locked first, as everywhere. Then the offer's driver,
status and expiry (by the database's clock) are checked, and the unique indexes on
active assignments decide a race. A transaction that waited for the lock sees the rows
as they are after the wait."""


def accept(
    session: Session,
    actor: Actor,
    offer_id: UUID,
    *,
    now: datetime,
    position_max_age: timedelta | None,
) -> Assignment:
    """Accept the offer, or raise why not; exactly one driver wins the load.

    The load is booked and the driver assigned to it. Other drivers' offers of the load
    are lost and their phones told; the driver's other offers are superseded. Safe to
    repeat: the winner gets the same assignment again, even without a recent position.

    position_max_age: how old the driver's newest position may be, by the database's
        clock; None does not check. It is checked last, so that only a driver who would
        win gets PositionTooOld.

    Locks: the load, its offers, the driver. Raises: NotFound, OfferTaken,
    OfferExpired, OfferWithdrawn, OfferMoveRefused (declined), DriverHasBackhaul,
    NoTruck, PositionTooOld.
    """
    # scope: an offer found by the scope.
    offer = get_offer(session, actor, offer_id)
    if offer.driver_id != actor.driver_id:
        raise NotFound(f"No offer {offer_id} for you.")
    act_on_loads(session, [offer.load_id])
    assignment_id = uuid7()
    savepoint = session.begin_nested()
    offers, assignments = session.execute(
        ACCEPT,
        {
            "offer_id": offer_id,
            "driver_id": actor.driver_id,
            "assignment_id": assignment_id,
        },
    ).one()
    if not assignments or _has_another(session, actor.driver_id, assignment_id):
        savepoint.rollback()
        return _not_won(session, actor, offer_id, was_open=bool(offers))
    if position_max_age and not _is_located(session, actor.driver_id, position_max_age):
        savepoint.rollback()
        raise PositionTooOld(
            "Send your position first: we have no recent one from you."
        )
    savepoint.commit()
    _book(session, actor, offer_id, now)
    session.flush()
    return get_assignment(session, actor, assignment_id)


def _has_another(session: Session, driver_id: UUID, assignment_id: UUID) -> bool:
    """Say whether the driver has another load, of any kind.

    Locks: the driver. If a plan or a reassignment is made at the same moment, the
    second of the two transactions sees the assignment of the first.
    """
    # scope: the driver's own assignments.
    drivers.lock(session, driver_id)
    other = select(Assignment.id).where(
        Assignment.driver_id == driver_id,
        Assignment.status == AssignmentStatus.ACTIVE,
        Assignment.id != assignment_id,
    )
    return session.scalar(other.limit(1)) is not None


def _is_located(session: Session, driver_id: UUID, within: timedelta) -> bool:
    # scope: the driver's own position.
    recent = select(LastPosition.driver_id).where(
        LastPosition.driver_id == driver_id,
        LastPosition.corrected_at >= func.now() - within,
    )
    return session.scalar(recent) is not None


def _book(session: Session, actor: Actor, offer_id: UUID, now: datetime) -> None:
    # scope: the offer and load that `ACCEPT` has just changed.
    offer = session.get_one(Offer, offer_id, populate_existing=True)
    load = session.get_one(Load, offer.load_id, populate_existing=True)
    cause = Cause(now, actor, "phone")
    moves.record_offer(session, offer, OfferAct.ACCEPT, cause, Role.DRIVER)
    moves.move_load(
        session, load, LoadAct.BOOK, cause, body={"offer_id": str(offer_id)}
    )
    session.flush()
    server = Cause(now, reason="another offer was accepted")
    ending.end_for_load(session, load.id, OfferAct.LOSE, server, except_id=offer_id)
    ending.end_for_driver(
        session, offer.driver_id, OfferAct.SUPERSEDE, server, except_id=offer_id
    )
    session.flush()
    drivers.settle_availability(session, offer.driver_id)


def _not_won(
    session: Session, actor: Actor, offer_id: UUID, *, was_open: bool
) -> Assignment:
    # scope: an offer found by the scope.
    offer = get_offer(session, actor, offer_id)
    if offer.status is OfferStatus.ACCEPTED:
        won = session.scalars(
            select(Assignment.id).where(Assignment.offer_id == offer_id)
        ).one()
        return get_assignment(session, actor, won)
    if was_open and drivers.has_load(session, offer.driver_id):
        raise DriverHasBackhaul("You have a load already; finish it first.")
    if was_open:
        raise NoTruck("Ask your dispatcher to give you a truck first.")
    if offer.status is OfferStatus.DECLINED:
        raise moves.OfferMoveRefused(
            "You declined this offer.", extra={"current_status": offer.status}
        )
    if offer.status in {OfferStatus.WITHDRAWN, OfferStatus.SUPERSEDED}:
        raise OfferWithdrawn("The offer was withdrawn.")
    if offer.status is OfferStatus.EXPIRED or _is_late(session, offer_id):
        raise OfferExpired(f"The offer was open until {offer.expires_at.isoformat()}.")
    if offer.status is OfferStatus.LOST or _is_taken(session, offer.load_id):
        raise OfferTaken(
            "Another driver accepted first.",
            next_best(session, offer.driver_id, except_id=offer_id),
        )
    raise OfferWithdrawn("The load left the market.")


def _is_late(session: Session, offer_id: UUID) -> bool:
    # scope: an offer found by the scope.
    late = select(Offer.id).where(
        Offer.id == offer_id,
        is_open(),
        Offer.expires_at <= func.now(),
    )
    return session.scalar(late) is not None


def _is_taken(session: Session, load_id: UUID) -> bool:
    # scope: the load of an offer found by the scope.
    taken = select(Assignment.id).where(
        Assignment.load_id == load_id, Assignment.status == AssignmentStatus.ACTIVE
    )
    return session.scalar(taken) is not None
