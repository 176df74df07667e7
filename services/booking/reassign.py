"""Reassign: another driver of the company carries the load."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.lifecycles import LoadAct, LoadStatus, OfferAct
from models.booking.overrides import Override, OverrideKind
from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, EndedParty
from models.loads.loads import Load
from notifications.messages import MessageKind
from services.booking import assign, objections, overrides
from services.booking.objections import BY_DEFAULT, Booking, BookingRules
from services.booking.overrides import Why
from services.fleet import drivers
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.loads import assignments, stops
from services.offers import ending


def reassign(
    session: Session,
    actor: Actor,
    why: Why,
    *,
    assignment_id: UUID,
    driver_id: UUID,
    now: datetime,
    rules: BookingRules = BY_DEFAULT,
) -> Override:
    """Give the load to another driver; both drivers and the poster are told.

    With nothing aboard the load is booked again: its stops wait for the new truck, and
    the shipper confirms the pickup again. With freight aboard the way is not asked,
    and another truck needs a confirmation of the pickups to which it has yet to come.

    Locks: the company, the load, both drivers, their trucks. Raises: NotFound, Invalid,
    AssignmentEnded, DriverBusy (they have it), LoadMoveRefused, Objected.
    """
    why.check()
    driver = drivers.get_driver(session, actor, driver_id)
    overrides.take_turns(session, actor)
    load_id = overrides.load_id_of(session, actor, assignment_id)
    load = overrides.lock_loads(session, [load_id])[load_id]
    old = overrides.active(session, actor, assignment_id)
    if old.driver_id == driver.id:
        raise drivers.DriverBusy("The driver has this load already.")
    before, cause = overrides.state(load, old), why.cause(actor, now)
    body = {"from": str(old.driver_id), "to": str(driver.id)}
    moves.move_load(session, load, LoadAct.REASSIGN, cause, body=body)
    if not stops.is_aboard(load):
        _restart(session, load, cause)
    party = EndedParty.CARRIER
    assignments.cut_short(session, old, load, party, cause, is_settled=False)
    new = _put_on(session, load, driver, old, rules, cause)
    has_another = len(assignments.current_assignments(session, driver.id)) > 1
    booking = Booking.of(new, is_slot_taken=has_another)
    warnings = objections.check_desk(
        session, load, driver, booking, rules, is_overruled=True, now=now
    )
    ending.end_for_driver(
        session, driver.id, OfferAct.SUPERSEDE, Cause(now, reason="an override")
    )
    return overrides.keep(
        session,
        actor,
        OverrideKind.REASSIGN,
        why,
        assignment_id=old.id,
        before=before,
        after=overrides.state(load, new),
        told=_tell(session, load, old.driver_id, driver.id),
        is_poster_told=True,
        warnings=warnings,
    )


def _put_on(
    session: Session,
    load: Load,
    driver: Driver,
    old: Assignment,
    rules: BookingRules,
    cause: Cause,
) -> Assignment:
    """Put the driver on the load, after the one of the assignment that has ended."""
    new = assign.put_on(
        *(session, load, driver, rules),
        kind=old.kind,
        assignment_id=uuid7(),
        after=old,
        freed=old.driver_id,
        now=cause.occurred_at,
    )
    if new.truck_id != old.truck_id:
        stops.clear_waiting(session, load, cause)
    return new


def _tell(session: Session, load: Load, old: UUID, new: UUID) -> list[UUID]:
    assignments.tell_poster(session, load, MessageKind.LOAD_REASSIGNED)
    return [
        overrides.tell_driver(session, old, MessageKind.LOAD_UNASSIGNED, load),
        overrides.tell_driver(session, new, MessageKind.LOAD_ASSIGNED, load),
    ]


def _restart(session: Session, load: Load, cause: Cause) -> None:
    """Make the stops wait for the new truck. The caller has locked the load."""
    if load.status is not LoadStatus.BOOKED:
        moves.move_load(session, load, LoadAct.RESTART, cause)
    stops.reopen(session, load, cause)
