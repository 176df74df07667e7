"""What a phone reports of a stop, and what makes a report hard to believe."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from freight.lifecycles import StopAct
from geo.distance import haversine_m
from geo.points import Point
from models.fleet.flags import FlagKind, FlagSubject
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from services.fleet import flags
from services.kernel.clocks import Believed

FRESH = timedelta(minutes=2)
"""A position this near in time says how fast the truck drove at a report."""

FACTS = {
    StopAct.ARRIVE: "arrival",
    StopAct.COMPLETE: "completion",
    StopAct.DEPART: "departure",
}
"""How an act at a stop is called in paths and in flags."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the phone says. Times are by its clock; `sent_at` corrects them.

    position: where the phone was; kept with the event.
    is_on_road: whether a truck can be at the position.
    """

    occurred_at: datetime
    sent_at: datetime | None = None
    position: Point | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    is_on_road: bool = True


def flag_doubts(
    session: Session,
    assignment: Assignment,
    stop: Stop,
    act: StopAct,
    report: Report,
    believed: Believed,
) -> None:
    """Raise a flag, for the driver's desk, for each thing that is hard to believe.

    Safe to repeat. The report counts in any case.
    """
    # scope: the caller found the assignment by a scope.
    last = session.get(LastPosition, assignment.driver_id)
    kinds = doubts_about(report, believed, stop.point, last, act)
    if not kinds:
        return
    body = {
        "load_id": str(assignment.load_id),
        "stop_id": str(stop.id),
        "phone_time": report.occurred_at.isoformat(),
        "counts_at": believed.at.isoformat(),
    }
    flags.raise_flags(
        session,
        assignment.org_id,
        kinds,
        subject=FlagSubject.STOP,
        subject_id=stop.id,
        fact=FACTS[act],
        driver_id=assignment.driver_id,
        body=body,
    )


def doubts_about(
    report: Report,
    believed: Believed,
    stop: Point,
    last: LastPosition | None,
    act: StopAct,
) -> set[FlagKind]:
    """Return what is hard to believe of a report about the stop at this point.

    last: the driver's last position, if there is one.
    """
    doubts = {FlagKind.CLOCK_IMPLAUSIBLE} if believed.is_implausible else set()
    place, within_m = report.position, report.accuracy_m or 0.0
    if not report.is_on_road:
        doubts.add(FlagKind.PLACE_IMPLAUSIBLE)
    elif place is not None:
        if haversine_m(place, stop) - within_m > flags.FARTHEST_FROM_STOP_M:
            doubts.add(FlagKind.FAR_FROM_STOP)
        if last is not None and not believed.is_implausible:
            seconds = abs((believed.at - last.corrected_at).total_seconds())
            within_m += last.accuracy_m or 0.0
            before = Point(last.lat, last.lon)
            if flags.is_too_fast(before, place, seconds, accuracy_m=within_m):
                doubts.add(FlagKind.SPEED_IMPLAUSIBLE)
    speed_mps = report.speed_mps
    if speed_mps is None and last is not None and not believed.is_implausible:
        is_fresh = abs(believed.at - last.corrected_at) <= FRESH
        speed_mps = last.speed_mps if is_fresh else None
    if act is StopAct.ARRIVE and (speed_mps or 0.0) > flags.MOVING_MPS:
        doubts.add(FlagKind.MOVING)
    return doubts
