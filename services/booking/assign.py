"""Assigning by hand: a dispatcher gives a load on the market to a driver."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.lifecycles import LoadAct, LoadStatus
from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentKind
from models.loads.loads import Load
from notifications.messages import MessageKind
from runtime.errors import IdTaken
from services.fleet import drivers
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
) -> Assignment:
    """Give a posted load to a driver of the company.

    The driver is told, and so are the drivers whose open offers of the load are lost.
    Safe to repeat with the same `assignment_id`: the assignment is returned again.

    Locks: the load, its offers, the driver. Raises: NotFound, LoadTaken, DriverBusy,
    NoTruck, IdTaken.
    """
    # scope: a repeat is compared with the actor's company; the load is found again.
    assignment_id = assignment_id or uuid7()
    # If the same plan is sent twice at once, the second waits here for the first.
    session.execute(select(Load.id).where(Load.id == load_id).with_for_update())
    known = session.get(Assignment, assignment_id)
    if known is not None:
        if known.org_id != actor.org_id or known.load_id != load_id:
            raise IdTaken("Make a new assignment id.")
        return assignments.get_assignment(session, actor, assignment_id)
    load = market.lock_market_load(session, actor, load_id)
    act_on_loads(session, [load.id])
    driver = drivers.get_driver(session, actor, driver_id)
    cause = Cause(now, actor, "dispatcher")
    assignment = book(
        session,
        load,
        driver,
        kind=AssignmentKind.PLANNED,
        cause=cause,
        assignment_id=assignment_id,
    )
    assignments.tell_driver(session, driver.id, MessageKind.LOAD_ASSIGNED, load.id)
    return assignments.get_assignment(session, actor, assignment.id)


def book(
    session: Session,
    load: Load,
    driver: Driver,
    *,
    kind: AssignmentKind,
    cause: Cause,
    assignment_id: UUID,
) -> Assignment:
    """Book the posted load for the driver.

    Other open offers of the load are lost; the driver's other offers are superseded.

    Locks: the offers, the driver; the caller has locked the load. Raises:
    LoadMoveRefused, LoadTaken, DriverBusy, NoTruck, IdTaken.
    """
    if load.status is not LoadStatus.POSTED:
        raise market.LoadTaken(f"The load is {load.status}.")
    moves.move_load(
        session, load, LoadAct.BOOK, cause, body={"driver_id": str(driver.id)}
    )
    assignment = assignments.put_driver_on(
        session, load, driver, kind=kind, assignment_id=assignment_id
    )
    server = Cause(cause.occurred_at, reason="the load was assigned")
    ending.end_the_rest(session, load.id, driver.id, server)
    return assignment
