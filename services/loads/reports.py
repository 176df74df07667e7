"""What a phone reports of a stop, and what makes a report hard to believe."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from freight.lifecycles import StopAct
from geo.distance import haversine_m
from geo.points import Point
from models.fleet.flags import FlagKind, FlagSubject
from models.fleet.positions import LastPosition, Position
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from services.fleet import flags, positions
from services.kernel.clocks import NO_TIME, Believed
from services.loads import sequence
from services.loads.sequence import Fact

FRESH = timedelta(minutes=2)
"""A position that is no farther in time from a report says how fast the truck drove
then."""

FACTS = {
    StopAct.ARRIVE: "arrival",
    StopAct.COMPLETE: "completion",
    StopAct.DEPART: "departure",
}
"""How an act at a stop is called in paths and in flags."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the phone says. Times are by its clock; `sent_at` corrects them.

    occurred_at, sent_at: NO_TIME if the phone gave no valid time.
    position: where the phone was; kept with the event.
    is_on_road: False if no truck can be at the position, or if the phone gave no valid
        one; `position` is None then.
    """

    occurred_at: datetime
    sent_at: datetime | None = None
    position: Point | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    is_on_road: bool = True

    @property
    def phone_time(self) -> str | None:
        """When it happened by the phone's clock; None if the phone gave no time."""
        return None if self.occurred_at == NO_TIME else self.occurred_at.isoformat()

    @property
    def place(self) -> Point | None:
        """The position if it says where the truck was."""
        is_exact = self.is_on_road and not flags.is_vague(self.accuracy_m)
        return self.position if is_exact else None


def flag_doubts(
    session: Session,
    assignment: Assignment,
    stop: Stop,
    act: StopAct,
    report: Report,
    believed: Believed,
    *,
    before: Fact | None,
    is_of_desk: bool,
) -> None:
    """Raise a flag, for the driver's desk, for each thing that is hard to believe.

    Safe to repeat. The report counts in any case.

    before: the newest fact of the load at another stop. is_of_desk: the desk reports it
    for the driver.
    """
    # scope: the caller found the assignment by a scope.
    last: LastPosition | Position | None
    last = session.get(LastPosition, assignment.driver_id)
    if last is not None and believed.at < last.corrected_at - FRESH:
        # A report of earlier: where the truck is now says little about then.
        last = positions.nearest(session, assignment.driver_id, believed.at) or last
    kinds = doubts_about(report, believed, stop.point, last, act)
    if not believed.is_implausible:
        kinds |= sequence.doubts(
            Fact(stop.point, believed.at),
            before,
            assignment.booked_at,
            is_of_desk=is_of_desk,
        )
    if not kinds:
        return
    body = {
        "load_id": str(assignment.load_id),
        "stop_id": str(stop.id),
        "phone_time": report.phone_time,
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
    last: LastPosition | Position | None,
    act: StopAct,
) -> set[FlagKind]:
    """Return what is hard to believe of a report about the stop at this point.

    last: the driver's last position, if there is one, or that nearest to the report.
    """
    doubts = {FlagKind.CLOCK_IMPLAUSIBLE} if believed.is_implausible else set()
    if not report.is_on_road:
        doubts.add(FlagKind.PLACE_IMPLAUSIBLE)
    place, within_m = report.place, report.accuracy_m or 0.0
    if place and haversine_m(place, stop) - within_m > flags.FARTHEST_FROM_STOP_M:
        doubts.add(FlagKind.FAR_FROM_STOP)
    speed_mps = report.speed_mps
    if last is not None and not believed.is_implausible:
        away = abs(believed.at - last.corrected_at)
        if not _could_come(last, place or stop, away, within_m if place else None):
            doubts.add(FlagKind.SPEED_IMPLAUSIBLE if place else FlagKind.FAR_FROM_STOP)
        if speed_mps is None and away <= FRESH:
            speed_mps = last.speed_mps
    if act is StopAct.ARRIVE and (speed_mps or 0.0) > flags.MOVING_MPS:
        doubts.add(FlagKind.MOVING)
    return doubts


def _could_come(
    last: LastPosition | Position,
    to: Point,
    away: timedelta,
    within_m: float | None,
) -> bool:
    """Say whether a truck drives between this position and this point in the time.

    within_m: how exact the point is; None for a stop of which the truck need only be
        near, as the phone does not say where it was.
    """
    slack_m = flags.FARTHEST_FROM_STOP_M if within_m is None else within_m
    return not flags.is_too_fast(
        last.point,
        to,
        away.total_seconds(),
        accuracy_m=slack_m + (last.accuracy_m or 0.0),
    )
