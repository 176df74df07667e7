"""The order of facts: what came before a report, and whether a truck does both."""

from datetime import datetime, timedelta
from typing import NamedTuple

from geo.points import Point
from models.fleet.flags import FlagKind
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.loads.stops import Stop
from services.fleet import flags

SOON = timedelta(minutes=10)
"""A desk seldom has anything to report so soon after it booked the load."""


class Fact(NamedTuple):
    """The truck was at the stop of this place at this time."""

    place: Point
    at: datetime


def earliest(stop: Stop, assignment: Assignment) -> datetime:
    """Return when the next fact of the stop can have happened at the earliest.

    That is after the fact before, and after this driver got the load.
    """
    facts = (assignment.created_at, stop.arrived_at, stop.completed_at)
    return max(at for at in facts if at is not None)


def before(load: Load, stop: Stop) -> Fact | None:
    """Return the newest fact at another stop of the load, if there is one."""
    facts = [
        Fact(each.point, at)
        for each in load.stops
        if each is not stop
        for at in (each.arrived_at, each.completed_at, each.departed_at)
        if at is not None
    ]
    return max(facts, key=lambda fact: fact.at, default=None)


def doubts(
    fact: Fact,
    before: Fact | None,
    booked_at: datetime,
    last: LastPosition | None,
    *,
    is_of_desk: bool,
) -> set[FlagKind]:
    """Return what is hard to believe about a fact after what is known before.

    before: the newest fact at another stop.
    last: the driver's last position, which is asked of a desk's word only.
    """
    found: set[FlagKind] = set()
    if before is not None and _is_too_fast(before, fact):
        found.add(FlagKind.SPEED_IMPLAUSIBLE)
    if not is_of_desk:
        return found
    if fact.at - booked_at < SOON:
        found.add(FlagKind.TOO_SOON)
    if last is not None:
        seen = Fact(Point(last.lat, last.lon), last.corrected_at)
        if _is_too_fast(seen, fact, accuracy_m=last.accuracy_m or 0.0):
            found.add(FlagKind.SPEED_IMPLAUSIBLE)
    return found


def _is_too_fast(one: Fact, other: Fact, *, accuracy_m: float = 0.0) -> bool:
    seconds = abs((other.at - one.at).total_seconds())
    return flags.is_too_fast(one.place, other.place, seconds, accuracy_m=accuracy_m)
