"""Where a driver is when a search begins."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from geo.distance import haversine_m
from geo.points import Point
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from models.search.waiting import WaitingDriver
from services.fleet.flags import FARTHEST_FROM_STOP_M, is_too_fast
from services.fleet.positions import RECENT


class StartsFrom(StrEnum):
    """What the place of a search is: the STOP of the drop, the driver's newest
    POSITION, or the place that a REQUEST named."""

    STOP = "stop"
    POSITION = "position"
    REQUEST = "request"


class Whereabouts(NamedTuple):
    """Where a search begins."""

    point: Point
    starts_from: StartsFrom


def after_drop(
    session: Session, driver_id: UUID, drop: Stop, now: datetime
) -> Whereabouts:
    """Return where the driver is after a drop.

    Their newest position if it is newer than the completion: the report may have come
    hours late. Also an older one, more than 25 miles from the stop, from which no truck
    gets there in the time: the completion was reported from elsewhere. Else the stop.
    """
    # scope: a job, for one driver.
    known = session.get(LastPosition, driver_id, populate_existing=True)
    at_the_stop = Whereabouts(drop.point, StartsFrom.STOP)
    if known is None:
        return at_the_stop
    elsewhere = Whereabouts(known.point, StartsFrom.POSITION)
    before_s = ((drop.completed_at or now) - known.corrected_at).total_seconds()
    if before_s < 0:
        return elsewhere
    is_far = haversine_m(known.point, drop.point) > FARTHEST_FROM_STOP_M
    accuracy_m = known.accuracy_m or 0.0
    is_late = is_too_fast(known.point, drop.point, before_s, accuracy_m=accuracy_m)
    return elsewhere if is_far and is_late else at_the_stop


def since_search(session: Session, waits: WaitingDriver) -> Whereabouts:
    """Return the newest position of a driver who waits, if they were free by then, else
    where their last search started."""
    # scope: a job, for one driver.
    known = session.get(LastPosition, waits.driver_id, populate_existing=True)
    if known is not None and known.corrected_at > waits.free_at:
        return Whereabouts(known.point, StartsFrom.POSITION)
    return Whereabouts(waits.point, StartsFrom.STOP)


def place_of(session: Session, driver_id: UUID, now: datetime) -> Whereabouts | None:
    """Return where the driver is by `last_known`; None if nothing is known."""
    found = last_known(session, driver_id, now)
    return found and found[0]


def last_known(
    session: Session, driver_id: UUID, now: datetime
) -> tuple[Whereabouts, datetime] | None:
    """Return where the driver was last, and when.

    That is their newest position if it is RECENT, else that or the stop they came to
    last, whichever is newer. None if nothing is known.
    """
    # scope: a job, for one driver.
    known = session.get(LastPosition, driver_id, populate_existing=True)
    found = []
    if known is not None:
        here = Whereabouts(known.point, StartsFrom.POSITION)
        found.append((here, known.corrected_at))
    if known is None or known.corrected_at < now - RECENT:
        stop = _last_stop(session, driver_id)
        if stop is not None and stop.arrived_at is not None:
            found.append((Whereabouts(stop.point, StartsFrom.STOP), stop.arrived_at))
    return max(found, key=lambda each: each[1], default=None)


def _last_stop(session: Session, driver_id: UUID) -> Stop | None:
    # scope: a job, for one driver.
    return session.scalar(
        select(Stop)
        .join(Assignment, Assignment.load_id == Stop.load_id)
        .where(
            Assignment.driver_id == driver_id,
            Stop.arrived_at >= Assignment.created_at,
            or_(Assignment.ended_at.is_(None), Stop.arrived_at <= Assignment.ended_at),
        )
        .order_by(Stop.arrived_at.desc())
        .limit(1)
    )
