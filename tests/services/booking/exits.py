"""What driver, desk and poster do to get out of a trip's load, over HTTP."""

from typing import Any

from sqlalchemy import text

from tests.trips import Trip
from tests.world import Answer


def assignment_of(trip: Trip) -> dict[str, Any]:
    """Return the newest assignment of the trip's load, as the desk sees it."""
    listed = trip.carrier.get("/v1/assignments")["data"]
    return next(dict(row) for row in listed if row["load"]["id"] == trip.load["id"])


def hand_back(trip: Trip, reason: str = "breakdown", **body: Any) -> Answer:
    path = f"/v1/assignments/{assignment_of(trip)['id']}/hand-back"
    return trip.driver.put(path, {"reason": reason} | body)


def decide(trip: Trip, kind: str, **body: Any) -> Answer:
    path = f"/v1/assignments/{assignment_of(trip)['id']}/override"
    return trip.carrier.post(path, {"kind": kind, "reason": "weather"} | body)


def tell(trip: Trip, fact: str, **body: Any) -> Answer:
    return trip.shipper.put(f"/v1/loads/{trip.load['id']}/{fact}", body)


def let_positions_age(trip: Trip, by: str) -> None:
    """Let the last positions of all drivers be from `by` ago, as "1 hour"."""
    trip.session.execute(
        text("update last_positions set corrected_at = now() - cast(:by as interval)"),
        {"by": by},
    )


def availability(trip: Trip) -> str:
    return str(trip.driver.get("/v1/me")["driver"]["availability"])


def pushed(trip: Trip) -> list[str]:
    return sorted(trip.session.scalars(text("select kind from pushes")))
