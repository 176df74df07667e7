"""What would have to change for a truck that found nothing: the smallest step of each
kind that lets loads in.

Each is tried alone, by the rules of a search: what one relaxation lets in would have
been found by a search that was asked so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from freight.columns import Loads, bit_of
from freight.equipment import DRY_FOR_REEFERS, Equipment
from freight.feasibility import Figure
from freight.preferences import PreferenceKind
from freight.ranking import asked_of, in_circle, screen
from freight.records import record_of
from freight.situation import Situation
from freight.tables import Asked, area_of
from geo.distance import METRES_PER_MILE
from geo.fences import MAX_RADIUS_M, CircleFence

MORE_DEADHEAD_M = tuple(miles * METRES_PER_MILE for miles in (25, 50, 100))
LATER = tuple(timedelta(hours=hours) for hours in (1, 2, 4, 8, 12, 24))
LESS_PAY = (0.9, 0.75, 0.5)
"""Shares of the least pay that the driver asks for."""

MOST_JUDGED = 1_500_000
"""So many loads are judged in all, which takes half a second of a core. Else a request
for the whole continent and a time when all loads are gone would take five on a market
of a million, and a person may ask once a second."""

TYPES = 3
"""So many other types of truck are named, those with the most loads."""


class RelaxationKind(StrEnum):
    """What would have to change.

    DEADHEAD: drive so much farther to a pickup. WAIT: leave so late, and count no hours
    until then. HOME_BY: be home so late. EQUIPMENT: be such a truck. PAY: take so
    little a kilometre. WISHES: give up this wish. OPERATING_AREAS, NO_GO_AREAS: give up
    the areas that were drawn.
    """

    DEADHEAD = "deadhead"
    WAIT = "wait"
    HOME_BY = "home_by"
    PAY = "pay"
    WISHES = "wishes"
    EQUIPMENT = "equipment"
    OPERATING_AREAS = "operating_areas"
    NO_GO_AREAS = "no_go_areas"


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One step that lets loads in.

    change: by how much, or to what; its limit is what holds now.
    load_count: how many would be worth taking. best_cents: what the best would gain.
    """

    kind: RelaxationKind
    change: Figure | None
    load_count: int
    best_cents: int

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return record_of(self)


def widest(asked: Asked) -> CircleFence:
    """Return the circle of the loads that `relaxations` looks at."""
    circle = asked.area.circle
    radius_m = min(circle.radius_m + max(MORE_DEADHEAD_M), MAX_RADIUS_M)
    return replace(circle, radius_m=radius_m)


HomeBy = Callable[[datetime], datetime | None]
"""By when the driver wants to be home if they leave then."""


def relaxations(
    loads: Loads, asked: Asked, home_by: HomeBy | None = None
) -> tuple[Relaxation, ...]:
    """Return for each kind the smallest step that lets loads in; a kind that lets none
    in is left out; so is one that was not tried, as MOST_JUDGED loads had been.

    loads: on the market, with their pickups in the `widest` circle. asked: what a
        search asked that found nothing. home_by: a weekly wish is for the next week
        if the driver leaves after it; None asks for the same time whenever they leave.
    """
    found, left = [], Left(MOST_JUDGED)
    for kind, steps in _ladders(asked, home_by):
        for change, relaxed in steps:
            near = in_circle(loads, relaxed)
            if not left.spend(len(near)):
                break
            step = _tried(near, kind, change, relaxed)
            if step is not None:
                found.append(step)
                break
    return (*found, *_other_trucks(loads, asked, left))


class Left:
    """How many loads may still be judged."""

    def __init__(self, loads: int) -> None:
        self._loads = loads

    def spend(self, loads: int) -> bool:
        """Say whether so many may be judged, and count them."""
        may = loads <= self._loads
        self._loads -= loads if may else 0
        return may


Step = tuple[Figure | None, Asked]


def _ladders(
    asked: Asked, home_by: HomeBy | None = None
) -> Iterator[tuple[RelaxationKind, Iterator[Step]]]:
    """Yield the kinds that can be relaxed, each with its steps, the smallest first."""
    situation, area = asked.situation, asked.area
    yield RelaxationKind.DEADHEAD, _farther(asked)
    yield RelaxationKind.WAIT, _leaving_later(asked, home_by)
    if situation.home_by_at is not None:
        yield RelaxationKind.HOME_BY, _home_later(asked, situation.home_by_at)
    if situation.min_pay_cents_per_km is not None:
        yield RelaxationKind.PAY, _for_less(asked, situation.min_pay_cents_per_km)
    for kind in dict.fromkeys(w.kind for w in situation.preferences if w.is_hard):
        yield RelaxationKind.WISHES, _without_wish(asked, kind)
    if area.operating:
        without = replace(asked, area=replace(area, operating=()))
        yield RelaxationKind.OPERATING_AREAS, iter([(None, without)])
    if area.no_go:
        without = replace(asked, area=replace(area, no_go=()))
        yield RelaxationKind.NO_GO_AREAS, iter([(None, without)])


def _farther(asked: Asked) -> Iterator[Step]:
    limit_m = asked.deadhead_limit_m
    for more_m in MORE_DEADHEAD_M:
        relaxed = _with(asked, max_deadhead_m=limit_m + more_m)
        yield Figure(more_m, limit_m, "m"), relaxed


def _leaving_later(asked: Asked, home_by: HomeBy | None) -> Iterator[Step]:
    free_at, home_by_at = asked.situation.free_at, asked.situation.home_by_at
    for later in LATER:
        at = free_at + later
        wished_at = home_by_at if home_by is None else home_by(at)
        yield _time(at, free_at), _with(asked, free_at=at, home_by_at=wished_at)


def _home_later(asked: Asked, home_by_at: datetime) -> Iterator[Step]:
    for later in LATER:
        at = home_by_at + later
        yield _time(at, home_by_at), _with(asked, home_by_at=at)


def _for_less(asked: Asked, limit: float) -> Iterator[Step]:
    for share in LESS_PAY:
        less = limit * share
        change = Figure(less, limit, "cents_per_km")
        yield change, _with(asked, min_pay_cents_per_km=less)


def _without_wish(asked: Asked, kind: PreferenceKind) -> Iterator[Step]:
    wishes = asked.situation.preferences
    kept = tuple(wish for wish in wishes if not (wish.is_hard and wish.kind is kind))
    yield Figure(kind.value, None, "wish"), _with(asked, preferences=kept)


def _other_trucks(loads: Loads, asked: Asked, left: Left) -> list[Relaxation]:
    """Return the types of truck for which there are the most loads."""
    own = asked.situation.equipment
    near = in_circle(loads, asked)
    counts = {
        kind: int(np.count_nonzero(near.equipment & bit_of(kind)))
        for kind in Equipment
        if kind not in {own, Equipment.OTHER}
    }
    # Freight that the truck's type excludes is most of a market: few types are tried.
    likely = sorted(filter(counts.get, counts), key=lambda kind: -counts[kind])
    found = []
    for kind in likely[: 2 * TYPES]:
        change = Figure(kind.value, own and own.value, "equipment")
        others = near.take(near.equipment & _bits_of(kind) != 0)
        if not left.spend(len(others)):
            continue
        relaxed = _with(asked, equipment=kind)
        step = _tried(others, RelaxationKind.EQUIPMENT, change, relaxed)
        found += [step] if step is not None else []
    return sorted(found, key=lambda step: -step.load_count)[:TYPES]


def _bits_of(kind: Equipment) -> int:
    """Return the bits of all types of load that such a truck may take."""
    types = {kind, DRY_FOR_REEFERS.get(kind, kind)}
    return sum(map(bit_of, types))


def _tried(
    near: Loads, kind: RelaxationKind, change: Figure | None, relaxed: Asked
) -> Relaxation | None:
    left = screen(near, relaxed).left
    if not len(left):
        return None
    best_cents = int(left.known_gains.score_cents.max())
    return Relaxation(kind, change, len(left), best_cents)


def _with(asked: Asked, **changes: Any) -> Asked:  # noqa: ANN401 - fields of a situation
    situation: Situation = replace(asked.situation, **changes)
    drawn = asked.area.operating, asked.area.no_go
    area = area_of(situation, asked.parameters, asked.roads, *drawn)
    return asked_of(situation, asked.parameters, area, asked.roads)


def _time(at: datetime, before: datetime) -> Figure:
    return Figure(at.isoformat(), before.isoformat(), "utc")
