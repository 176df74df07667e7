"""Drivers: home, limits, truck, availability."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from jobs import Job, enqueue
from models.fleet.drivers import Availability, Driver
from models.fleet.trucks import Truck
from models.loads.assignments import NEWEST_FIRST, Assignment, AssignmentStatus
from models.search.standing import Silence
from runtime.errors import Conflict, Forbidden, NotFound
from services.fleet import ringing, trucks
from services.kernel.actors import Actor
from services.kernel.versions import Precondition

NEWEST = 3
"""`settle_driver` locks the trucks of a driver's newest loads, of at most so many."""


OF_THE_DESK = {
    "country": "country",
    "countries": "countries",
    "has_hazmat_endorsement": "hazmat endorsement",
}
"""What a driver does not say of themselves, as nobody may overrule what it decides, and
the words for it."""


OF_THE_DRIVER = {
    "quiet_hours": "quiet hours",
    "rings_while_moving": "whether they are rung while the truck moves",
    "offers_wait_for_drop": "whether offers wait for the drop",
}
"""What only the driver changes: when they are left alone, and the words for it."""

OF_THEIR_SETTINGS = (Silence.MOVING, Silence.QUIET_HOURS, Silence.UNLOADING)
"""Why they may not be rung, that these decide."""


class DriverBusy(Conflict):
    """The driver has a load."""

    code = "driver-busy"
    title = "The driver has a load"


class NoTruck(Exception):
    """The driver has no truck to carry a load with."""


class CrewFull(Conflict):
    """Two drivers have this truck: a crew is one driver or two."""

    code = "truck-crew-full"
    title = "The truck has a crew of two"


def visible_drivers(actor: Actor) -> Select[Driver]:
    """Return the drivers of the actor's company; a driver sees only themselves."""
    seen = select(Driver).where(Driver.org_id == actor.org_id).order_by(Driver.id)
    if actor.driver_id is not None and not actor.is_dispatcher:
        seen = seen.where(Driver.id == actor.driver_id)
    return seen.options(joinedload(Driver.member), joinedload(Driver.truck))


def get_driver(
    session: Session, actor: Actor, driver_id: UUID, *, is_locked: bool = False
) -> Driver:
    """Return the driver, with their member and truck.

    Locks: the driver, if `is_locked`. Raises: NotFound.
    """
    query = visible_drivers(actor).where(Driver.id == driver_id)
    if is_locked:
        # A transaction that gives the driver a load has a key share of the row, and
        # waits for it next.
        query = query.with_for_update(of=Driver, key_share=True).execution_options(
            populate_existing=True
        )
    driver = session.scalar(query)
    if driver is None:
        raise NotFound(f"No driver {driver_id} in your company.")
    return driver


def edit_driver(
    session: Session,
    actor: Actor,
    driver_id: UUID,
    precondition: Precondition,
    **fields: Any,  # noqa: ANN401 - columns
) -> Driver:
    """Change the given fields of a driver; the others stay. A driver who comes back on
    duty waits for a load (a job).

    Locks: the driver. Raises: NotFound (driver or truck), DriverBusy if the
    availability would contradict their load or a country changes under one, Forbidden
    if a driver changes what the desk answers for (`OF_THE_DESK`) or another person ends
    their time off duty or changes what is theirs (`OF_THE_DRIVER`), CrewFull,
    PreconditionRequired, VersionMismatch.

    What stood by because the driver was not to be rung is looked at again (a job), if
    they change when that is.
    """
    if not actor.is_dispatcher and (refused := OF_THE_DESK.keys() & fields):
        names = ", ".join(sorted(OF_THE_DESK[name] for name in refused))
        raise Forbidden(f"Only a dispatcher may change the {names}.")
    driver = get_driver(session, actor, driver_id, is_locked=True)
    precondition.check(driver)
    if fields.get("truck_id") is not None:
        trucks.get_truck(session, actor, fields["truck_id"])
    if "availability" in fields:
        _check_may_end_time_off(actor, driver, fields["availability"])
        _check_availability(session, driver, fields["availability"])
    _check_is_theirs(actor, driver, fields)
    for name in ("country", "countries"):
        if fields.get(name, getattr(driver, name)) != getattr(driver, name):
            _check_has_no_load(session, driver)
    was_away = driver.availability is not Availability.AVAILABLE
    for name, value in fields.items():
        setattr(driver, name, value)
    if was_away and driver.availability is Availability.AVAILABLE:
        enqueue(session, Job.SEARCH_BEGIN_WAITING, driver_id=str(driver.id))
    try:
        session.flush()
    except IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        if getattr(diagnosis, "constraint_name", None) != "ck_drivers_crew":
            raise
        raise CrewFull("Take the truck from one of its two drivers first.") from None
    if OF_THE_DRIVER.keys() & fields:
        ringing.open_again(session, driver.id, *OF_THEIR_SETTINGS)
    session.expire(driver, ["truck"])
    return get_driver(session, actor, driver_id)


def _check_is_theirs(actor: Actor, driver: Driver, fields: dict[str, Any]) -> None:
    """Raise Forbidden if another person changes when the driver is left alone."""
    for name, words in OF_THE_DRIVER.items():
        is_changed = fields.get(name, getattr(driver, name)) != getattr(driver, name)
        if is_changed and actor.driver_id != driver.id:
            raise Forbidden(f"Only the driver may change that: {words}.")


def _check_may_end_time_off(
    actor: Actor, driver: Driver, availability: Availability
) -> None:
    """Raise Forbidden if another person than the driver ends their time off duty."""
    is_ended = availability is not driver.availability is Availability.OFF_DUTY
    if is_ended and actor.driver_id != driver.id:
        raise Forbidden("The driver is off duty: only they may change that.")


def _check_availability(
    session: Session, driver: Driver, availability: Availability
) -> None:
    is_on_load = has_load(session, driver.id)
    if is_on_load != (availability is Availability.ON_LOAD):
        raise DriverBusy(
            "The driver has a load and stays on_load until the assignment ends."
            if is_on_load
            else "The driver has no load; on_load is only for a driver who has one."
        )


def _check_has_no_load(session: Session, driver: Driver) -> None:
    """Raise DriverBusy if the driver has a load: it was booked for their countries."""
    if has_load(session, driver.id):
        raise DriverBusy("The driver has a load: change countries when it has ended.")


def lock(session: Session, driver_id: UUID) -> None:
    """Lock the driver, so that other decisions about the driver's loads wait."""
    # scope: the caller found the driver by a scope.
    session.execute(
        select(Driver.id).where(Driver.id == driver_id).with_for_update(key_share=True)
    )


def lock_with_trucks(
    session: Session, driver_ids: Collection[UUID], also: Collection[UUID] = ()
) -> None:
    """Lock the drivers, and then the trucks of their newest loads, each by id.

    also: further trucks to lock.

    `settle_driver` locks a driver and then trucks: to settle a second driver of a crew
    after the first would lock a driver after the truck.
    """
    # scope: the caller found the drivers by a scope.
    by_id = select(Driver.id).where(Driver.id.in_(driver_ids)).order_by(Driver.id)
    session.execute(by_id.with_for_update(key_share=True))
    truck_ids = set(also)
    for driver_id in driver_ids:
        theirs = select(Assignment.truck_id).where(Assignment.driver_id == driver_id)
        newest = theirs.order_by(*NEWEST_FIRST).limit(NEWEST)
        truck_ids |= set(session.scalars(newest))
    by_id = select(Truck.id).where(Truck.id.in_(truck_ids)).order_by(Truck.id)
    session.execute(by_id.with_for_update(key_share=True))


def has_load(session: Session, driver_id: UUID) -> bool:
    """Say whether the driver has an active assignment."""
    # scope: the caller found the driver by a scope.
    active = select(Assignment.id).where(
        Assignment.driver_id == driver_id,
        Assignment.status == AssignmentStatus.ACTIVE,
    )
    return session.scalar(active.limit(1)) is not None


def settle_availability(
    session: Session, driver_id: UUID, left: Collection[UUID] = ()
) -> None:
    """Make the driver ON_LOAD if they have a load, AVAILABLE if they have none.

    The next loads of the driver and of their trucks become current where the slot is
    free.

    left: trucks that the driver has left, whose next loads become current too.

    Locks: the driver, the trucks.
    """
    # A database function, as a shipper's cancellation frees another company's driver.
    session.execute(
        text("select settle_driver(:driver, cast(:left as uuid[]))"),
        {"driver": driver_id, "left": sorted(left)},
    )
