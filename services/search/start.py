"""What a search starts from, or why it cannot start."""

# scope: a job, for the driver of a search.

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy.orm import Session

from freight.records import record_of
from geo.distance import haversine_m
from geo.points import Point
from models.fleet.drivers import Availability, Driver
from models.fleet.trucks import Truck
from models.search.searches import BackhaulSearch, SearchOutcome
from services.fleet import drivers
from services.kernel.standing import is_suspended
from services.search.whereabouts import Whereabouts

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
    absence = absence_of(session, driver, is_dry_run=search.is_dry_run)
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
    session: Session, driver: Driver, *, is_dry_run: bool = False
) -> SearchOutcome | None:
    """Return why the driver cannot be offered loads now.

    is_dry_run: only whether their company may not search at all.
    """
    # scope: a driver whom the caller found by a scope.
    if is_suspended(session, driver.org_id):
        return SearchOutcome.COMPANY_SUSPENDED
    if is_dry_run:
        return None
    if drivers.has_load(session, driver.id):
        return SearchOutcome.DRIVER_BUSY
    if driver.availability is not Availability.AVAILABLE:
        return SearchOutcome.DRIVER_OFF_DUTY
    return None
