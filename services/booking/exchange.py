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
from services.fleet import drivers
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

    Locks: the driver's loads, the driver. Raises: what `drivers.edit_driver` raises;
    DriverBusy; Objected, if what speaks against the truck cannot be overruled.
    """
    # scope: `drivers.get_driver` finds the driver; the loads are those they have.
    loads = {}
    if "truck_id" in fields:
        active = select(Assignment.load_id).where(
            Assignment.driver_id == driver_id,
            Assignment.org_id == actor.org_id,
            Assignment.status == AssignmentStatus.ACTIVE,
        )
        loads = overrides.lock_loads(session, session.scalars(active))
    old = drivers.get_driver(session, actor, driver_id, is_locked=True).truck_id
    driver = drivers.edit_driver(session, actor, driver_id, precondition, **fields)
    if driver.truck_id == old:
        return driver
    carried = assignments.current_assignments(session, driver.id)
    if not carried:
        return driver
    if not actor.is_dispatcher:
        raise DriverBusy("You have a load: only a dispatcher may change the truck.")
    if driver.truck is None:
        raise DriverBusy("The driver has a load: give them another truck.")
    if any(each.load_id not in loads for each in carried):
        raise DriverBusy("The driver got a load at this moment: try again.")
    for each in carried:
        each.truck_id = driver.truck_id
    try:
        session.flush()
    except IntegrityError as error:
        raise assignments.refusal(error) from None
    cause = Cause(now, actor, "dispatcher")
    for load in loads.values():
        objections.check_truck(load, driver, driver.truck, now=now)
        _record(session, load, cause, old, driver)
    return driver


def _record(
    session: Session, load: Load, cause: Cause, old: UUID | None, driver: Driver
) -> None:
    body = {"driver_id": str(driver.id), "from": str(old), "to": str(driver.truck_id)}
    moves.record_load(session, load, "truck_changed", cause, CARRYING, body=body)
