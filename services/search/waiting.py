"""Drivers who wait for a load: since when, where, and which loads to judge for them.

No load is missed: a driver's waiting is committed before their own search reads the
market, and a load's job reads who waits after the load was committed. So a load is
either on the market that the search reads, or its job finds the driver here.
"""

# scope: called by jobs, for one driver, or for one load and all who may see it.

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from freight.tables import Question
from geo.distance import METRES_PER_MILE, haversine_m
from geo.points import Point
from models.fleet.drivers import Availability, Driver
from models.loads.assignments import Assignment
from models.search.searches import BackhaulSearch, SearchOutcome
from models.search.waiting import WaitingDriver
from services.judging import whereabouts
from services.search.done import IS_DONE

HOME_M = 25 * METRES_PER_MILE
"""A driver who is so near home is home, and waits no more."""

ANEW = """
    on conflict (driver_id) do update set since = excluded.since, lat = excluded.lat,
        lon = excluded.lon, free_at = excluded.free_at, baseline_m = null,
        baseline_s = null
"""

BEGIN_AFTER_DROP = text(
    f"""
    insert into waiting_drivers (driver_id, org_id, since, lat, lon, free_at)
    select d.id, d.org_id, coalesce(a.searched_at, s.completed_at, :now), s.lat, s.lon,
        :now
    from drivers d cross join stops s
    left join backhaul_searches a on a.stop_id = s.id and a.driver_id = d.id
        and a.trigger = 'arrived' and a.outcome = 'offered'
    where d.id = :driver_id and s.id = :stop_id
        and not exists (select from backhaul_searches b
            where b.stop_id = s.id and b.trigger = 'drop_completed')
    {ANEW}
    """
)
"""One statement, since it stands before the search of every drop. Who was offered loads
before it has waited since then: what they declined is not offered again."""

BEGIN = text(
    f"""
    insert into waiting_drivers (driver_id, org_id, since, lat, lon, free_at)
    select id, org_id, :now, :lat, :lon, :seen_at from drivers where id = :driver_id
    {ANEW}
    """
)

BEGIN_ASKED = text(
    f"""
    insert into waiting_drivers (driver_id, org_id, since, lat, lon, free_at)
    select id, org_id, :now, :lat, :lon, :free_at from drivers
    where id = :driver_id and availability = 'available'
        and not exists (select from assignments a
            where a.driver_id = :driver_id and a.status = 'active')
    on conflict (driver_id) do update set lat = excluded.lat, lon = excluded.lon,
        free_at = excluded.free_at, baseline_m = null, baseline_s = null,
        since = case when :is_own and {
        IS_DONE.format(
            driver_id="waiting_drivers.driver_id", since="waiting_drivers.since"
        )
    } then excluded.since else waiting_drivers.since end
    """
)
"""Who waits already has waited since then. Who said "no more today" and asks after all
waits from now on."""

LAST_RING = """
    (select max(f.created_at) from offers f where f.driver_id = {driver_id})
"""
"""When the driver's phones rang last for offers."""

RINGS = """
    (select count(distinct f.created_at) from offers f
    where f.driver_id = {driver_id} and f.created_at > now() - interval '1 day')
"""
"""How often the driver's phones rang for offers in 24 hours. Offers made at once have
one time, and are one ring."""


def begin_after_drop(
    session: Session, *, stop_id: UUID, driver_id: UUID, now: datetime
) -> None:
    """Let the driver wait, unless the drop was searched; `run.search_home` follows."""
    # scope: a job, for the driver of the drop.
    drop = {"stop_id": stop_id, "driver_id": driver_id, "now": now}
    session.execute(BEGIN_AFTER_DROP, drop)


def begin_after_end(session: Session, *, assignment_id: UUID, now: datetime) -> None:
    """Let the driver wait, unless this end was searched for; `run.search_after_end`
    follows."""
    # scope: a job, for the driver of the assignment.
    driver_id = session.get_one(Assignment, assignment_id).driver_id
    searched = select(BackhaulSearch.id).where(
        BackhaulSearch.assignment_id == assignment_id
    )
    if session.scalar(searched) is None:
        _begin(session, driver_id, now)


def begin_on_duty(session: Session, *, driver_id: UUID, now: datetime) -> None:
    """Let a driver who came back on duty wait where they were last, unless that is home
    (a job). No search of all loads: for that they ask.

    Safe to repeat.
    """
    # scope: a job, for one driver.
    driver = session.get_one(Driver, driver_id)
    if driver.availability is not Availability.AVAILABLE:
        return
    place = _begin(session, driver_id, now)
    if place is not None and driver.home is not None and is_home(place, driver.home):
        end(session, driver_id)


def _begin(session: Session, driver_id: UUID, now: datetime) -> Point | None:
    """Let the driver wait where they were last; return the place, None if none is
    known."""
    known = whereabouts.last_known(session, driver_id, now)
    if known is None:
        return None
    place, seen_at = known[0].point, known[1]
    at = {"lat": place.lat, "lon": place.lon, "seen_at": seen_at, "now": now}
    session.execute(BEGIN, {"driver_id": driver_id, **at})
    return place


def begin_asked(
    session: Session,
    driver_id: UUID,
    place: Point,
    free_at: datetime,
    now: datetime,
    *,
    is_own: bool,
) -> None:
    """Let the driver wait at this place, from this time on, if they can take a load.

    is_own: they have asked themselves, which takes back a "no more today".
    """
    at = {"lat": place.lat, "lon": place.lon, "free_at": free_at, "now": now}
    asked = {"driver_id": driver_id, "is_own": is_own}
    session.execute(BEGIN_ASKED, asked | at)


def is_home(place: Point, home: Point) -> bool:
    """Say whether a driver at this place is home."""
    return haversine_m(place, home) <= HOME_M


def settle(session: Session, driver_id: UUID, asked: Question) -> None:
    """Note where the driver's search started, and the empty way home from there; end
    their waiting if they are home. The caller has locked the row."""
    place, home = asked.situation.drop, asked.situation.home
    if is_home(place, home):
        end(session, driver_id)
        return
    waits = session.get(WaitingDriver, driver_id)
    if waits is not None:
        waits.lat, waits.lon = place.lat, place.lon
        waits.baseline_m = asked.baseline.distance_m
        waits.baseline_s = asked.baseline.elapsed_s
        waits.home_lat, waits.home_lon = home.lat, home.lon
        waits.is_crew = asked.situation.is_crew


def quiet_until(session: Session, driver_id: UUID, every: timedelta) -> datetime | None:
    """Return until when the driver's phone does not ring for loads that came."""
    asked = text(f"select {LAST_RING.format(driver_id=':driver_id')}")
    last: datetime | None = session.scalar(asked, {"driver_id": driver_id})
    return None if last is None else last + every


def end_if_in_vain(session: Session, driver_id: UUID, why: SearchOutcome) -> None:
    """End the waiting of a driver who was not searched for, unless others may mend why:
    papers that lack something, or a company that is suspended."""
    if why not in {SearchOutcome.DRIVER_INCOMPLETE, SearchOutcome.COMPANY_SUSPENDED}:
        end(session, driver_id)


def end(session: Session, driver_id: UUID) -> None:
    """Let the driver wait no more."""
    session.execute(delete(WaitingDriver).where(WaitingDriver.driver_id == driver_id))


def rings(session: Session, driver_id: UUID) -> int:
    """Return how often the driver's phones rang for offers in 24 hours."""
    asked = text(f"select {RINGS.format(driver_id=':driver_id')}")
    return int(session.scalar(asked, {"driver_id": driver_id}) or 0)
