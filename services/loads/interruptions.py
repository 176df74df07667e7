"""Interruptions: freight is aboard, and no driver has the load.

The load keeps where the freight is until the carrier puts another driver on it
(`services/booking/take_over.py`), or the poster says that it came back or arrived by
other means.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.lifecycles import LoadAct, LoadStatus, StopStatus
from geo.points import Point
from models.loads.assignments import Assignment, EndedParty
from models.loads.loads import Load
from notifications.messages import MessageKind
from services.fleet.positions import RECENT
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.loads import assignments, stops
from services.loads.assignments import Way
from services.loads.loads import lock_own

LEFT_WITH = "left_with"
"""In an event that ends an interruption: the assignment that had the freight last."""


def interrupt(
    session: Session,
    load: Load,
    assignment: Assignment,
    party: EndedParty,
    cause: Cause,
    *,
    note: str = "",
) -> None:
    """Take the driver off a load with freight aboard; the place of the freight is kept.

    The driver is free, as the assignment ends. A stop where the truck had arrived and
    was not done yet is pending again, and a pickup that was confirmed and not loaded
    needs another confirmation. The driver and the poster are told. If the
    carrier interrupts, that counts as a give-back.

    Locks: the driver; the caller has locked the load. Raises: LoadMoveRefused.
    """
    if not stops.is_aboard(load):
        raise moves.LoadMoveRefused(
            "Nothing is on the truck: hand the load back, unassign or cancel it.",
            extra={"current_status": load.status},
        )
    way = assignments.way_of(session, assignment)
    place = _place_of(load, way, cause.occurred_at)
    mark(session, load, LoadAct.INTERRUPT, assignment, place, cause, note=note)
    load.interrupted_assignment_id = assignment.id
    for stop in load.stops:
        if stop.status is StopStatus.ARRIVED:
            stops.wait_again(stop)
    stops.clear_waiting(session, load, cause)
    assignments.cut_short(session, assignment, load, party, cause, way=way)
    if party is EndedParty.CARRIER:
        # Else a carrier could report a pickup from its office, and let go uncounted.
        assignment.given_back_after_s = assignment.after_s
    assignments.tell_driver(
        session, assignment.driver_id, MessageKind.LOAD_UNASSIGNED, load.id
    )
    assignments.tell_poster(session, load, MessageKind.LOAD_INTERRUPTED)


def _place_of(load: Load, way: Way, at: datetime) -> Point:
    """Return the truck's position if it is RECENT, else the stop it last came to."""
    if way.point and way.located_at and way.located_at >= at - RECENT:
        return way.point
    return [stop.point for stop in load.stops if stop.arrived_at is not None][-1]


def mark(
    session: Session,
    load: Load,
    act: LoadAct,
    last: Assignment,
    place: Point,
    cause: Cause,
    *,
    note: str,
) -> None:
    """Move the load to interrupted; keep since when, why, and where the freight is.

    last: the assignment whose driver loses the load.

    The caller has locked the load. Raises: LoadMoveRefused.
    """
    body = {"from": str(last.driver_id), "note": note}
    moves.move_load(
        session, load, act, cause, body=body | {"lat": place.lat, "lon": place.lon}
    )
    load.interrupted_at = cause.occurred_at
    load.interruption_reason = cause.reason
    load.interrupted_lat, load.interrupted_lon = place.lat, place.lon


def clear(load: Load) -> None:
    """Forget the interruption, which the events keep. The caller moves the load."""
    load.interrupted_at = load.interruption_reason = None
    load.interrupted_lat = load.interrupted_lon = None
    load.interrupted_assignment_id = None


def take_back(
    session: Session, actor: Actor, load_id: UUID, *, note: str, now: datetime
) -> Load:
    """End an interrupted load of the poster: the freight has come back.

    Safe to repeat. Locks: the load. Raises: NotFound, LoadMoveRefused.
    """
    load = lock_own(session, actor, load_id)
    if load.status is LoadStatus.CANCELLED and load.cancel_reason == RETURNED:
        return load
    _close(session, load, LoadAct.RETURN, Cause(now, actor, "poster", RETURNED), note)
    load.cancel_reason = RETURNED
    return load


def note_delivery(
    session: Session, actor: Actor, load_id: UUID, *, note: str, now: datetime
) -> Load:
    """End an interrupted load of the poster: the freight arrived by other means.

    The stops stay as the drivers left them. Safe to repeat.

    Locks: the load. Raises: NotFound, LoadMoveRefused.
    """
    load = lock_own(session, actor, load_id)
    if load.status is LoadStatus.DELIVERED:
        return load
    cause = Cause(now, actor, "poster", "arrived by other means")
    _close(session, load, LoadAct.DELIVER, cause, note)
    return load


RETURNED = "returned"
"""The reason of a load that was cancelled because its freight came back."""


def _close(session: Session, load: Load, act: LoadAct, cause: Cause, note: str) -> None:
    """End an interrupted load and tell the driver whose truck had the freight."""
    # scope: the last assignment of a load that the caller has locked.
    # Not by the table alone: a dispatcher also delivers at a stop, for a driver.
    if load.status is not LoadStatus.INTERRUPTED:
        raise moves.LoadMoveRefused(
            f"The load is {load.status}, not interrupted.",
            extra={"current_status": load.status},
        )
    carried_by = load.interrupted_assignment_id
    body = {"note": note, LEFT_WITH: str(carried_by)}
    moves.move_load(session, load, act, cause, body=body)
    clear(load)
    driver_id = session.scalar(
        select(Assignment.driver_id).where(Assignment.id == carried_by)
    )
    if driver_id is not None:
        assignments.tell_driver(session, driver_id, MessageKind.LOAD_ENDED, load.id)
