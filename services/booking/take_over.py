"""Take over: another driver of the carrier goes on with an interrupted load."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.lifecycles import LoadAct, OfferAct
from models.booking.overrides import Override, OverrideKind
from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from notifications.messages import MessageKind
from services.booking import assign, objections, overrides
from services.booking.objections import BY_DEFAULT, Booking, BookingRules
from services.booking.overrides import Why
from services.fleet import drivers
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.loads import assignments, interruptions, stops
from services.loads.stops import AssignmentEnded
from services.offers import ending


def take_over(
    session: Session,
    actor: Actor,
    why: Why,
    *,
    assignment_id: UUID,
    driver_id: UUID,
    now: datetime,
    rules: BookingRules = BY_DEFAULT,
) -> Override:
    """Put a driver on the load that the assignment left interrupted.

    The load is in transit again, and goes on where its stops are. It may be the same
    driver. The driver and the poster are told.

    Locks: the load, then the driver. Raises: NotFound, Invalid, AssignmentEnded,
    LoadMoveRefused, Objected.
    """
    # scope: an assignment of the actor's own company.
    why.check()
    driver = drivers.get_driver(session, actor, driver_id)
    load_id = overrides.load_id_of(session, actor, assignment_id)
    load = overrides.lock_loads(session, [load_id])[load_id]
    old = session.get_one(Assignment, assignment_id)
    cause = why.cause(actor, now)
    _check_has_freight(load, old)
    moves.check_load(load, LoadAct.TAKE_OVER, cause)
    before = overrides.state(load, None)
    new = _go_on(session, load, old, driver, rules, cause)
    warnings = objections.check_desk(
        session, load, driver, Booking.of(new), rules, is_overruled=True, now=now
    )
    ending.end_for_driver(
        session, driver.id, OfferAct.SUPERSEDE, Cause(now, reason="an override")
    )
    told = [overrides.tell_driver(session, driver.id, MessageKind.LOAD_ASSIGNED, load)]
    assignments.tell_poster(session, load, MessageKind.LOAD_REASSIGNED)
    return overrides.keep(
        session,
        actor,
        OverrideKind.TAKE_OVER,
        why,
        assignment_id=old.id,
        before=before,
        after=overrides.state(load, new),
        told=told,
        is_poster_told=True,
        warnings=warnings,
    )


def _check_has_freight(load: Load, old: Assignment) -> None:
    """Raise AssignmentEnded if the freight is no longer on the assignment's truck,
    whatever the load's status is by now."""
    is_last = load.interrupted_assignment_id == old.id
    if old.status is AssignmentStatus.CANCELLED and not is_last:
        raise AssignmentEnded("The assignment does not have the freight.")


def _go_on(
    session: Session,
    load: Load,
    old: Assignment,
    driver: Driver,
    rules: BookingRules,
    cause: Cause,
) -> Assignment:
    """Put the driver on the load, which is in transit again."""
    body = {
        "from": str(old.driver_id),
        "to": str(driver.id),
        interruptions.LEFT_WITH: str(old.id),
    }
    moves.move_load(session, load, LoadAct.TAKE_OVER, cause, body=body)
    interruptions.clear(load)
    if stops.has_confirmed_pickup(load):
        # The carrier has not let go of the load. Without the poster's word, the pickup
        # may be a false report, and the poster has to end the load.
        old.given_back_after_s = None
    return assign.put_on(
        *(session, load, driver, rules),
        kind=old.kind,
        assignment_id=uuid7(),
        after=old,
        now=cause.occurred_at,
    )
