"""Reports of what happened at a stop: arrival, completion, departure.

No time and no place that a phone claims is refused: the next report of its queue would
wait for ever. What is hard to believe is kept, with flags for the desk.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, selectinload

from freight.lifecycles import LoadAct, LoadStatus, StopAct, StopStatus
from freight.roles import CARRYING, POSTERS
from geo.distance import haversine_m
from jobs import Job, enqueue
from models.loads.assignments import (
    NEWEST_FIRST,
    Assignment,
    AssignmentStatus,
    Slot,
)
from models.loads.loads import Load
from models.loads.stops import Stop, StopKind
from notifications.messages import MessageKind
from runtime.errors import Conflict, NotFound
from services.kernel import clocks, moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.tenancy import act_on_loads
from services.loads import assignments, reports, sequence
from services.loads.reports import Report


class AssignmentEnded(Conflict):
    """The driver no longer has the load."""

    code = "assignment-ended"
    title = "The driver no longer has the load"


class PickupNotConfirmed(Conflict):
    """The shipper has not confirmed the pickup; a dispatcher may release the truck."""

    code = "pickup-not-confirmed"
    title = "The shipper has not confirmed the pickup"


class StopOutOfOrder(Conflict):
    """An earlier stop is still open."""

    code = "stop-out-of-order"
    title = "An earlier stop is still open"


CONFIRMED = (
    *("confirmed_by", "confirmed_pieces", "confirmed_weight_kg"),
    *("seal_number", "bol_number"),
)
"""What a confirmation says about a stop, beside its time."""

DONE = frozenset({StopStatus.COMPLETED, StopStatus.DEPARTED})
LEFT = frozenset({StopStatus.DEPARTED})


class AtHand(NamedTuple):
    """A stop, its locked load, and the load's assignment."""

    load: Load
    stop: Stop
    assignment: Assignment


def arrive(
    session: Session,
    actor: Actor,
    stop_id: UUID,
    report: Report,
    *,
    search_after: timedelta,
    now: datetime,
) -> Stop:
    """Note that the truck arrived.

    At the last stop of the driver's current load a search before the drop follows (a
    job). Safe to repeat: a stop with an arrival is returned unchanged.

    search_after: how long after the report it follows, if they still unload then.

    Locks: the load. Raises: NotFound, AssignmentEnded, StopOutOfOrder,
    LoadMoveRefused.
    """
    at_hand = lock(session, actor, stop_id)
    load, stop, assignment = at_hand
    if stop.status is not StopStatus.PENDING:
        return stop
    check_order(load, stop, LEFT)
    cause, body = _cause(session, actor, at_hand, report, StopAct.ARRIVE, now)
    is_pickup = stop.kind is StopKind.PICKUP
    act = LoadAct.ARRIVE_PICKUP if is_pickup else LoadAct.ARRIVE_DELIVERY
    moves.move_load(session, load, act, cause, body={"stop_id": str(stop.id)})
    moves.move_stop(session, stop, load, StopAct.ARRIVE, cause, body=body)
    stop.arrived_at = cause.occurred_at
    if stop.confirmed_at is not None and load.status is LoadStatus.AT_PICKUP:
        # A confirmation before the arrival is kept and moves the load only now.
        moves.move_load(
            session,
            load,
            LoadAct.CONFIRM_PICKUP,
            Cause(now, reason="confirmed before the arrival was reported"),
        )
    if stop is load.stops[-1] and assignment.slot is Slot.CURRENT:
        enqueue(
            session,
            Job.SEARCH_ARRIVED,
            at=now + search_after,
            stop_id=str(stop.id),
            driver_id=str(assignment.driver_id),
        )
    return stop


def complete(
    session: Session, actor: Actor, stop_id: UUID, report: Report, *, now: datetime
) -> Stop:
    """Note that loading or unloading is done; the last stop delivers the load.

    Delivering the load frees the driver and enqueues one search for a way home. A
    poster who confirmed no pickup of it is told. Safe to repeat: a completed stop is
    returned unchanged, and no other search is enqueued.

    Locks: the load, then its driver. Raises: NotFound, AssignmentEnded,
    StopMoveRefused, LoadMoveRefused.
    """
    at_hand = lock(session, actor, stop_id)
    load, stop, assignment = at_hand
    if stop.status in DONE:
        return stop
    cause, body = _cause(session, actor, at_hand, report, StopAct.COMPLETE, now)
    moves.move_stop(session, stop, load, StopAct.COMPLETE, cause, body=body)
    stop.completed_at = cause.occurred_at
    if stop.kind is StopKind.PICKUP:
        return stop
    is_last = all(s.status in DONE for s in load.stops)
    act = LoadAct.DELIVER if is_last else LoadAct.UNLOAD
    moves.move_load(session, load, act, cause, body={"stop_id": str(stop.id)})
    if is_last:
        assignments.end(
            session, assignment, AssignmentStatus.COMPLETED, "delivered", now=now
        )
        if not has_confirmed_pickup(load):
            assignments.tell_poster(session, load, MessageKind.DELIVERED_UNCONFIRMED)
        enqueue(
            session,
            Job.SEARCH_RUN,
            once=f"backhaul:{stop.id}",
            stop_id=str(stop.id),
            driver_id=str(assignment.driver_id),
        )
    return stop


def depart(
    session: Session, actor: Actor, stop_id: UUID, report: Report, *, now: datetime
) -> Stop:
    """Note that the truck left; a pickup needs the shipper's confirmation first.

    Safe to repeat. Locks: the load. Raises: NotFound, AssignmentEnded,
    StopMoveRefused, LoadMoveRefused, PickupNotConfirmed.
    """
    at_hand = lock(session, actor, stop_id)
    return leave(session, actor, at_hand, report, now=now)


def leave(
    session: Session,
    actor: Actor,
    at_hand: AtHand,
    report: Report,
    *,
    reason: str | None = None,
    is_released: bool = False,
    now: datetime,
) -> Stop:
    """Note that the truck left the stop. The caller has locked the load.

    Safe to repeat: a stop that the truck has left is returned unchanged.

    reason: why a dispatcher released the truck, kept with the load's event.
    is_released: the truck may leave a pickup that the shipper has not confirmed.

    Raises: StopMoveRefused, LoadMoveRefused, PickupNotConfirmed.
    """
    load, stop, _ = at_hand
    if stop.status is StopStatus.DEPARTED:
        return stop
    cause, body = _cause(session, actor, at_hand, report, StopAct.DEPART, now)
    moves.move_stop(session, stop, load, StopAct.DEPART, cause, body=body)
    stop.departed_at = cause.occurred_at
    if stop.kind is StopKind.DELIVERY:
        moves.move_load(session, load, LoadAct.DEPART_DELIVERY, cause)
        return stop
    if stop.confirmed_at is None and not is_released:
        raise PickupNotConfirmed(
            "The shipper must confirm the pickup, or a dispatcher release the truck"
            " with a reason."
        )
    left = Cause(cause.occurred_at, actor, cause.source, reason)
    moves.move_load(session, load, LoadAct.DEPART_PICKUP, left)
    return stop


def check_order(load: Load, stop: Stop, finished: frozenset[StopStatus]) -> None:
    """Raise StopOutOfOrder while a stop before this one is not `finished`."""
    for earlier in load.stops:
        if earlier.sequence < stop.sequence and earlier.status not in finished:
            raise StopOutOfOrder(
                f"Stop {earlier.sequence} is {earlier.status}: finish it first.",
                extra={"open_stop_id": str(earlier.id)},
            )


def reopen(session: Session, load: Load, cause: Cause) -> None:
    """Make every stop pending again, for the next driver.

    A pickup's confirmation is cleared, with an event: this truck leaves without the
    freight, and nobody has confirmed the next one. The caller has locked the load.

    Raises: LoadMoveRefused if part of the freight is on the truck.
    """
    check_nothing_aboard(load)
    for stop in load.stops:
        wait_again(stop)
    clear_waiting(session, load, cause)


def clear_waiting(session: Session, load: Load, cause: Cause) -> None:
    """Clear the confirmation of each pickup to which the truck has not come.

    Another truck will come there, and nobody has confirmed what that one loads. The
    caller has locked the load.
    """
    for stop in load.stops:
        if stop.confirmed_at is not None and stop.status is StopStatus.PENDING:
            _clear_confirmation(session, load, stop, cause)


def wait_again(stop: Stop) -> None:
    """Make the stop pending, as its next truck has not arrived; the events stay."""
    stop.status = StopStatus.PENDING
    stop.arrived_at = stop.completed_at = stop.departed_at = None


def _clear_confirmation(session: Session, load: Load, stop: Stop, cause: Cause) -> None:
    body: dict[str, Any] = {"stop_id": str(stop.id)}
    body |= {name: getattr(stop, name) for name in CONFIRMED}
    # A poster, too, takes a load from its truck.
    roles = CARRYING | POSTERS
    moves.record_load(session, load, "confirmation_cleared", cause, roles, body=body)
    for name in ("confirmed_at", *CONFIRMED):
        setattr(stop, name, None)


def is_aboard(load: Load) -> bool:
    """Say whether freight of a load underway is on the truck, or partly unloaded."""
    return any(stop.completed_at is not None for stop in load.stops)


def has_confirmed_pickup(load: Load) -> bool:
    """Say whether the poster confirmed a pickup of the load."""
    return any(stop.confirmed_at is not None for stop in load.stops)


def check_nothing_aboard(load: Load) -> None:
    """Raise LoadMoveRefused if part of the freight is on the truck."""
    # A load is AT_PICKUP until the shipper confirms, and again at its next pickup.
    if is_aboard(load):
        raise moves.LoadMoveRefused(
            "Part of the freight is on the truck: interrupt the load instead.",
            extra={"current_status": load.status},
        )


def lock(session: Session, actor: Actor, stop_id: UUID) -> AtHand:
    """Lock the load of a stop; return the load, the stop and its assignment.

    A driver finds the stops of the loads they carry or carried, a dispatcher those of
    the company. Those who lost the load get AssignmentEnded, whatever happened to the
    load and its stops since.

    The assignment is the actor's active one, else the completed one.

    Locks: the load. Raises: NotFound; AssignmentEnded if each was cancelled.
    """
    # scope: only loads with an assignment of the actor or the actor's company.
    mine = (
        Assignment.org_id == actor.org_id
        if actor.is_dispatcher
        else Assignment.driver_id == actor.driver_id
    )
    load = session.scalar(
        select(Load)
        .join(Stop, Stop.load_id == Load.id)
        .where(
            Stop.id == stop_id,
            exists().where(Assignment.load_id == Load.id, mine),
        )
        .options(selectinload(Load.stops))
        .with_for_update(of=Load)
        .execution_options(populate_existing=True)
    )
    if load is None:
        raise _gone(session, stop_id, mine)
    act_on_loads(session, [load.id])
    assignment = session.scalars(
        select(Assignment)
        .where(Assignment.load_id == load.id, mine)
        .order_by(Assignment.status == AssignmentStatus.CANCELLED, *NEWEST_FIRST)
        .limit(1)
        .execution_options(populate_existing=True)
    ).one()
    if assignment.status is AssignmentStatus.CANCELLED:
        raise _ended(assignment)
    return AtHand(load, next(s for s in load.stops if s.id == stop_id), assignment)


def _gone(session: Session, stop_id: UUID, mine: ColumnElement[bool]) -> Exception:
    """Return the problem of a stop that is on no load: the load may have been edited
    since it was taken from the actor, who must not notice."""
    # scope: assignments of the actor or the actor's company.
    has_it = Assignment.load_kept["stops"].contains([{"id": str(stop_id)}])
    lost = session.scalars(
        select(Assignment)
        .where(mine, Assignment.status == AssignmentStatus.CANCELLED, has_it)
        .order_by(*NEWEST_FIRST)
        .limit(1)
    ).one_or_none()
    return (
        NotFound(f"No stop {stop_id} on your loads.") if lost is None else _ended(lost)
    )


def _ended(assignment: Assignment) -> AssignmentEnded:
    """Return the problem, with the load's status when the assignment ended."""
    kept = assignment.load_kept or {}
    extra = {"load_status": kept["status"]} if kept else {}
    return AssignmentEnded(
        f"The assignment ended: {assignment.end_reason}.", extra=extra
    )


def _cause(
    session: Session,
    actor: Actor,
    at_hand: AtHand,
    report: Report,
    act: StopAct,
    now: datetime,
) -> tuple[Cause, dict[str, Any]]:
    """Return when and by whom, and what the event keeps; raise flags for the desk."""
    load, stop, assignment = at_hand
    believed = clocks.believed(
        report.occurred_at,
        sent_at=report.sent_at,
        received_at=now,
        earliest=sequence.earliest(stop, assignment),
    )
    is_own = actor.driver_id == assignment.driver_id
    source = "phone" if is_own else "dispatcher"
    body: dict[str, Any] = {"phone_time": report.phone_time}
    if report.position is not None:
        body["position"] = {
            "lat": report.position.lat,
            "lon": report.position.lon,
            "accuracy_m": report.accuracy_m,
            "from_stop_m": round(haversine_m(report.position, stop.point)),
        }
    reports.flag_doubts(
        *(session, assignment, stop, act, report, believed),
        before=sequence.before(load, stop),
        is_of_desk=not is_own,
    )
    return Cause(believed.at, actor, source), body
