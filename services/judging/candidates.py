"""Loads with all their stops, as a search judges them one by one."""

# scope: the caller has checked that the company may know the loads. A door counts the
# bookings of all carriers; only the count is told.

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from freight.candidates import Candidate, CandidateStop
from freight.equipment import Equipment
from geo.points import Point
from models.loads.loads import Load
from models.loads.stops import Stop, StopKind
from services.loads.market import is_on_the_market
from services.loads.measuring import NO_ROAD

Found = Row[*tuple[Any, ...]]

Records = Mapping[UUID, tuple[int, int]]
"""(cancelled, booked) loads of each poster."""

BOOKINGS = text("select poster, cancelled, booked from bookings_of(:posters)")

OF_LOAD: tuple[Any, ...] = (
    *(Load.id, Load.org_id, Load.price_cents, Load.currency, Load.equipment),
    *(Load.pickup_lat, Load.pickup_lon, Load.delivery_lat, Load.delivery_lon),
    *(Load.pickup_from, Load.pickup_until, Load.delivery_from, Load.delivery_until),
    *(Load.loaded_m, Load.loaded_access_m, Load.distance_source, Load.stop_count),
    *(Load.weight_kg, Load.length_m, Load.has_hazmat, Load.takes_reefers),
    *(Load.temperature_min_c, Load.temperature_max_c),
)
OF_STOP: tuple[Any, ...] = (
    *(Stop.load_id, Stop.kind, Stop.lat, Stop.lon, Stop.opening_spans),
    *(Stop.window_from, Stop.window_until, Stop.country, Stop.state, Stop.is_urban),
    *(Stop.road_version, Stop.leg_m, Stop.leg_access_m),
)
"""Columns, not entities: sixty loads with their stops are read in each search."""


def candidates(
    session: Session, load_ids: Collection[UUID], *, on_market_of: UUID | None = None
) -> dict[UUID, Candidate]:
    """Return the loads as a search would see them now, by their ids.

    on_market_of: only those on the market for this company; None: in any status.

    Three statements, however many loads.
    """
    these = select(*OF_LOAD).where(Load.id.in_(load_ids))
    if on_market_of is not None:
        these = these.where(is_on_the_market(on_market_of))
    loads = session.execute(these).all()
    in_order = select(*OF_STOP).order_by(Stop.load_id, Stop.sequence)
    stops = defaultdict[UUID, list[Found]](list)
    for stop in session.execute(in_order.where(Stop.load_id.in_(load_ids))):
        stops[stop.load_id].append(stop)
    records = records_of(session, {load.org_id for load in loads})
    return {
        load.id: candidate_of(load, _stops(load, stops[load.id]), records)
        for load in loads
    }


def records_of(session: Session, posters: Collection[UUID]) -> Records:
    """Return what became of the booked loads of these posters, of the last half year.

    A poster of whose loads none was booked is left out.
    """
    rows = session.execute(BOOKINGS, {"posters": list(posters)})
    return {row.poster: (row.cancelled, row.booked) for row in rows}


def candidate(session: Session, load_id: UUID) -> Candidate | None:
    """Return the load as a search would see it now, in any status; None if unknown."""
    return candidates(session, [load_id]).get(load_id)


def candidate_of(
    load: Load | Found,
    stops: tuple[CandidateStop, ...],
    records: Records | None = None,
) -> Candidate:
    """Return the candidate of a load, or of a row of OF_LOAD, with these stops.

    records: of the load's poster; None says nothing of them.
    """
    cancelled, booked = (records or {}).get(load.org_id, (0, 0))
    return Candidate(
        load_id=load.id,
        pickup=Point(load.pickup_lat, load.pickup_lon),
        delivery=Point(load.delivery_lat, load.delivery_lon),
        loaded_m=inf if load.distance_source == NO_ROAD else load.loaded_m,
        loaded_access_m=load.loaded_access_m,
        price_cents=load.price_cents,
        currency=load.currency,
        equipment=frozenset(Equipment(word) for word in load.equipment),
        pickup_from=load.pickup_from,
        pickup_until=load.pickup_until,
        delivery_from=load.delivery_from,
        delivery_until=load.delivery_until,
        weight_kg=load.weight_kg,
        length_m=load.length_m,
        has_hazmat=load.has_hazmat,
        stop_count=load.stop_count,
        temperature_min_c=load.temperature_min_c,
        temperature_max_c=load.temperature_max_c,
        takes_reefers=load.takes_reefers is not False,
        stops=stops,
        cancelled=cancelled,
        booked=booked,
    )


def _stops(load: Found, stops: Sequence[Found]) -> tuple[CandidateStop, ...]:
    return tuple(
        CandidateStop(
            point=Point(stop.lat, stop.lon),
            is_pickup=stop.kind is StopKind.PICKUP,
            window_from=stop.window_from,
            window_until=stop.window_until,
            opening=tuple(stop.opening_spans or ()),
            leg_m=leg_m,
            leg_access_m=leg_access_m,
            country=stop.country,
            state=stop.state,
            is_urban=stop.is_urban,
        )
        for stop, (leg_m, leg_access_m) in zip(stops, _legs(load, stops), strict=True)
    )


def _legs(load: Found, stops: Sequence[Found]) -> list[tuple[float, float]]:
    """Return the way to each stop from the one before, and its part off the highways.

    Infinite where no road leads. Of a load that was never measured stop by stop, equal
    parts of its way.
    """
    if any(stop.road_version is None for stop in stops):
        part_m = load.loaded_m / (len(stops) - 1)
        return [(0.0, 0.0), *[(part_m, 0.0)] * (len(stops) - 1)]
    legs = [(stop.leg_m, stop.leg_access_m or 0.0) for stop in stops[1:]]
    known = [(inf if m is None else m, access_m) for m, access_m in legs]
    return [(0.0, 0.0), *known]
