"""The reference's answers for a board day: each trip with each load."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from bench.board import BoardLoad, Place, Trip
from bench.matching import Gains
from bench.reference import Worth, judge
from bench.reference_records import (
    METRES_PER_MILE,
    Driver,
    Load,
    Settings,
    Situation,
    Stop,
    Truck,
    Way,
    WayOf,
)
from geo.points import Point
from geo.roads import Roads, Ways

FREE_AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""Any moment: the windows exclude no load."""


@dataclass(frozen=True)
class Answers:
    """The reference's answers, by the places of trips and loads.

    gains: of the pairs worth taking. baseline_mi: of each trip, the empty way home.
    """

    gains: Gains
    baseline_mi: list[float]

    @property
    def share(self) -> float:
        """The share of trucks that have at least one load worth taking."""
        return len({trip for trip, _ in self.gains}) / len(self.baseline_mi)

    def worth(self, trip: int) -> set[int]:
        """Return the places of the loads worth taking for that trip."""
        return {load for of, load in self.gains if of == trip}


def ways_between(
    roads: Roads, loads: Sequence[BoardLoad], trips: Sequence[Trip]
) -> WayOf:
    """Return the ways between the places of the day, all from one place at a time."""
    ends = {place for load in loads for place in (load.origin, load.destination)}
    places = sorted(
        ends | {place for trip in trips for place in (trip.drop, trip.home)}
    )
    number_of = {place: number for number, place in enumerate(places)}
    points = [Point(*place) for place in places]
    snapped = roads.places(points)

    @cache
    def from_place(number: int) -> Ways:
        return roads.ways_from(points[number], snapped)

    def way(a: Place, b: Place) -> Way:
        ways, end = from_place(number_of[a]), number_of[b]
        return float(ways.metres[end]), float(ways.access_m[end])

    return way


def answers(
    trips: Sequence[Trip],
    loads: Sequence[BoardLoad],
    way: WayOf,
    *,
    radius_mi: float,
    max_detour_mi: float,
    has_posted_mileage: bool = False,
) -> Answers:
    """Judge every load for every trip.

    has_posted_mileage: take the loaded miles from the board, not from `way`.
    """
    settings = Settings(
        max_deadhead_m=radius_mi * METRES_PER_MILE,
        max_detour_m=max_detour_mi * METRES_PER_MILE,
    )
    posted_m = {
        (load.origin, load.destination): load.posted_mi * METRES_PER_MILE
        for load in loads
    }

    @cache
    def measured(a: Place, b: Place) -> Way:
        if has_posted_mileage and (a, b) in posted_m:
            return posted_m[a, b], 0.0
        return way(a, b)

    market = [_load(each) for each in loads]
    gains = {}
    for row, trip in enumerate(trips):
        situation = Situation(
            trip.drop,
            FREE_AT,
            Driver(trip.home),
            Truck(trip.equipment),
            settings=settings,
        )
        for column, load in enumerate(market):
            judged = judge(load, situation, measured)
            if isinstance(judged, Worth):
                gains[row, column] = judged.gain_cents
    baseline_mi = [way(trip.drop, trip.home)[0] / METRES_PER_MILE for trip in trips]
    return Answers(gains, baseline_mi)


def _load(load: BoardLoad) -> Load:
    days = {"pickup": 10, "delivery": 20}
    stops = tuple(
        Stop(kind, place, FREE_AT, FREE_AT + timedelta(days=days[kind]))
        for kind, place in (("pickup", load.origin), ("delivery", load.destination))
    )
    equipment = frozenset({load.equipment})
    return Load(str(load.seq), stops, load.price_cents, equipment=equipment)
