"""Answers to offers: a driver sees, accepts or declines one; one driver wins a load."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Row,
    Uuid,
    text,
)
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.candidates import CandidateStop
from freight.figures import Figures
from freight.lifecycles import OPEN_OFFERS, LoadAct, OfferAct, OfferStatus
from freight.objections import Ground, Journey, Moment, Objection, objections
from freight.situation import Parameters
from geo.areas import forbidden
from models.fleet.drivers import Availability, Driver
from models.fleet.trucks import Truck
from models.kernel.row import AwareDateTime
from models.loads.assignments import Assignment, Slot
from models.loads.loads import Visibility
from models.offers.offers import IS_OPEN, DeclineReason, Offer
from runtime.errors import Conflict, Gone, NotFound
from services.booking.objections import (
    BY_DEFAULT,
    BookingRules,
    Objected,
    situation_now,
)
from services.booking.seen import seen_under_locks
from services.fleet import areas, drivers
from services.judging.candidates import candidate_of
from services.judging.situations import Company
from services.judging.start import radius_of
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.loads.assignments import get_assignment
from services.offers import ending
from services.offers.offers import get_offer, visible_offers


class OfferTaken(Gone):
    """Another driver was quicker. `next_offer` is the driver's best open offer, which
    can be read until the transaction is rolled back."""

    code = "offer-taken"
    title = "Another driver has the load"

    def __init__(self, detail: str, next_offer: Offer | None) -> None:
        super().__init__(detail, extra={"next_offer": None})
        self.next_offer = next_offer


class OfferExpired(Gone):
    """The offer's time ran out, by the database's clock."""

    code = "offer-expired"
    title = "The offer has expired"


class OfferWithdrawn(Gone):
    """The load left the market, or something better replaced the offer."""

    code = "offer-withdrawn"
    title = "The offer was withdrawn"


ASK_THE_DESK = "Your dispatcher may be able to help."


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


UNLOADS = """
    select from backhaul_searches search
    join stops on stops.id = search.stop_id
    join assignments carried on carried.load_id = stops.load_id
    where search.id = o.search_id and search.trigger = 'arrived'
        and carried.driver_id = o.driver_id and carried.status = 'active'
        and carried.slot = 'current'
"""
"""The load before whose drop the offer was made is still on the truck."""


# scope: the offer by its id and its driver.
TRY = text(
    f"""
    with l as (
        select loads.id from loads join offers on offers.load_id = loads.id
        where offers.id = :offer_id and offers.driver_id = :driver_id
        and loads.status = 'posted'
        and not loads.is_unconfirmed
        and not is_suspended(loads.org_id) and not is_suspended(offers.org_id)
        for update of loads
    ), o as (
        update offers set responded_at = now()
        from l
        where offers.id = :offer_id and offers.driver_id = :driver_id
        and offers.load_id = l.id and offers.expires_at > now()
        and offers.{IS_OPEN}
        returning offers.id, offers.load_org_id, offers.load_id, offers.driver_id,
            offers.org_id, offers.search_id,
            set_config('app.loads', offers.load_id::text, true)
    ), a as (
        insert into assignments (
            id, org_id, load_org_id, load_id, driver_id, truck_id, offer_id, kind,
            status, slot
        )
        select :assignment_id, o.org_id, o.load_org_id, o.load_id, o.driver_id,
            drivers.truck_id, o.id, 'backhaul', 'active',
            case when exists ({UNLOADS}) then 'next' else 'current' end
        from o join drivers on drivers.id = o.driver_id
        where drivers.truck_id is not null
        on conflict do nothing
        returning driver_id
    ), d as (
        update drivers set availability = 'on_load',
            version = version + (availability <> 'on_load')::int
        from a where drivers.id = a.driver_id
        returning old.availability as before
    )
    select (select count(*) from o) as offers, (select before from d) as availability
    """
)
"""Takes the locks in their order, and inserts what decides a race.

First the load, as everywhere; then the offer, if it is open and in time by the
database's clock; then the assignment, whose unique indexes let one of two racing
drivers, crews or loads through; last the driver, who is on_load as `settle_driver`
would make them. `availability` is what the driver was before, null if the offer did not
get that far. From here on the transaction acts on the load.

The next statement judges whether the offer has won: it sees the rows as they are after
the wait for the locks. `moves` changes the statuses."""


# scope: the offer by its id and its driver.
WHY_NOT = text(
    f"""
    select offers.status, offers.expires_at, offers.expires_at <= now() as is_late,
        (select id from assignments where offer_id = offers.id) as assignment_id,
        exists (
            select from assignments
            where load_id = offers.load_id and status = 'active'
        ) as is_taken,
        (
            select other.id from offers other
            where other.driver_id = offers.driver_id and other.id <> offers.id
            and other.{IS_OPEN} and other.expires_at > now()
            order by other.score_cents desc, other.id limit 1
        ) as next_id
    from offers where id = :offer_id and driver_id = :driver_id
    """
).columns(expires_at=AwareDateTime(), assignment_id=Uuid(), next_id=Uuid())
"""What decides why an offer was not won. `is_late` is by the database's clock."""


def accept(
    session: Session,
    actor: Actor,
    offer_id: UUID,
    *,
    now: datetime,
    rules: BookingRules = BY_DEFAULT,
) -> Assignment:
    """Accept the offer, or raise why not; exactly one driver wins the load.

    The load is booked and the driver assigned to it. Other drivers' offers of the load
    are lost and their phones told; the driver's other offers are superseded. Safe to
    repeat: the winner gets the same assignment again, even without a recent position.
    If it raises, the transaction can only be rolled back.

    Of an offer before a drop it is their next load, until that drop is done. Only a
    driver against whom nothing but the age of their position speaks gets
    PositionTooOld.

    Locks: the load, its offers, the driver, for a next load their trucks. Raises:
    NotFound, OfferTaken, OfferExpired, OfferWithdrawn, OfferMoveRefused (declined),
    PositionTooOld, Objected.
    """
    assignment_id = uuid7()
    ids = {"offer_id": offer_id, "driver_id": actor.driver_id}
    tried = session.execute(TRY, ids | {"assignment_id": assignment_id}).one()
    if not tried.offers:
        won = _won_before(session, actor, offer_id)
        return get_assignment(session, actor, won)
    seen = seen_under_locks(
        session, actor, offer_id, assignment_id, rules.position_max_age
    )
    before = Availability(tried.availability or seen.Driver.availability)
    found = _objections(session, seen, before, rules.parameters)
    if [objection.ground for objection in found] == [Ground.POSITION_OLD]:
        raise PositionTooOld(
            "Send your position first: we have no recent one from you."
        )
    if found:
        raise Objected(found, ASK_THE_DESK)
    _book(session, actor, seen.Offer, now)
    if seen.slot is Slot.NEXT:
        # The drop may have been done while the acceptance waited for the driver.
        drivers.settle_availability(session, seen.Offer.driver_id)
    return get_assignment(session, actor, assignment_id)


def _objections(
    session: Session, seen: Row[Any], before: Availability, parameters: Parameters
) -> tuple[Objection, ...]:
    """Return what speaks against the acceptance.

    The way is measured by the figures that the driver was shown, against the limits and
    the drawn areas of now, and how far the search was asked to look.

    before: what the driver was before the acceptance.
    """
    offer: Offer = seen.Offer
    driver: Driver = seen.Driver
    truck: Truck | None = seen.Truck
    # An edit of its stops would have ended the offer.
    load, kept = offer.load, offer.snapshot.get("stops", ())
    candidate = candidate_of(load, tuple(map(CandidateStop.from_record, kept)))
    operating, no_go = areas.fences_for(
        session, org_id=driver.org_id, driver_id=driver.id
    )
    moment = Moment(
        has_endorsement=driver.has_hazmat_endorsement,
        is_placarded=truck is not None and truck.is_hazmat_allowed,
        is_off_duty=before is Availability.OFF_DUTY,
        is_poster_suspended=seen.is_poster_suspended,
        is_carrier_suspended=seen.is_carrier_suspended,
        is_listed=load.pickup_until > seen.at,
        is_lease_over=load.lease_expires_at is None or load.lease_expires_at <= seen.at,
        is_visible=load.visibility is Visibility.NETWORK or load.org_id == offer.org_id,
        is_slot_taken=seen.is_slot_taken,
        is_truck_changed=seen.made_with not in {None, driver.truck_id},
        # A next load begins at the stop where the driver has arrived.
        is_located=seen.is_located or seen.slot is Slot.NEXT,
        is_cabotage=seen.is_cabotage,
        area=forbidden(operating, no_go, [stop.point for stop in candidate.route]),
    )
    if truck is None:
        return objections(candidate, None, moment)
    company = Company.of(seen)
    situation = situation_now(
        *(driver, truck, company, candidate, candidate.pickup, seen.at),
        radius_m=radius_of(seen.asked_for),
    )
    shown = Figures.from_record(offer.figures)
    journey = Journey.shown(candidate, shown, parameters)
    return objections(candidate, situation, moment, journey)


def _book(session: Session, actor: Actor, offer: Offer, now: datetime) -> None:
    cause = Cause(now, actor, "phone")
    moves.move_offer(session, offer, OfferAct.ACCEPT, cause)
    offer.ended_at = offer.responded_at
    moves.move_load(
        session, offer.load, LoadAct.BOOK, cause, body={"offer_id": str(offer.id)}
    )
    server = Cause(now, reason="another offer was accepted")
    ending.end_the_rest(session, offer.load_id, offer.driver_id, server, offer.id)


def _won_before(session: Session, actor: Actor, offer_id: UUID) -> UUID:
    """Return the assignment that this offer won before, or raise why it did not win."""
    ids = {"offer_id": offer_id, "driver_id": actor.driver_id}
    found = session.execute(WHY_NOT, ids).one_or_none()
    if found is None:
        raise NotFound(f"No offer {offer_id} for you.")
    if found.assignment_id is not None:
        won: UUID = found.assignment_id
        return won
    status = OfferStatus(found.status)
    if status is OfferStatus.DECLINED:
        raise moves.OfferMoveRefused(
            "You declined this offer.", extra={"current_status": status}
        )
    if status in {OfferStatus.WITHDRAWN, OfferStatus.SUPERSEDED}:
        raise OfferWithdrawn("The offer was withdrawn.")
    is_late = found.is_late and status in OPEN_OFFERS
    if is_late or status is OfferStatus.EXPIRED:
        raise OfferExpired(f"The offer was open until {found.expires_at.isoformat()}.")
    if status is OfferStatus.LOST or found.is_taken:
        following = found.next_id and get_offer(session, actor, found.next_id)
        raise OfferTaken("Another driver accepted first.", following)
    raise OfferWithdrawn("The load left the market.")
