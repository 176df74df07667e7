"""The search before the drop, while the driver is at their last stop."""

# scope: a job, for the driver of a stop.

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from models.loads.stops import Stop
from models.search.searches import BackhaulSearch, SearchTrigger
from services.judging.start import claim, is_unloading
from services.judging.whereabouts import StartsFrom, Whereabouts
from services.search.run import SearchRules, search_from


def search_arrived(
    session: Session,
    rules: SearchRules,
    *,
    stop_id: UUID,
    driver_id: UUID,
    now: datetime,
) -> BackhaulSearch | None:
    """Search from the last stop of a driver's current load before they are done there,
    free when that is expected (a job).

    An acceptance books the driver's next load. Searches nothing, and returns None, if
    by now the driver is done there, lost the load or has a next one. Safe to repeat: a
    stop is searched once before its drop.

    Locks: the loads it may offer, then the driver.
    """
    if not is_unloading(session, driver_id, stop_id):
        return None
    start = {"stop_id": stop_id}
    search = claim(session, driver_id, SearchTrigger.ARRIVED, now, **start)
    if search is None:
        return None
    stop = session.get_one(Stop, stop_id)
    free_at = max(_expected_end(stop, rules.parameters.dwell_s), now)
    place = Whereabouts(stop.point, StartsFrom.STOP)
    return search_from(session, rules, search, place, free_at)


def _expected_end(stop: Stop, dwell_s: float) -> datetime:
    """Return when the truck can leave, as a trip is planned: early at a stop means to
    wait until its window opens. Weekly hours are not asked, as it is there already."""
    assert stop.arrived_at is not None
    return max(stop.arrived_at, stop.window_from) + timedelta(seconds=dwell_s)
