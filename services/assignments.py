"""Assignments: a dispatcher plans a load for his driver, and everybody's view."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload
from uuid_utils.compat import uuid7

from errors import Conflict, Gone, IdTaken, NotFound
from freight.lifecycles import LoadAct, LoadStatus, OfferAct
from models.assignments import Assignment, AssignmentKind, AssignmentStatus
from models.drivers import Driver
from models.loads import Load
from notifications.messages import MessageKind
from services import drivers, loads, moves, open_offers
from services.actors import Actor
from services.events import Cause
from services.holds import hold


class LoadTaken(Gone):
    """Somebody else has the load."""

    code = "load-taken"
    title = "The load is taken"


class NoTruck(Conflict):
    """The driver has no truck to carry it with."""

    code = "driver-without-truck"
    title = "The driver has no truck"


def visible_assignments(actor: Actor) -> Select[Assignment]:
    """Return the company's assignments; a driver sees his own."""
    seen = (
        select(Assignment)
        .where(Assignment.org_id == actor.org_id)
        .order_by(Assignment.id.desc())
    )
    if not actor.is_dispatcher:
        seen = seen.where(Assignment.driver_id == actor.driver_id)
    return seen.options(
        joinedload(Assignment.load).selectinload(Load.stops),
        joinedload(Assignment.driver).options(
            joinedload(Driver.member), joinedload(Driver.truck)
        ),
    )


def get_assignment(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return the assignment with its load, stops and driver.

    Raises: NotFound.
    """
    found = session.scalar(
        visible_assignments(actor)
        .where(Assignment.id == assignment_id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound(f"No assignment {assignment_id} in your company.")
    return found


def current_assignments(session: Session, driver_id: UUID) -> list[Assignment]:
    """Return the driver's active assignments, with loads and stops, oldest first."""
    # scope: the caller found the driver by his scope.
    return list(
        session.scalars(
            select(Assignment)
            .where(
                Assignment.driver_id == driver_id,
                Assignment.status == AssignmentStatus.ACTIVE,
            )
            .order_by(Assignment.id)
            .options(joinedload(Assignment.load).selectinload(Load.stops))
        )
    )


def lock_market_load(session: Session, actor: Actor, load_id: UUID) -> Load:
    """Lock and return a load that the actor's company may take.

    Raises: NotFound; LoadTaken if it was on the market and is not any more.
    """
    load = session.scalar(
        loads.market_loads(actor).where(Load.id == load_id).with_for_update(of=Load)
    )
    if load is None:
        raise _off_market(session, actor, load_id)
    return load


def check_on_market(session: Session, actor: Actor, load_id: UUID) -> None:
    """Make sure the actor's company may take the load, as far as can be seen now.

    Raises: NotFound; LoadTaken if it was on the market and is not any more.
    """
    # scope: `market_loads` is the door.
    seen = loads.market_loads(actor).where(Load.id == load_id)
    if session.scalar(seen.with_only_columns(Load.id)) is None:
        raise _off_market(session, actor, load_id)


def _off_market(session: Session, actor: Actor, load_id: UUID) -> Exception:
    known = session.scalar(loads.visible_loads(actor).where(Load.id == load_id))
    if known is None:
        return NotFound(f"No load {load_id} on the market.")
    return LoadTaken(
        f"The load is {known.status}.", extra={"current_status": known.status}
    )


def plan(
    session: Session,
    actor: Actor,
    *,
    assignment_id: UUID | None,
    load_id: UUID,
    driver_id: UUID,
    now: datetime,
) -> Assignment:
    """Give a posted load to a driver of the company; he and the offered ones are told.

    Safe to repeat with the same `assignment_id`.

    Locks: the load, its offers, the driver. Raises: NotFound, LoadTaken, DriverBusy,
    NoTruck, IdTaken.
    """
    # scope: a repeat is compared with the company; the load is looked at again.
    assignment_id = assignment_id or uuid7()
    # The same plan sent twice at once: the second looks when the first is done.
    session.execute(select(Load.id).where(Load.id == load_id).with_for_update())
    known = session.get(Assignment, assignment_id)
    if known is not None:
        if known.org_id != actor.org_id or known.load_id != load_id:
            raise IdTaken("Make a new assignment id.")
        return get_assignment(session, actor, assignment_id)
    load = lock_market_load(session, actor, load_id)
    hold(session, [load.id])
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
    loads.tell_driver(session, driver.id, MessageKind.LOAD_ASSIGNED, load.id)
    return get_assignment(session, actor, assignment.id)


def book(
    session: Session,
    load: Load,
    driver: Driver,
    *,
    kind: AssignmentKind,
    cause: Cause,
    assignment_id: UUID,
) -> Assignment:
    """Book the posted load for the driver; other offers of it are lost, his others
    superseded. The caller holds the load's lock.

    Raises: LoadMoveRefused, LoadTaken, DriverBusy, NoTruck.
    """
    if load.status is not LoadStatus.POSTED:
        raise LoadTaken(f"The load is {load.status}.")
    moves.move_load(
        session, load, LoadAct.BOOK, cause, body={"driver_id": str(driver.id)}
    )
    assignment = put_driver_on(
        session, load, driver, kind=kind, assignment_id=assignment_id
    )
    server = Cause(cause.occurred_at, reason="the load was assigned")
    open_offers.end_for_load(session, load.id, OfferAct.LOSE, server)
    open_offers.end_for_driver(session, driver.id, OfferAct.SUPERSEDE, server)
    return assignment


def put_driver_on(
    session: Session,
    load: Load,
    driver: Driver,
    *,
    kind: AssignmentKind,
    assignment_id: UUID,
) -> Assignment:
    """Make the driver the load's one active driver; the unique indexes judge.

    Locks: the driver. Raises: LoadTaken, DriverBusy, NoTruck.
    """
    if driver.truck_id is None:
        raise NoTruck("Give the driver a truck first.")
    # Before the driver's lock, as everywhere: whoever ends an assignment takes them
    # in this order, and the insert waits for him.
    session.flush()
    assignment = Assignment(
        id=assignment_id,
        org_id=driver.org_id,
        load_org_id=load.org_id,
        load_id=load.id,
        driver_id=driver.id,
        truck_id=driver.truck_id,
        kind=kind,
        status=AssignmentStatus.ACTIVE,
    )
    try:
        with session.begin_nested():
            session.add(assignment)
            session.flush()
    except IntegrityError as error:
        raise _refusal(error) from None
    drivers.settle_availability(session, driver.id)
    return assignment


def _refusal(error: IntegrityError) -> Exception:
    """Return what the index that judged says; an unexpected error stays itself."""
    judged = str(error.orig)
    if "uq_assignments_active_load" in judged:
        return LoadTaken("Another driver has the load.")
    if "uq_assignments_active" in judged:
        return drivers.DriverBusy("The driver has a load already.")
    if "pk_assignments" in judged:
        # Of a company that he may not know of.
        return IdTaken("Make a new assignment id.")
    return error
