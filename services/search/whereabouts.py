"""Where a driver is who has to be searched for."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from geo.points import Point
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment
from models.loads.stops import Stop

RECENT = timedelta(minutes=30)
"""A driver is where their newest position is, if it is not older."""


def place_of(session: Session, driver_id: UUID, now: datetime) -> Point | None:
    """Return the newest position if it is recent, else the stop they came to last.

    Without a stop it is an older position; None if nothing is known.
    """
    # scope: a job, for one driver.
    known = session.get(LastPosition, driver_id, populate_existing=True)
    if known is not None and known.corrected_at >= now - RECENT:
        return Point(known.lat, known.lon)
    stop = session.scalar(
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
    if stop is not None:
        return stop.point
    return Point(known.lat, known.lon) if known is not None else None
