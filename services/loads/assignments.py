"""Assignments: which driver carries which load, and how that begins and ends."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, delete, exists, or_, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from geo.distance import haversine_m
from geo.points import Point
from jobs import Job, enqueue
from models.fleet.drivers import Driver
from models.loads.assignments import (
    Assignment,
    AssignmentKind,
    AssignmentStatus,
    EndedParty,
    Slot,
)
from models.loads.loads import Load
from models.search.standing import StandingBy
from notifications import outbox
from notifications.messages import MessageKind
from runtime.errors import IdTaken, NotFound
from services.fleet import drivers
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.tenancy import act_on_loads
from services.loads.loads import asks_if_carried, get_own


class Way(NamedTuple):
    """How far a truck has driven for a load, and its newest position if any.

    since: when the load became the current one; None if it is still the next.
    """

    driven_m: float
    lat: float | None
    lon: float | None
    located_at: datetime | None
    since: datetime | None

    @property
    def point(self) -> Point | None:
        if self.lat is None or self.lon is None:
            return None
        return Point(self.lat, self.lon)


def visible_assignments(actor: Actor) -> Select[Assignment]:
    """Return the company's assignments, newest first; a driver sees only their own.

    A member of a suspended company sees only the active ones, and those whose load is
    interrupted with its freight still on their truck.
    """
    # scope: of the actor's own company; the load only says whether it is interrupted.
    seen = (
        select(Assignment)
        .where(Assignment.org_id == actor.org_id)
        .order_by(Assignment.id.desc())
    )
    if not actor.is_dispatcher:
        seen = seen.where(Assignment.driver_id == actor.driver_id)
    if actor.is_suspended:
        has_freight = select(Load.id).where(
            Load.interrupted_assignment_id == Assignment.id,
            Load.id == Assignment.load_id,
        )
        is_active = Assignment.status == AssignmentStatus.ACTIVE
        seen = seen.where(or_(is_active, exists(has_freight)))
    return seen.options(
        joinedload(Assignment.load).options(
            joinedload(Load.stops), asks_if_carried(actor)
        ),
        joinedload(Assignment.driver).options(
            joinedload(Driver.member), joinedload(Driver.truck)
        ),
    )


def get_assignment(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return the assignment with its load, stops and driver.

    Raises: NotFound.
    """
    query = visible_assignments(actor).where(Assignment.id == assignment_id)
    rows = session.scalars(query.execution_options(populate_existing=True))
    found = rows.unique().one_or_none()
    if found is None:
        raise NotFound(f"No assignment {assignment_id} in your company.")
    return found


def current_assignments(
    session: Session, driver_id: UUID, *, reader: Actor | None = None
) -> list[Assignment]:
    """Return the driver's active assignments, with loads and stops, the current first.

    reader: the actor to whom the loads are shown; None if they are not.
    """
    # scope: the caller found the driver by a scope.
    shown = [asks_if_carried(reader)] if reader is not None else []
    return list(
        session.scalars(
            select(Assignment)
            .where(
                Assignment.driver_id == driver_id,
                Assignment.status == AssignmentStatus.ACTIVE,
            )
            .order_by(Assignment.slot, Assignment.id)
            .options(
                joinedload(Assignment.load).options(joinedload(Load.stops), *shown)
            )
        ).unique()
    )


def put_driver_on(
    session: Session,
    load: Load,
    driver: Driver,
    *,
    kind: AssignmentKind,
    assignment_id: UUID,
    slot: Slot | None = None,
    after: Assignment | None = None,
    freed: UUID | None = None,
) -> Assignment:
    """Make the driver the load's only active driver; unique indexes decide a race.

    The driver's row is read again under its lock, before they are on_load. Nothing
    stands by for them any more.

    slot: None takes the current one if it is free, else the next.
    after: the company's assignment before, of the same booking.
    freed: the driver who has just lost the load, and is settled only now (`cut_short`).

    Locks: the drivers, then trucks. Raises: DriverBusy, NoTruck, IdTaken.
    """
    # scope: the caller found the driver by a scope.
    if driver.truck_id is None:
        raise drivers.NoTruck("Give the driver a truck first.")
    # Write the assignments before locking the driver, as everywhere. Ending an
    # assignment takes its locks in this order too, and the insert waits for that.
    session.flush()
    assignment = Assignment(
        id=assignment_id,
        org_id=driver.org_id,
        load_org_id=load.org_id,
        load_id=load.id,
        driver_id=driver.id,
        truck_id=driver.truck_id,
        kind=kind,
        slot=slot,
        first_booked_at=after.booked_at if after else None,
        status=AssignmentStatus.ACTIVE,
    )
    try:
        with session.begin_nested():
            session.add(assignment)
            session.flush()
    except IntegrityError as error:
        raise refusal(error) from None
    if freed is not None:
        drivers.lock_with_trucks(session, {freed, driver.id})
        drivers.settle_availability(session, freed)
    session.refresh(driver, with_for_update={"key_share": True, "of": Driver})
    drivers.settle_availability(session, driver.id)
    # What `end_standing_by` does for who was available: this may be their next load.
    session.execute(delete(StandingBy).where(StandingBy.driver_id == driver.id))
    return assignment


def refusal(error: IntegrityError) -> Exception:
    """Return the problem that fits the violated index, or the unexpected error."""
    message = str(error.orig)
    if "uq_assignments_active_truck_slot" in message:
        return drivers.DriverBusy("The driver's truck has another load already.")
    if "uq_assignments_active" in message:
        return drivers.DriverBusy("The driver has a load already.")
    if "pk_assignments" in message:
        # It may belong to a company that the caller may not know of.
        return IdTaken("Make a new assignment id.")
    return error


def end(
    session: Session,
    assignment: Assignment,
    status: AssignmentStatus,
    reason: str,
    *,
    now: datetime,
    is_settled: bool = True,
) -> None:
    """End the assignment and free its driver, unless they have another load.

    is_settled: False leaves the driver to the caller.

    Locks: the driver; the caller has locked the load.
    """
    assignment.status = status
    assignment.ended_at = now
    assignment.end_reason = reason
    session.flush()
    if is_settled:
        drivers.settle_availability(session, assignment.driver_id)


def way_of(session: Session, assignment: Assignment) -> Way:
    """Return the truck's way for the load. This transaction acts on the load."""
    way = text("select driven_m, lat, lon, located_at, since from way_of(:id)")
    return Way(*session.execute(way, {"id": assignment.id}).one())


def cut_short(
    session: Session,
    assignment: Assignment,
    load: Load,
    party: EndedParty,
    cause: Cause,
    *,
    way: Way | None = None,
    is_settled: bool = True,
) -> None:
    """End the assignment before its load is delivered; a search follows for its driver.

    The party that ended it, how far the truck had come, and the load as it is now are
    kept: the caller has moved the load, and read its stops. This transaction acts on
    the load.

    way: what `way_of` returned, if the caller has asked.
    is_settled: False leaves the driver, and their lock, to `put_driver_on`.

    Locks: the driver; the caller has locked the load.
    """
    way = way or way_of(session, assignment)
    assignment.ended_party = party
    assignment.ended_by = cause.actor.member_id if cause.actor else None
    assignment.driven_m = way.driven_m
    is_known = way.since and way.located_at and way.located_at >= way.since
    if way.point and is_known:
        assignment.left_m = haversine_m(way.point, load.stops[0].point)
    end(
        session,
        assignment,
        AssignmentStatus.CANCELLED,
        cause.reason or "",
        now=cause.occurred_at,
        is_settled=is_settled,
    )
    enqueue(session, Job.SEARCH_AFTER_END, assignment_id=str(assignment.id))


def endings_of(session: Session, actor: Actor, load_id: UUID) -> Select[Assignment]:
    """Return the assignments of a load of the actor's company that were cut short.

    Newest first; whichever company carried it. They say nothing of drivers and trucks.

    Raises: NotFound.
    """
    # scope: a load that the actor's company posted.
    get_own(session, actor, load_id)
    act_on_loads(session, [load_id])
    return (
        select(Assignment)
        .where(Assignment.load_id == load_id, Assignment.ended_party.is_not(None))
        .order_by(Assignment.id.desc())
    )


def tell_driver(
    session: Session, driver_id: UUID, kind: MessageKind, subject_id: UUID
) -> None:
    """Queue a message for each of the driver's phones."""
    outbox.put(session, [], kind, subject_id, driver_ids=[driver_id])


def tell_poster(session: Session, load: Load, kind: MessageKind) -> None:
    """Queue a message about the load for the poster's phones."""
    outbox.put(session, [load.posted_by], kind, load.id)
