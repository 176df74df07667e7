"""What a search starts from, or why it cannot start."""

# scope: a job, for the driver of a search.

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased
from uuid_utils.compat import uuid7

from freight.lifecycles import StopStatus
from freight.records import record_of
from geo.distance import haversine_m
from geo.points import Point
from models.fleet.drivers import Availability, Driver
from models.fleet.trucks import Truck
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.stops import Stop
from models.search.searches import BackhaulSearch, SearchOutcome, SearchTrigger
from runtime.telemetry import trace_id
from services.fleet import drivers
from services.judging.whereabouts import Whereabouts
from services.kernel.standing import is_suspended

FARTHEST_HOME_M = 7_000_000.0
"""About as far as from Alaska to Panama. A home farther away must be a mistake, and the
corridor to it would be wider than a map can show."""


@dataclass(frozen=True, slots=True)
class Request:
    """What differs from a search after a drop; None does not differ.

    place: where the truck will be. None is where it is now.
    free_at: when it can leave. None is now.
    destination: where it wants to be. None is the driver's home.
    radius_m: how far it drives empty to a pickup. None is the driver's limit.
    by: the member who asked.
    """

    by: UUID
    place: Point | None = None
    free_at: datetime | None = None
    destination: Point | None = None
    radius_m: float | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_record` undoes it."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the request that `to_record` made a record of."""
        place, free_at, destination = (
            record[k] for k in ("place", "free_at", "destination")
        )
        return cls(
            by=UUID(record["by"]),
            place=place and Point(**place),
            free_at=free_at and datetime.fromisoformat(free_at),
            destination=destination and Point(**destination),
            radius_m=record["radius_m"],
        )


def radius_of(record: Mapping[str, Any] | None) -> float | None:
    """Return how far a search was asked to look for pickups; None if it was not."""
    return record.get("radius_m") if record else None


def is_from_a_named_place(record: Mapping[str, Any] | None) -> bool:
    """Say whether a search was asked to begin elsewhere than where the driver was."""
    return bool(record and record.get("place"))


@dataclass(frozen=True)
class Start:
    """What a search starts from: the driver, where they are, and when they are free.

    home: where they want to be, also if a request names another place.
    radius_m: how far they drive empty, if a request says so.
    """

    driver: Driver
    truck: Truck
    place: Whereabouts
    home: Point
    free_at: datetime
    radius_m: float | None


def start_of(
    session: Session,
    search: BackhaulSearch,
    driver: Driver,
    place: Whereabouts | None,
    free_at: datetime,
) -> Start | SearchOutcome:
    """Return what the search starts from, or why it cannot."""
    absence = absence_of(session, driver, search)
    if absence is not None:
        return absence
    asked = Request.from_record(search.request) if search.request else None
    home = driver.home if asked is None else asked.destination or driver.home
    if home is None or driver.truck is None or place is None:
        return SearchOutcome.DRIVER_INCOMPLETE
    if haversine_m(place.point, home) > FARTHEST_HOME_M:
        return SearchOutcome.HOME_OUT_OF_REACH
    radius_m = asked.radius_m if asked is not None else None
    return Start(driver, driver.truck, place, home, free_at, radius_m)


def absence_of(
    session: Session, driver: Driver, search: BackhaulSearch | None = None
) -> SearchOutcome | None:
    """Return why the driver cannot be offered loads now.

    search: that is made for them. A dry run asks only whether their company may not
        search at all, and one before the drop whether they still unload.
    """
    # scope: a driver whom the caller found by a scope.
    if is_suspended(session, driver.org_id):
        return SearchOutcome.COMPANY_SUSPENDED
    if search is not None and search.is_dry_run:
        return None
    if search is not None and search.trigger is SearchTrigger.ARRIVED:
        is_there = is_unloading(session, driver.id, search.stop_id)
        return None if is_there else SearchOutcome.DRIVER_BUSY
    if drivers.has_load(session, driver.id):
        return SearchOutcome.DRIVER_BUSY
    if driver.availability is not Availability.AVAILABLE:
        return SearchOutcome.DRIVER_OFF_DUTY
    return None


def is_unloading(session: Session, driver_id: UUID, stop_id: UUID | None) -> bool:
    """Say whether the driver is at this stop of their load, not done there, and neither
    they nor their truck have another load."""
    # scope: a driver whom the caller found by a scope.
    current, other = aliased(Assignment), aliased(Assignment)
    follows = select(other.id).where(
        or_(other.driver_id == driver_id, other.truck_id == current.truck_id),
        other.status == AssignmentStatus.ACTIVE,
        other.id != current.id,
    )
    unloads = (
        select(Stop.id)
        .join(current, current.load_id == Stop.load_id)
        .where(
            Stop.id == stop_id,
            Stop.status == StopStatus.ARRIVED,
            current.driver_id == driver_id,
            current.status == AssignmentStatus.ACTIVE,
            ~exists(follows),
        )
    )
    return session.scalar(unloads) is not None


def claim(
    session: Session,
    driver_id: UUID,
    trigger: SearchTrigger,
    now: datetime,
    **start: UUID | list[UUID],
) -> BackhaulSearch | None:
    """Insert a search; return None if there is one of this start by this trigger."""
    # scope: a job, for one driver.
    org_id = select(Driver.org_id).where(Driver.id == driver_id)
    return session.scalar(
        insert(BackhaulSearch)
        .values(
            id=uuid7(),
            org_id=org_id.scalar_subquery(),
            driver_id=driver_id,
            trigger=trigger,
            **start,
            outcome=SearchOutcome.NOTHING_FOUND,
            searched_at=now,
            trace_id=trace_id(),
            situation={},
            parameters={},
            area={},
            map={},
            counts={},
            ranked=[],
            timings={},
        )
        .on_conflict_do_nothing()
        .returning(BackhaulSearch)
    )
