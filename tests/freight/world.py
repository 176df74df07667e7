"""A flat world for these tests: one degree is 100 km, roads run north and east."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from freight.equipment import Equipment
from freight.situation import Candidate, Parameters, Situation
from geo.points import Point

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

DROP = Point(0.0, 0.0)
PICKUP = Point(0.0, 0.5)
DELIVERY = Point(0.0, 3.5)
HOME = Point(0.0, 4.0)


class SquareRoads:
    """Roads along the axes: a true metric that is easily computed by hand."""

    source = "square"

    def distance_m(self, a: Point, b: Point) -> float:
        return (abs(a.lat - b.lat) + abs(a.lon - b.lon)) * 100_000


class Everywhere:
    """An area that allows all loads, or refuses all of them for one reason."""

    def __init__(self, reason=None):
        self.reason = reason

    def why_not(self, pickup: Point, delivery: Point):
        return self.reason


ROADS = SquareRoads()
EVERYWHERE = Everywhere()

PARAMETERS = Parameters(planning_speed_mps=20.0, dwell_s=3600.0)

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
