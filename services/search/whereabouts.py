"""Where a driver is, for a search that does not start from a drop."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from geo.points import Point
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from services.fleet.positions import RECENT


def place_of(session: Session, driver_id: UUID, now: datetime) -> Point | None:
    """Return the newest position if it is RECENT, else the stop they came to last.

    Without a stop, an older position; None if nothing is known.
    """
    # scope: a job, for one driver.
    known = session.get(LastPosition, driver_id, populate_existing=True)
    if known is not None and known.corrected_at >= now - RECENT:
        return known.point
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
    return known.point if known is not None else None
