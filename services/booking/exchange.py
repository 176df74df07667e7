"""Exchange: the desk gives a driver another truck, and their loads go on with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from freight.roles import CARRYING
from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from services.booking import objections, overrides
from services.fleet import drivers, trucks
from services.fleet.drivers import DriverBusy
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.versions import Precondition
from services.loads import assignments


def edit_driver(
    session: Session,
    actor: Actor,
    driver_id: UUID,
    precondition: Precondition,
    *,
    now: datetime,
    **fields: Any,  # noqa: ANN401 - columns
) -> Driver:
    """Change the given fields of a driver; their loads follow to another truck.

    While the driver has a load, only a dispatcher changes the truck, and not to none.
    The next load of the truck that they leave becomes its current one.

    Locks: the company, the driver's loads, the driver, the trucks. Raises: what
    `drivers.edit_driver` raises; DriverBusy; Objected, if what speaks against the truck
    cannot be overruled.
    """
    if "truck_id" not in fields:
        return drivers.edit_driver(session, actor, driver_id, precondition, **fields)
    truck_id = fields["truck_id"]
    left, loads = _move_loads(session, actor, driver_id, precondition, truck_id)
    old = drivers.get_driver(session, actor, driver_id, is_locked=True).truck_id
    driver = drivers.edit_driver(session, actor, driver_id, precondition, **fields)
    if driver.truck_id == old:
        return driver
    carried = assignments.current_assignments(session, driver.id)
    if {each.load_id for each in carried} != loads.keys():
        raise DriverBusy("The driver got a load at this moment: try again.")
    if driver.truck is None or not loads:
        return driver
    cause = Cause(now, actor, "dispatcher")
    for load in loads.values():
        objections.check_truck(session, load, driver, driver.truck, now=now)
        _record(session, load, cause, old, driver)
    drivers.settle_availability(session, driver.id, left)
    return driver


def _move_loads(
    session: Session,
    actor: Actor,
    driver_id: UUID,
    precondition: Precondition,
    truck_id: UUID | None,
) -> tuple[set[UUID], dict[UUID, Load]]:
    """Write the truck into the driver's assignments, if it is another one.

    Return the trucks that they leave, and the loads. The assignments are written
    before the driver and the trucks are locked, as everywhere: who ends the load of a
    truck holds its slot, and then waits for the driver and the truck.

    Locks: the company, the loads, the driver, the trucks.
    """
    # scope: `drivers.get_driver` finds the driver; the loads are those they have.
    active = select(Assignment.load_id).where(
        Assignment.driver_id == driver_id,
        Assignment.org_id == actor.org_id,
        Assignment.status == AssignmentStatus.ACTIVE,
    )
    if session.scalar(active.limit(1)) is None:
        return set(), {}
    # Two that swap trucks would each wait for the other to leave its slot.
    overrides.take_turns(session, actor)
    loads = overrides.lock_loads(session, session.scalars(active))
    driver = drivers.get_driver(session, actor, driver_id)
    carried = assignments.current_assignments(session, driver.id)
    if driver.truck_id == truck_id or not carried:
        return set(), {}
    precondition.check(driver)
    if not actor.is_dispatcher:
        raise DriverBusy("You have a load: only a dispatcher may change the truck.")
    if truck_id is None:
        raise DriverBusy("The driver has a load: give them another truck.")
    if any(each.load_id not in loads for each in carried):
        raise DriverBusy("The driver got a load at this moment: try again.")
    trucks.get_truck(session, actor, truck_id)
    left = {each.truck_id for each in carried if each.truck_id is not None}
    for each in carried:
        each.truck_id = truck_id
    try:
        session.flush()
    except IntegrityError as error:
        raise assignments.refusal(error) from None
    drivers.lock_with_trucks(session, {driver.id}, left | {truck_id})
    return left, {each.load_id: loads[each.load_id] for each in carried}


def _record(
    session: Session, load: Load, cause: Cause, old: UUID | None, driver: Driver
) -> None:
    body = {"driver_id": str(driver.id), "from": str(old), "to": str(driver.truck_id)}
    moves.record_load(session, load, "truck_changed", cause, CARRYING, body=body)
