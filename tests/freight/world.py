"""A flat world for these tests: one degree is 100 km, roads run north and east."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
from uuid import UUID

import numpy as np

from freight.candidates import Candidate, CandidateStop
from freight.equipment import Equipment
from freight.preferences import Preference
from freight.ranking import asked_of, judge
from freight.situation import Parameters, Situation
from freight.tables import Asked
from geo.areas import AreaReason
from geo.points import Point
from geo.roads import EstimatedRoads, Places, Way, Ways

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday."""

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

DROP = Point(0.0, 0.0)
PICKUP = Point(0.0, 0.5)
DELIVERY = Point(0.0, 3.5)
HOME = Point(0.0, 4.0)


class SquareRoads:
    """Roads along the axes: a true metric that is easily computed by hand.

    access_m: of each way longer than that, so much is off the highways. No road leads
    across the latitude `shore`.
    """

    source = "square"
    version = "square"

    def __init__(
        self, access_m: float = 0.0, shore: float = inf, degree_m: float = 100_000.0
    ) -> None:
        self.access_m, self.shore, self.degree_m = access_m, shore, degree_m

    def places(self, points: Sequence[Point]) -> Places:
        return EstimatedRoads().places(points)

    def ways_from(self, start: Point, ends: Places, limit_m: float = inf) -> Ways:
        points = map(Point, ends.lat.tolist(), ends.lon.tolist())
        ways = [self.way(start, end) for end in points]
        metres = np.array([way.metres for way in ways], "f8")
        access_m = np.array([way.access_m for way in ways], "f8")
        has_road = np.isfinite(metres)
        metres[metres > limit_m] = inf
        access_m[np.isinf(metres)] = 0.0
        return Ways(metres, access_m, has_road)

    def way(self, a: Point, b: Point) -> Way:
        if (a.lat > self.shore) != (b.lat > self.shore):
            return Way(inf, 0.0)
        metres = (abs(a.lat - b.lat) + abs(a.lon - b.lon)) * self.degree_m
        return Way(metres, min(metres, self.access_m))

    def distance_m(self, a: Point, b: Point) -> float:
        return self.way(a, b).metres

    def line(self, a: Point, b: Point) -> tuple[Point, ...] | None:
        return None if self.distance_m(a, b) == inf else (a, b)


class Everywhere:
    """An area that allows all loads, or refuses those with a stop east of `beyond`."""

    def __init__(self, reason: AreaReason | None = None, beyond: float = -180.0):
        self.reason, self.beyond = reason, beyond

    def beyond_circle(self, lat, lon):
        return self._refuses(AreaReason.OUTSIDE_CIRCLE, lon)

    def refused(self, lat, lon):
        reasons = set(AreaReason) - {AreaReason.OUTSIDE_CIRCLE}
        return {reason: self._refuses(reason, lon) for reason in reasons}

    def _refuses(self, reason, lon):
        return (lon > self.beyond) & (reason is self.reason)


ROADS = SquareRoads()
EVERYWHERE = Everywhere()

PARAMETERS = Parameters(highway_mps=20.0, access_mps=10.0, dwell_s=3600.0)

SITUATION = Situation(
    drop=DROP,
    home=HOME,
    free_at=NOON,
    currency="USD",
    cost_empty_cents_per_km=100.0,
    cost_loaded_cents_per_km=100.0,
    equipment=Equipment.VAN,
)

CANDIDATE = Candidate(
    load_id=UUID(int=1),
    pickup=PICKUP,
    delivery=DELIVERY,
    loaded_m=300_000.0,
    price_cents=100_000,
    currency="USD",
    equipment=frozenset({Equipment.VAN}),
    pickup_from=NOON,
    pickup_until=NOON + 24 * HOUR,
    delivery_from=NOON,
    delivery_until=NOON + 48 * HOUR,
)


def make_situation(**changes) -> Situation:
    return replace(SITUATION, **changes)


def make_parameters(**changes) -> Parameters:
    return replace(PARAMETERS, **changes)


def make_candidate(number=1, **changes) -> Candidate:
    return replace(CANDIDATE, load_id=UUID(int=number), **changes)


def make_stop(lon, kind="delivery", **changes) -> CandidateStop:
    """A stop on the way home, open for two days; `lat` moves it off the way."""
    stop = CandidateStop(
        Point(changes.pop("lat", 0.0), lon), kind == "pickup", NOON, NOON + 48 * HOUR
    )
    return replace(stop, **changes)


def load_of(*stops: CandidateStop, number=1, roads=ROADS, **changes) -> Candidate:
    """A load with these stops; its legs are measured here."""
    measured = [stops[0]]
    for before, stop in pairwise(stops):
        way = roads.way(before.point, stop.point)
        measured.append(replace(stop, leg_m=way.metres, leg_access_m=way.access_m))
    ends = {
        "pickup": stops[0].point,
        "delivery": stops[-1].point,
        "pickup_from": stops[0].window_from,
        "pickup_until": stops[0].window_until,
        "delivery_from": stops[-1].window_from,
        "delivery_until": stops[-1].window_until,
        "loaded_m": sum(stop.leg_m for stop in measured),
        "loaded_access_m": sum(stop.leg_access_m for stop in measured),
        "stop_count": len(stops),
        "stops": tuple(measured),
    }
    return make_candidate(number, **ends | changes)


def ask(
    truck=None, rules=None, area: Everywhere = EVERYWHERE, roads: SquareRoads = ROADS
) -> Asked:
    """What a search asks, with these changes of the situation and the parameters."""
    situation = make_situation(**(truck or {}))
    return asked_of(situation, make_parameters(**(rules or {})), area, roads)


def judged(load=None, truck=None, rules=None, area=EVERYWHERE, roads=ROADS):
    """Judge a load, given whole or as changes of the usual one."""
    if load is None or isinstance(load, dict):
        load = make_candidate(**(load or {}))
    return judge(
        load,
        make_situation(**(truck or {})),
        make_parameters(**(rules or {})),
        area,
        roads,
    )


def two_stops(pickup=None, delivery=None, **changes):
    """The usual load with its two stops, and these changes of each."""
    return load_of(
        make_stop(0.5, "pickup", **(pickup or {})),
        make_stop(3.5, **(delivery or {})),
        **changes,
    )


def hard(kind, **changes):
    wish = Preference(kind, is_hard=True, **changes)
    return {"preferences": (wish,)}
