"""Whom loads that came find among those who wait, and their trucks as columns."""

# scope: called by jobs, for loads and all who may see them.

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import (
    ARRAY,
    DateTime,
    Interval,
    Row,
    String,
    Uuid,
    bindparam,
    select,
    text,
)
from sqlalchemy.orm import Session, joinedload

from freight.candidates import Candidate
from freight.columns import T0_S, Numbers
from freight.preferences import PreferenceKind
from freight.situation import Parameters, Situation
from freight.waiting import Trucks, longest_s, types_for
from geo.points import Point
from geo.roads import Roads
from geo.sphere import great_circle_m
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
from services.search.waiting import HOME_M, LAST_RING, RINGS

DETOUR = 2.0
"""A way by road is hardly longer than twice the great circle."""

HERE, HOME, SEARCHED = "w.lat, w.lon", "w.home_lat, w.home_lon", "w.s_lat, w.s_lon"
PICKUP = "loads.pickup_lat, loads.pickup_lon"
DELIVERY = "loads.delivery_lat, loads.delivery_lon"


def _air_m(a: str, b: str) -> str:
    """Return the great circle on an Earth that is a little too small, in SQL: no road
    is shorter."""
    (a_lat, a_lon), (b_lat, b_lon) = a.split(", "), b.split(", ")
    return f"""2 * 6350000 * asin(least(1, sqrt(
        sin(radians({a_lat} - {b_lat}) / 2) ^ 2
        + cos(radians({a_lat})) * cos(radians({b_lat}))
        * sin(radians({a_lon} - {b_lon}) / 2) ^ 2)))"""


NEAR = f"""
    abs(w.lat - loads.pickup_lat) * 110800 <= w.max_deadhead_m
    and {_air_m(HERE, PICKUP)} <= w.max_deadhead_m
"""
"""Whether the pickup may be near enough. First the part of the way from south to north:
most drivers are excluded without a sine."""

ON_THE_WAY = f"""
    (w.baseline_m is null
        or {_air_m(HERE, PICKUP)} + loads.loaded_m + {_air_m(DELIVERY, HOME)}
        <= w.baseline_m + {DETOUR} * {_air_m(SEARCHED, HERE)} + :max_detour_m)
"""
"""Whether the detour may be short enough, by air. Most of those who are near live
elsewhere, and all that follows is asked of the others only."""

FOR_LOADS = text(
    f"""
    with waits as materialized (
        select d.id, d.org_id, d.home_lat, d.home_lon, t.equipment,
            coalesce(d.max_deadhead_m, :max_deadhead_m) as max_deadhead_m,
            coalesce(p.lat, w.lat) as lat, coalesce(p.lon, w.lon) as lon,
            w.lat as s_lat, w.lon as s_lon, w.since, w.load_ids,
            case when (w.home_lat, w.home_lon) = (d.home_lat, d.home_lon)
                then w.baseline_m end as baseline_m
        from waiting_drivers w
        join drivers d on d.id = w.driver_id
        join trucks t on t.id = d.truck_id
        left join last_positions p on p.driver_id = w.driver_id
            and p.corrected_at > w.free_at
        where greatest(w.free_at, p.corrected_at) > now() - :lost_after
            and d.availability = 'available' and d.home_lat is not null
    ), near as materialized (
        select loads.id as load_id, came.since as came_at, w.*
        from unnest(:load_ids, :sinces) as came (load_id, since)
        join loads on loads.id = came.load_id
        join unnest(:fitting_ids, :fitting) as fits (load_id, equipment)
            on fits.load_id = loads.id
        join waits w on w.equipment = fits.equipment and not loads.id = any (w.load_ids)
        where {NEAR} and {ON_THE_WAY}
    )
    select near.load_id, near.id as driver_id, near.lat, near.lon,
        near.home_lat, near.home_lon, s_lat as searched_lat, s_lon as searched_lon,
        near.baseline_m, w.baseline_s,
        near.baseline_m is not null and w.is_crew = {IS_CREW.format(driver="d")}
            as is_as_searched,
        extract(epoch from greatest(w.free_at, now()))::float8 as free_at,
        coalesce({LAST_RING.format(driver_id="near.id")} + :ring_every > now(), false)
            as is_quiet,
        near.max_deadhead_m, nullif(d.preferences, '[]') as wishes,
        t.cost_empty_cents_per_km as empty, t.cost_loaded_cents_per_km as loaded,
        t.hour_cents, o.cost_cents_per_km as company_cost, o.hour_cents as company_hour
    from near
    join waiting_drivers w on w.driver_id = near.id
    join drivers d on d.id = near.id
    join trucks t on t.id = d.truck_id
    join organisations o on o.id = near.org_id
    join loads on loads.id = near.load_id
        and {ON_THE_MARKET.replace(":org_id", "near.org_id").replace(":now", "now()")}
    where o.suspended_at is null
        and not exists (select from offers f
            where f.driver_id = near.id and f.load_id = near.load_id
            and f.status <> 'superseded')
        and not exists (select from backhaul_searches s
            where s.driver_id = near.id and s.searched_at >= near.came_at
            and near.load_id = any (s.load_ids))
        and not {IS_DONE.format(driver_id="near.id", since="near.since")}
        and {RINGS.format(driver_id="near.id")} < :rings_per_day
    order by near.load_id, near.id
    """
).bindparams(
    bindparam("load_ids", type_=ARRAY(Uuid)),
    bindparam("sinces", type_=ARRAY(DateTime(timezone=True))),
    bindparam("fitting_ids", type_=ARRAY(Uuid)),
    bindparam("fitting", type_=ARRAY(String)),
    bindparam("ring_every", type_=Interval),
)
"""Who waits, may be offered each load, and was not offered it already, nor searched for
on its account since it came. An offer that was superseded, as by an edit of the load,
does not count. With their newest position, as `whereabouts.since_search` knows it; a
driver of whom no place has been known for `positions.NEAR` may be anywhere, and is left
out.

Materialized: who waits is read once for all loads, and the offers of those only who are
near.
"""


@dataclass(frozen=True)
class Waiting:
    """Waiting drivers, and their trucks as columns in the same order.

    now: those who may be rung now: their phones did not ring in the last minute.
    """

    driver_ids: Sequence[UUID]
    trucks: Trucks
    now: Set[UUID]


def for_loads(
    session: Session,
    loads: Mapping[UUID, Candidate],
    came: Mapping[UUID, datetime],
    roads: Roads,
    *,
    parameters: Parameters,
    ring_every: timedelta,
    rings_per_day: int,
) -> dict[UUID, Waiting]:
    """Return the waiting drivers who may be offered each load, and are near enough.

    A load that nobody waits for is left out.

    came: when each load came; those who were searched for on its account since then
        are left out.
    parameters: its limits are those of drivers who named none.
    ring_every: who was rung no longer ago may not be rung now.
    rings_per_day: those whose phones rang so often are left out.
    """
    fits = [(load_id, each) for load_id in loads for each in types_for(loads[load_id])]
    asked = {
        "load_ids": list(loads),
        "sinces": [came[load_id] for load_id in loads],
        "fitting_ids": [load_id for load_id, _ in fits],
        "fitting": [equipment.value for _, equipment in fits],
        "lost_after": positions.NEAR,
        "max_deadhead_m": parameters.max_deadhead_m,
        "max_detour_m": parameters.max_detour_m,
        "ring_every": ring_every,
        "rings_per_day": rings_per_day,
    }
    rows = session.execute(FOR_LOADS, asked).all()
    return {
        load_id: found
        for load_id, of_load in groupby(rows, key=attrgetter("load_id"))
        if (found := _waiting(list(of_load), roads)).driver_ids
    }


def _waiting(rows: Sequence[Row[Any]], roads: Roads) -> Waiting:
    """Return those of the rows who are not home."""
    place, home = _points(rows, "lat", "lon"), _points(rows, "home_lat", "home_lon")
    away = np.flatnonzero(great_circle_m(*place, *home) > HOME_M)
    rows = [rows[row] for row in away.tolist()]
    place, home = place[:, away], home[:, away]
    # A truck that moved has no way home that is known: no less than it may be.
    searched = _points(rows, "searched_lat", "searched_lon")
    moved_m = DETOUR * great_circle_m(*searched, *place)
    costs = {
        f"cost_{kind}_cents_per_km": [
            cost_of(getattr(row, kind), row.company_cost)[0] for row in rows
        ]
        for kind in ("empty", "loaded")
    }
    trucks = Trucks(
        place=roads.places(list(map(Point, *place.tolist()))),
        home=roads.places(list(map(Point, *home.tolist()))),
        free_at=_floats([row.free_at for row in rows]) - T0_S,
        baseline_m=_known(rows, "baseline_m") + moved_m,
        baseline_s=_known(rows, "baseline_s") + longest_s(moved_m),
        hour_cents=_floats([hour_of(r.hour_cents, r.company_hour)[0] for r in rows]),
        max_deadhead_m=_floats([row.max_deadhead_m for row in rows]),
        wishes_cents=_floats([_wishes_cents(row.wishes) for row in rows]),
        **{name: _floats(values) for name, values in costs.items()},
    )
    now = {row.driver_id for row in rows if not row.is_quiet}
    return Waiting([row.driver_id for row in rows], trucks, now)


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


def _floats(values: Sequence[float | None]) -> Numbers:
    """Return the values as an array; None is NaN."""
    return np.array(values, "f8")


def _known(rows: Sequence[Row[Any]], name: str) -> Numbers:
    """Return this column of the empty way home; NaN where that is of another home or
    crew: then it is not known, and the driver may gain anything until their next
    search."""
    return _floats([getattr(r, name) if r.is_as_searched else None for r in rows])


def _points(rows: Sequence[Row[Any]], lat: str, lon: str) -> Numbers:
    """Return an array of two rows, of the degrees in these columns."""
    return np.array([[getattr(row, name) for row in rows] for name in (lat, lon)], "f8")


def _wishes_cents(preferences: Sequence[dict[str, Any]] | None) -> float:
    """Return the most that the wishes add to a gain: only lanes do."""
    if not preferences:
        return 0.0
    return float(
        sum(
            wish.cents
            for wish in wishes_of(preferences)
            if wish.kind is PreferenceKind.LANE and not wish.is_hard
        )
    )
