"""Objections: what speaks against a driver carrying a load, asked under the locks.

Every way to give a load to a driver asks here, from rows read after the driver was
locked. `freight.objections` has the grounds and says which the desk may overrule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from freight.candidates import Candidate
from freight.lifecycles import LoadStatus
from freight.objections import Journey, Moment, Objection, objections
from freight.situation import Parameters, Situation
from geo.areas import forbidden
from geo.points import Point
from geo.roads import EstimatedRoads, Roads
from models.fleet.drivers import Availability, Driver
from models.fleet.positions import LastPosition
from models.fleet.trucks import Truck
from models.loads.assignments import (
    Assignment,
    AssignmentKind,
    AssignmentStatus,
    Slot,
)
from models.loads.loads import Load
from models.loads.stops import Stop, StopKind
from models.people.organisations import Member
from runtime.errors import Conflict
from services.fleet import areas
from services.judging.candidates import candidate
from services.judging.situations import Company, company_of, situation_of
from services.loads import assignments
from services.loads.market import ON_ITS_MARKET, Standing


class Objected(Conflict):
    """Something speaks against the booking; `objections` has all that does."""

    code = "objections"
    title = "Something speaks against the driver carrying this load"

    def __init__(self, found: Sequence[Objection], remedy: str) -> None:
        records = [objection.to_record() for objection in found]
        words = " ".join(record["detail"] for record in records)
        super().__init__(f"{words} {remedy}", extra={"objections": records})


NOBODY_MAY = "Not all of this may be overruled."
THE_DESK_MAY = (
    "The carrier's desk may overrule this: send it with a `reason`, and with a `note`"
    " if the reason is `other`."
)


@dataclass(frozen=True)
class BookingRules:
    """What the desk's bookings are measured by.

    position_max_age: how old the driver's newest position may be, by the database's
        clock; None does not ask.
    """

    roads: Roads
    position_max_age: timedelta | None = timedelta(minutes=30)
    parameters: Parameters = field(default_factory=Parameters)


BY_DEFAULT = BookingRules(EstimatedRoads())


class Booking(NamedTuple):
    """What the desk makes of a load and a driver.

    truck_id: the truck that it was made with, None if it is not made.
    is_slot_taken: the driver or their truck has another load in that slot.
    """

    kind: AssignmentKind
    slot: Slot | None = None
    truck_id: UUID | None = None
    is_slot_taken: bool = False

    @classmethod
    def of(cls, made: Assignment, *, is_slot_taken: bool = False) -> Self:
        return cls(made.kind, made.slot, made.truck_id, is_slot_taken)


def check_desk(
    session: Session,
    load: Load,
    driver: Driver,
    booking: Booking,
    rules: BookingRules,
    *,
    is_overruled: bool,
    now: datetime,
) -> tuple[Objection, ...]:
    """Return what the desk overrules with the booking that it has just made.

    driver: as read under its lock, before it got the load.
    is_overruled: the desk gave a reason.

    Raises: Objected, if some of it cannot be overruled, or if the desk gave no reason.
    """
    found = _against_desk(session, load, driver, booking, rules, now)
    _refuse_what_nobody_may(found)
    if found and not is_overruled:
        raise Objected(found, THE_DESK_MAY)
    return found


def refusal(
    session: Session,
    load: Load,
    driver: Driver,
    booking: Booking,
    rules: BookingRules,
    *,
    standing: Standing = ON_ITS_MARKET,
    now: datetime,
) -> Objected:
    """Return why the desk cannot make a booking, with all else that speaks against it.

    standing: of the load that the carrier does not have yet.
    """
    found = _against_desk(session, load, driver, booking, rules, now, standing)
    return Objected(found, NOBODY_MAY)


def is_slot_taken(session: Session, driver: Driver, slot: Slot | None) -> bool:
    """Say whether the driver, or their truck, has a load in the slot; None: in both."""
    # scope: the loads of a driver of the actor's company, and of their truck.
    carries = or_(
        Assignment.driver_id == driver.id, Assignment.truck_id == driver.truck_id
    )
    taken = set(
        session.scalars(
            select(Assignment.slot).where(
                carries, Assignment.status == AssignmentStatus.ACTIVE
            )
        )
    )
    return {slot} <= taken if slot is not None else set(Slot) <= taken


def _against_desk(
    session: Session,
    load: Load,
    driver: Driver,
    booking: Booking,
    rules: BookingRules,
    now: datetime,
    standing: Standing = ON_ITS_MARKET,
) -> tuple[Objection, ...]:
    """Return what speaks against the desk's booking.

    The way is asked only while the load waits for its pickup; its detour only if it is
    for the way home. Without a truck, nothing is asked of the truck and the way.
    """
    truck, gone_at, position, at, is_cabotage = _facts(session, load, driver)
    waits = load.status in {LoadStatus.POSTED, LoadStatus.HELD, LoadStatus.BOOKED}
    candidate = _seen(session, load)
    if not waits:
        candidate = _aboard(session, load, candidate)
    place = position.point if position else candidate.pickup
    is_next = booking.slot is Slot.NEXT
    start, free_at = place, now
    if is_next:
        start, free_at = _after_current(session, driver, place, now)
    operating, no_go = areas.fences_for(
        session, org_id=driver.org_id, driver_id=driver.id
    )
    moment = Moment(
        **standing._asdict(),
        status=LoadStatus.POSTED if standing.is_open else load.status,
        has_endorsement=driver.has_hazmat_endorsement,
        is_placarded=truck is not None and truck.is_hazmat_allowed,
        is_driver_gone=gone_at is not None,
        is_off_duty=driver.availability is Availability.OFF_DUTY,
        is_slot_taken=booking.is_slot_taken,
        is_truck_changed=booking.truck_id not in {None, driver.truck_id},
        is_cabotage=is_cabotage,
        is_located=is_next or not waits or _is_located(rules, position, at),
        area=forbidden(operating, no_go, [stop.point for stop in candidate.route])
        if waits
        else None,
    )
    if truck is None:
        return objections(candidate, None, moment)
    company = company_of(session, driver)
    situation = situation_now(driver, truck, company, candidate, start, free_at)
    journey = None
    if waits:
        journey = Journey.planned(
            *(candidate, situation, rules.parameters, rules.roads),
            is_for_the_way_home=booking.kind is AssignmentKind.BACKHAUL,
        )
    return objections(candidate, situation, moment, journey)


def _seen(session: Session, load: Load) -> Candidate:
    """Return the load as a search would see it, read anew."""
    seen = candidate(session, load.id)
    assert seen is not None
    return seen


def _aboard(session: Session, load: Load, candidate: Candidate) -> Candidate:
    """Return the load with the weight that is aboard by its confirmations, if it is
    more than the posted one. Once some is unloaded, what is left is not known.
    """
    # scope: the caller has locked the load for the actor's company.
    done = session.execute(
        select(Stop.kind, Stop.confirmed_weight_kg).where(
            Stop.load_id == load.id, Stop.completed_at.is_not(None)
        )
    ).all()
    if any(kind is StopKind.DELIVERY for kind, _ in done):
        return candidate
    confirmed_kg = sum(weight_kg or 0 for _, weight_kg in done)
    if confirmed_kg <= (candidate.weight_kg or 0):
        return candidate
    return replace(candidate, weight_kg=confirmed_kg)


def _facts(session: Session, load: Load, driver: Driver) -> tuple[Any, ...]:
    """Return the driver's truck if any, when they left, their position, the database's
    time, and whether the load is cabotage for them."""
    # scope: the driver's own member, truck and position.
    row = session.execute(
        select(
            *(Truck, Member.deactivated_at, LastPosition, func.now()),
            func.is_cabotage(load.id, driver.id),
        )
        .select_from(Driver)
        .join(Member, Member.id == Driver.member_id)
        .outerjoin(Truck, Truck.id == Driver.truck_id)
        .outerjoin(LastPosition, LastPosition.driver_id == Driver.id)
        .where(Driver.id == driver.id)
        .execution_options(populate_existing=True)
    ).one()
    return tuple(row)


def _refuse_what_nobody_may(found: Sequence[Objection]) -> None:
    if any(not objection.may_overrule for objection in found):
        raise Objected(found, NOBODY_MAY)


def check_truck(
    session: Session, load: Load, driver: Driver, truck: Truck, *, now: datetime
) -> None:
    """Check that the driver may go on with a load in this truck.

    What the desk may overrule does not count: the desk itself gave them the truck.

    Raises: Objected, if some of it cannot be overruled.
    """
    candidate = _aboard(session, load, _seen(session, load))
    company = company_of(session, driver)
    situation = situation_now(driver, truck, company, candidate, candidate.pickup, now)
    moment = Moment(
        has_endorsement=driver.has_hazmat_endorsement,
        is_placarded=truck.is_hazmat_allowed,
    )
    found = objections(candidate, situation, moment)
    _refuse_what_nobody_may(found)


def situation_now(
    driver: Driver,
    truck: Truck,
    company: Company,
    candidate: Candidate,
    start: Point,
    free_at: datetime,
    radius_m: float | None = None,
) -> Situation:
    """Return the driver and truck as a search would see them, from `start`.

    Without a home on file the way ends at the delivery.

    radius_m: how far a search was asked to look; None is the driver's own limit.
    """
    home = driver.home or candidate.delivery
    known = situation_of(
        *(driver, truck, company),
        drop=start,
        home=home,
        free_at=free_at,
        radius_m=radius_m,
    )
    return known.situation


def _is_located(
    rules: BookingRules, position: LastPosition | None, at: datetime
) -> bool:
    """Say whether the newest position is not old. No position at all is not old."""
    if rules.position_max_age is None or position is None:
        return True
    return position.corrected_at >= at - rules.position_max_age


def _after_current(
    session: Session, driver: Driver, place: Point, now: datetime
) -> tuple[Point, datetime]:
    """Return where and when the driver's current load ends, as planned."""
    for carried in assignments.current_assignments(session, driver.id):
        if carried.slot is Slot.CURRENT:
            load = carried.load
            end = Point(load.delivery_lat, load.delivery_lon)
            return end, max(now, load.delivery_from)
    return place, now
