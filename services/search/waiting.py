"""Drivers who wait for a load: since when, where, and which loads to judge for them.

No load is missed: a driver's waiting is committed before their own search reads the
market, and a load's job reads who waits after the load was committed. So a load is
either on the market that the search reads, or its job finds the driver here.
"""

# scope: called by jobs, for one driver, or for one load and all who may see it.

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.orm import Session, joinedload

from freight.candidates import Candidate
from freight.columns import seconds_of
from freight.preferences import PreferenceKind
from freight.situation import Situation
from freight.tables import Question
from freight.waiting import Trucks, longest_s, types_for
from geo.distance import METRES_PER_MILE, haversine_m
from geo.points import Point
from geo.roads import Roads
from models.fleet.drivers import Availability, Driver
from models.loads.assignments import Assignment
from models.people.organisations import Organisation
from models.search.searches import BackhaulSearch, SearchOutcome
from models.search.waiting import WaitingDriver
from services.fleet import positions
from services.loads.market import ON_THE_MARKET
from services.search import whereabouts
from services.search.done import IS_DONE
from services.search.situations import (
    IS_CREW,
    Company,
    at_sight,
    cost_of,
    hour_of,
    wishes_of,
)

HOME_M = 25 * METRES_PER_MILE
"""A driver who is so near home is home, and waits no more."""

DETOUR = 2.0
"""A way by road is hardly longer than twice the great circle."""

ANEW = """
    on conflict (driver_id) do update set since = excluded.since, lat = excluded.lat,
        lon = excluded.lon, free_at = excluded.free_at, baseline_m = null,
        baseline_s = null
"""

BEGIN_AFTER_DROP = text(
    f"""
    insert into waiting_drivers (driver_id, org_id, since, lat, lon, free_at)
    select d.id, d.org_id, coalesce(s.completed_at, :now), s.lat, s.lon, :now
    from drivers d, stops s where d.id = :driver_id and s.id = :stop_id
        and not exists (select from backhaul_searches b where b.stop_id = s.id)
    {ANEW}
    """
)
"""One statement, since it stands before the search of every drop."""

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

NEAR = """
    2 * 6350000 * asin(least(1, sqrt(
        sin(radians(coalesce(p.lat, w.lat) - loads.pickup_lat) / 2) ^ 2
        + cos(radians(loads.pickup_lat)) * cos(radians(coalesce(p.lat, w.lat)))
        * sin(radians(coalesce(p.lon, w.lon) - loads.pickup_lon) / 2) ^ 2)))
    <= coalesce(d.max_deadhead_m, :max_deadhead_m)
"""
"""The great circle, on an Earth that is a little too small: no road is shorter."""

IS_AS_SEARCHED = f"""
    w.baseline_m is not null
    and (w.home_lat, w.home_lon, w.is_crew)
    = (d.home_lat, d.home_lon, {IS_CREW.format(driver="d")})
"""
"""Whether home and crew are those of the empty way home in the row. Else it is not
known, or there is none yet, and the driver may gain anything until their next search.
"""

FOR_A_LOAD = text(
    f"""
    select w.driver_id, w.lat, w.lon, p.lat as seen_lat, p.lon as seen_lon,
        greatest(w.free_at, now()) as free_at, w.baseline_m, w.baseline_s,
        {IS_AS_SEARCHED} as is_as_searched,
        d.home_lat, d.home_lon, d.max_deadhead_m, d.preferences,
        t.cost_empty_cents_per_km, t.cost_loaded_cents_per_km, t.hour_cents,
        o.cost_cents_per_km as company_cost, o.hour_cents as company_hour
    from waiting_drivers w
    join drivers d on d.id = w.driver_id
    join trucks t on t.id = d.truck_id
    join organisations o on o.id = w.org_id
    left join last_positions p on p.driver_id = w.driver_id
        and p.corrected_at > w.free_at
    join loads on loads.id = :load_id
        and {ON_THE_MARKET.replace(":org_id", "w.org_id").replace(":now", "now()")}
    where t.equipment = any (:types) and {NEAR}
        and greatest(w.free_at, p.corrected_at) > now() - :lost_after
        and d.availability = 'available' and d.home_lat is not null
        and o.suspended_at is null
        and not exists (select from assignments a
            where a.driver_id = w.driver_id and a.status = 'active')
        and not exists (select from offers f
            where f.driver_id = w.driver_id and f.load_id = loads.id
            and f.status <> 'superseded')
        and not exists (select from backhaul_searches s
            where s.driver_id = w.driver_id and s.searched_at >= :since
            and loads.id = any (s.load_ids))
        and not loads.id = any (w.load_ids)
        and not {IS_DONE.format(driver_id="w.driver_id", since="w.since")}
        and {RINGS.format(driver_id="w.driver_id")} < :rings_per_day
    order by w.driver_id
    """
)
"""Who waits, may be offered the load, and was not offered it already, nor searched for
on its account since. An offer that was superseded, as by an edit of the load, does not
count. With their newest position, as `whereabouts.since_search` knows it; a driver of
whom no place has been known for `positions.NEAR` may be anywhere, and is left out."""


@dataclass(frozen=True)
class Waiting:
    """Waiting drivers, and their trucks as columns in the same order."""

    driver_ids: Sequence[UUID]
    trucks: Trucks


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
    their waiting if they are home."""
    place, home = asked.situation.drop, asked.situation.home
    if is_home(place, home):
        end(session, driver_id)
        return
    session.execute(
        update(WaitingDriver)
        .where(WaitingDriver.driver_id == driver_id)
        .values(
            lat=place.lat,
            lon=place.lon,
            baseline_m=asked.baseline.distance_m,
            baseline_s=asked.baseline.elapsed_s,
            home_lat=home.lat,
            home_lon=home.lon,
            is_crew=asked.situation.is_crew,
        )
    )


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


def for_load(
    session: Session,
    load: Candidate,
    roads: Roads,
    *,
    since: datetime,
    max_deadhead_m: float,
    rings_per_day: int,
) -> Waiting:
    """Return the waiting drivers near enough who may be offered the load.

    since: those who were searched for on its account since then are left out.
    max_deadhead_m: of those who named no limit.
    rings_per_day: those whose phones rang so often are left alone.
    """
    asked = {"load_id": load.load_id, "since": since, "lost_after": positions.NEAR}
    asked |= {"max_deadhead_m": max_deadhead_m, "types": types_for(load)}
    asked |= {"rings_per_day": rings_per_day}
    rows = [row for row in session.execute(FOR_A_LOAD, asked) if not _is_home(row)]
    places = [_place(row) for row in rows]
    moved_m = [_moved_m(row, place) for row, place in zip(rows, places, strict=True)]
    columns = {
        "free_at": [seconds_of(row.free_at) for row in rows],
        "baseline_m": [
            row.baseline_m + more_m if row.is_as_searched else nan
            for row, more_m in zip(rows, moved_m, strict=True)
        ],
        "baseline_s": [
            row.baseline_s + longest_s(more_m) if row.is_as_searched else nan
            for row, more_m in zip(rows, moved_m, strict=True)
        ],
        "cost_empty_cents_per_km": [_cost(row, "empty") for row in rows],
        "cost_loaded_cents_per_km": [_cost(row, "loaded") for row in rows],
        "hour_cents": [hour_of(row.hour_cents, row.company_hour)[0] for row in rows],
        "max_deadhead_m": [
            max_deadhead_m if r.max_deadhead_m is None else r.max_deadhead_m
            for r in rows
        ],
        "wishes_cents": [_wishes_cents(row.preferences) for row in rows],
    }
    trucks = Trucks(
        place=roads.places(places),
        home=roads.places([Point(row.home_lat, row.home_lon) for row in rows]),
        **{name: np.array(values, "f8") for name, values in columns.items()},
    )
    return Waiting([row.driver_id for row in rows], trucks)


def situations(session: Session, driver_ids: Collection[UUID]) -> dict[UUID, Situation]:
    """Return what a search would know of these waiting drivers `at_sight`, each at the
    place where their last one started."""
    rows = session.execute(
        select(Driver, WaitingDriver, *Company.columns())
        .join(Organisation, Organisation.id == Driver.org_id)
        .join(WaitingDriver, WaitingDriver.driver_id == Driver.id)
        .where(Driver.id.in_(driver_ids), Driver.home_lat.is_not(None))
        .options(joinedload(Driver.truck, innerjoin=True))
    )
    return {
        row.Driver.id: at_sight(
            *(row.Driver, row.Driver.truck, Company.of(row)),
            drop=row.WaitingDriver.point,
            home=row.Driver.home,
            free_at=row.WaitingDriver.free_at,
        ).situation
        for row in rows
    }


def _place(row: Row[Any]) -> Point:
    if row.seen_lat is None:
        return Point(row.lat, row.lon)
    return Point(row.seen_lat, row.seen_lon)


def _is_home(row: Row[Any]) -> bool:
    return is_home(_place(row), Point(row.home_lat, row.home_lon))


def _moved_m(row: Row[Any], place: Point) -> float:
    """Return how much longer the way home may be than that of the last search.

    A truck that moved has no way home that is known; this is on the safe side.
    """
    air_m = haversine_m(Point(row.lat, row.lon), place)
    return DETOUR * air_m if air_m > 0 else 0.0


def _cost(row: Row[Any], kind: str) -> float:
    of_truck = getattr(row, f"cost_{kind}_cents_per_km")
    return cost_of(of_truck, row.company_cost)[0]


def _wishes_cents(preferences: Sequence[dict[str, Any]]) -> float:
    """Return the most that the wishes add to a gain: only lanes do."""
    return float(
        sum(
            wish.cents
            for wish in wishes_of(preferences)
            if wish.kind is PreferenceKind.LANE and not wish.is_hard
        )
    )
