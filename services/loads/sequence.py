"""The order of facts: what came before a report, and if one truck can do both."""

from datetime import datetime, timedelta
from typing import NamedTuple

from geo.points import Point
from models.fleet.flags import FlagKind
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.loads.stops import Stop
from services.fleet import flags

SOON = timedelta(minutes=10)
"""A desk seldom has anything to report so soon after it booked the load."""


class Fact(NamedTuple):
    """At this time the truck was at the stop that is at this place."""

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
    *,
    is_of_desk: bool,
) -> set[FlagKind]:
    """Return what is hard to believe about a fact after what is known before.

    before: the newest fact at another stop. is_of_desk: the desk reports it.
    """
    found: set[FlagKind] = set()
    if before is not None:
        seconds = abs((fact.at - before.at).total_seconds())
        if flags.is_too_fast(before.place, fact.place, seconds, accuracy_m=0.0):
            found.add(FlagKind.SPEED_IMPLAUSIBLE)
    if is_of_desk and fact.at - booked_at < SOON:
        found.add(FlagKind.TOO_SOON)
    return found
