"""Whom a load that came finds among those who wait, and their trucks as columns."""

# scope: called by jobs, for one load and all who may see it.

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session, joinedload

from freight.candidates import Candidate
from freight.columns import seconds_of
from freight.preferences import PreferenceKind
from freight.situation import Situation
from freight.waiting import Trucks, longest_s, types_for
from geo.distance import haversine_m
from geo.points import Point
from geo.roads import Roads
from models.fleet.drivers import Driver
from models.people.organisations import Organisation
from models.search.waiting import WaitingDriver
from services.fleet import positions
from services.judging.situations import (
    IS_CREW,
    Company,
    at_sight,
    cost_of,
    hour_of,
    wishes_of,
)
from services.loads.market import ON_THE_MARKET
from services.search.done import IS_DONE
from services.search.waiting import RINGS, is_home

DETOUR = 2.0
"""A way by road is hardly longer than twice the great circle."""

NEAR = """
    abs(coalesce(p.lat, w.lat) - loads.pickup_lat) * 110800
        <= coalesce(d.max_deadhead_m, :max_deadhead_m)
    and 2 * 6350000 * asin(least(1, sqrt(
        sin(radians(coalesce(p.lat, w.lat) - loads.pickup_lat) / 2) ^ 2
        + cos(radians(loads.pickup_lat)) * cos(radians(coalesce(p.lat, w.lat)))
        * sin(radians(coalesce(p.lon, w.lon) - loads.pickup_lon) / 2) ^ 2)))
    <= coalesce(d.max_deadhead_m, :max_deadhead_m)
"""
"""The great circle, on an Earth that is a little too small: no road is shorter. Before,
the part of it from south to north: most drivers are excluded without a sine."""

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
    with near as materialized (
        select w.driver_id, p.lat as seen_lat, p.lon as seen_lon
        from loads
        join waiting_drivers w on not loads.id = any (w.load_ids)
        join drivers d on d.id = w.driver_id
        left join last_positions p on p.driver_id = w.driver_id
            and p.corrected_at > w.free_at
        where loads.id = :load_id and {NEAR}
            and greatest(w.free_at, p.corrected_at) > now() - :lost_after
            and d.availability = 'available' and d.home_lat is not null
    )
    select w.driver_id, w.lat, w.lon, near.seen_lat, near.seen_lon,
        greatest(w.free_at, now()) as free_at, w.baseline_m, w.baseline_s,
        {IS_AS_SEARCHED} as is_as_searched,
        d.home_lat, d.home_lon, d.max_deadhead_m, d.preferences,
        t.cost_empty_cents_per_km, t.cost_loaded_cents_per_km, t.hour_cents,
        o.cost_cents_per_km as company_cost, o.hour_cents as company_hour
    from near
    join waiting_drivers w on w.driver_id = near.driver_id
    join drivers d on d.id = near.driver_id
    join trucks t on t.id = d.truck_id
    join organisations o on o.id = w.org_id
    join loads on loads.id = :load_id
        and {ON_THE_MARKET.replace(":org_id", "w.org_id").replace(":now", "now()")}
    where t.equipment = any (:types) and o.suspended_at is null
        and not exists (select from assignments a
            where a.driver_id = w.driver_id and a.status = 'active')
        and not exists (select from offers f
            where f.driver_id = w.driver_id and f.load_id = loads.id
            and f.status <> 'superseded')
        and not exists (select from backhaul_searches s
            where s.driver_id = w.driver_id and s.searched_at >= :since
            and loads.id = any (s.load_ids))
        and not {IS_DONE.format(driver_id="w.driver_id", since="w.since")}
        and {RINGS.format(driver_id="w.driver_id")} < :rings_per_day
    order by w.driver_id
    """
)
"""Who waits, may be offered the load, and was not offered it already, nor searched for
on its account since. An offer that was superseded, as by an edit of the load, does not
count. With their newest position, as `whereabouts.since_search` knows it; a driver of
whom no place has been known for `positions.NEAR` may be anywhere, and is left out.

Materialized: the offers of those only are read who are near. With 20,000 who wait, of
whom one in ten is near, and 60,000 offers: 35 ms instead of 80.
"""


@dataclass(frozen=True)
class Waiting:
    """Waiting drivers, and their trucks as columns in the same order."""

    driver_ids: Sequence[UUID]
    trucks: Trucks


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
