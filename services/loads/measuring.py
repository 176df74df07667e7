"""Measuring a load's way by road: its stops on the road network, and its legs."""

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from freight.lifecycles import LoadStatus
from geo.roads import Roads
from models.loads.loads import Load
from services.loads import places_of_stops

OF_INTEREST = (
    *(LoadStatus.DRAFT, LoadStatus.POSTED, LoadStatus.HELD, LoadStatus.WITHDRAWN),
)
"""Loads that are on the market or may come to it. The figures that a carrier agreed to
are not changed."""


NO_ROAD = "no_road"
"""The `distance_source` of a load whose stops no road joins: no search finds it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One batch.

    last: the greatest load id looked at, None if no load was left.
    without_road: loads with a leg that no road joins; they keep their earlier length.
    """

    last: UUID | None
    measured: int
    without_road: tuple[UUID, ...]


def measure(load: Load, roads: Roads) -> int | None:
    """Set the load's length, and the place and the leg of each of its stops.

    Returns the number of the first stop that no road joins with the one before; the
    load then keeps its length. None if the whole way is by road.
    """
    stops = load.stops
    for stop, place in zip(
        stops, roads.places([stop.point for stop in stops]).to_bytes(), strict=True
    ):
        stop.road_place, stop.road_version = place, roads.version
    ways = [roads.way(a.point, b.point) for a, b in pairwise(stops)]
    without_road = None
    stops[0].leg_m = stops[0].leg_access_m = None
    for number, (stop, way) in enumerate(zip(stops[1:], ways, strict=True), start=1):
        has_road = isfinite(way.metres)
        stop.leg_m, stop.leg_access_m = way if has_road else (None, None)
        if not has_road and without_road is None:
            without_road = number
    if without_road is None:
        load.loaded_m = sum(way.metres for way in ways)
        load.loaded_access_m = sum(way.access_m for way in ways)
        load.distance_source = roads.source
    else:
        load.distance_source = NO_ROAD
    return without_road


def measure_batch(
    session: Session, roads: Roads, *, after: UUID | None, most: int
) -> Measured:
    """Measure loads that were not, or by another version of the roads, and set where
    their stops are (`places_of_stops`).

    after: only loads with a greater id. most: look at so many.

    Safe to repeat: a load that is measured by this version is left as it is.

    Locks: the loads.
    """
    # scope: the platform's command, for the loads of all companies.
    asked = (
        select(Load)
        .where(Load.status.in_(OF_INTEREST))
        .order_by(Load.id)
        .limit(most)
        .options(selectinload(Load.stops))
        .with_for_update(of=Load)
    )
    if after is not None:
        asked = asked.where(Load.id > after)
    loads = session.scalars(asked).all()
    done, without_road = list[UUID](), list[UUID]()
    for load in loads:
        if all(stop.road_version == roads.version for stop in load.stops):
            continue
        done.append(load.id)
        if measure(load, roads) is not None:
            without_road.append(load.id)
    session.flush()
    places_of_stops.fill(session, done)
    last = loads[-1].id if loads else None
    return Measured(last, len(done), tuple(without_road))
