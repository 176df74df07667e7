"""Assigning by hand: a dispatcher gives a load on the market to a driver."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.lifecycles import LoadAct
from freight.objections import Objection
from models.booking.overrides import OverrideKind
from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentKind, Slot
from models.loads.loads import Load
from notifications.messages import MessageKind
from runtime.errors import IdTaken
from services.booking import objections, overrides
from services.booking.objections import BY_DEFAULT, Booking, BookingRules
from services.booking.overrides import Why
from services.fleet import drivers
from services.fleet.drivers import DriverBusy, NoTruck
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.tenancy import act_on_loads
from services.loads import assignments, market
from services.offers import ending


def plan(
    session: Session,
    actor: Actor,
    *,
    assignment_id: UUID | None,
    load_id: UUID,
    driver_id: UUID,
    now: datetime,
    why: Why | None = None,
    rules: BookingRules = BY_DEFAULT,
) -> Assignment:
    """Give a posted load to a driver of the company; it may be the driver's next load.

    They are told, and so are the drivers whose open offers of the load are lost. Safe
    to repeat with the same `assignment_id`: the assignment is returned again.

    why: the reason to overrule what speaks against it, kept as an override.

    Locks: the load, its offers, the driver. Raises: NotFound, Invalid, IdTaken,
    Objected.
    """
    # scope: a repeat is compared with the actor's company; the load is found again.
    if why is not None:
        why.check()
    assignment_id = assignment_id or uuid7()
    # The same plan sent at the same time waits here for this one.
    session.execute(select(Load.id).where(Load.id == load_id).with_for_update())
    if _is_made(session, actor, assignment_id, load_id, driver_id):
        return assignments.get_assignment(session, actor, assignment_id)
    load = market.lock_known_load(session, actor, load_id)
    act_on_loads(session, [load.id])
    driver = drivers.get_driver(session, actor, driver_id)
    before = {"load": overrides.state(load, None)}
    assignment, warnings = book(
        session,
        load,
        driver,
        kind=AssignmentKind.PLANNED,
        cause=Cause(now, actor, "dispatcher"),
        assignment_id=assignment_id,
        rules=rules,
        is_overruled=why is not None,
    )
    told = overrides.tell_driver(session, driver.id, MessageKind.LOAD_ASSIGNED, load)
    if why is not None and warnings:
        overrides.keep(
            session,
            actor,
            OverrideKind.FORCE_ASSIGN,
            why,
            assignment_id=assignment.id,
            before=before,
            after=overrides.state(load, assignment),
            told=[told],
            is_poster_told=False,
            warnings=warnings,
        )
    return assignments.get_assignment(session, actor, assignment.id)


def _is_made(
    session: Session, actor: Actor, assignment_id: UUID, load_id: UUID, driver_id: UUID
) -> bool:
    # scope: the row is compared with the actor's company.
    known = session.get(Assignment, assignment_id)
    if known is None:
        return False
    said = (actor.org_id, load_id, driver_id)
    if (known.org_id, known.load_id, known.driver_id) != said:
        raise IdTaken("Make a new assignment id.")
    return True


def book(
    session: Session,
    load: Load,
    driver: Driver,
    *,
    kind: AssignmentKind,
    cause: Cause,
    assignment_id: UUID,
    slot: Slot | None = None,
    rules: BookingRules = BY_DEFAULT,
    is_overruled: bool = False,
) -> tuple[Assignment, tuple[Objection, ...]]:
    """Book the load for the driver; return also what the desk overruled.

    Other open offers of the load are lost; the driver's other offers are superseded.

    slot: None takes the current one if it is free, else the next.

    Locks: the offers, the driver; the caller has locked the load. Raises: IdTaken;
    Objected, if the load is not on the market for the driver's company, among others.
    """
    now, standing = cause.occurred_at, market.standing(session, load.id, driver.org_id)
    if not standing.is_open:
        is_taken = objections.is_slot_taken(session, driver, slot)
        wanted = Booking(kind, slot, is_slot_taken=is_taken)
        raise objections.refusal(
            session, load, driver, wanted, rules, standing=standing, now=now
        )
    moves.move_load(
        session, load, LoadAct.BOOK, cause, body={"driver_id": str(driver.id)}
    )
    assignment = put_on(
        *(session, load, driver, rules),
        kind=kind,
        assignment_id=assignment_id,
        slot=slot,
        now=now,
    )
    warnings = objections.check_desk(
        *(session, load, driver, Booking.of(assignment), rules),
        is_overruled=is_overruled,
        now=now,
    )
    server = Cause(now, reason="the load was assigned")
    ending.end_the_rest(session, load.id, driver.id, server)
    return assignment, warnings


def put_on(
    session: Session,
    load: Load,
    driver: Driver,
    rules: BookingRules,
    *,
    kind: AssignmentKind,
    assignment_id: UUID,
    now: datetime,
    slot: Slot | None = None,
    after: Assignment | None = None,
    freed: UUID | None = None,
) -> Assignment:
    """Do `assignments.put_driver_on`; a missing truck or a taken slot is an objection.

    Locks: the drivers, then trucks. Raises: IdTaken, Objected.
    """
    try:
        return assignments.put_driver_on(
            *(session, load, driver),
            kind=kind,
            assignment_id=assignment_id,
            slot=slot,
            after=after,
            freed=freed,
        )
    except (DriverBusy, NoTruck) as error:
        is_taken = isinstance(error, DriverBusy)
        wanted = Booking(kind, slot, is_slot_taken=is_taken)
    raise objections.refusal(session, load, driver, wanted, rules, now=now)
