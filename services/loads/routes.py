"""Routes: the ways that a load takes by road, leg by leg, to be drawn on a map."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from freight.situation import Parameters
from geo.points import Point
from geo.roads import Roads, simplified
from models.loads.stops import Stop, StopKind


class Place(StrEnum):
    """What is at an end of a leg."""

    DROP = "drop"
    PICKUP = StopKind.PICKUP.value
    DELIVERY = StopKind.DELIVERY.value
    HOME = "home"


class LegKind(StrEnum):
    """DEADHEAD: empty to the first pickup. LOADED: from stop to stop. HOME_DEADHEAD:
    empty home."""

    DEADHEAD = "deadhead"
    LOADED = "loaded"
    HOME_DEADHEAD = "home_deadhead"


class Visit(NamedTuple):
    """A place on a route."""

    place: Place
    point: Point


@dataclass(frozen=True, slots=True)
class Leg:
    """The way from one place to the next.

    metres, seconds: of driving, without rests. None, as the line, if no road is known.
    """

    kind: LegKind
    begins_at: Place
    ends_at: Place
    metres: float | None
    seconds: float | None
    line: tuple[Point, ...] | None


def visits_of(stops: Sequence[Stop]) -> list[Visit]:
    """Return the stops of a load as places on its route."""
    return [Visit(Place(stop.kind.value), stop.point) for stop in stops]


def legs(
    visits: Sequence[Visit],
    roads: Roads,
    parameters: Parameters,
    *,
    tolerance_m: float,
) -> Iterator[Leg]:
    """Yield the legs between the places, in order.

    tolerance_m: how far a drawn line may be from the way.
    """
    for start, end in pairwise(visits):
        way = roads.way(start.point, end.point)
        line = roads.line(start.point, end.point)
        has_road = isfinite(way.metres) and line is not None
        yield Leg(
            kind=_kind(start.place, end.place),
            begins_at=start.place,
            ends_at=end.place,
            metres=way.metres if has_road else None,
            seconds=parameters.seconds(*way) if has_road else None,
            line=simplified(line, tolerance_m) if has_road and line else None,
        )


def _kind(start: Place, end: Place) -> LegKind:
    if start is Place.DROP:
        return LegKind.DEADHEAD
    return LegKind.HOME_DEADHEAD if end is Place.HOME else LegKind.LOADED
