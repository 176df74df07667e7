"""A booked load and the reports about its stops."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session as OrmSession

from geo.points import Point
from models.fleet.positions import LastPosition
from models.kernel.events import Event
from models.loads.assignments import Assignment
from models.loads.loads import Load
from runtime.db import Session
from tests.world import (
    CHICAGO,
    CLEVELAND,
    GARY,
    NEW_YORK,
    NEWARK,
    Answer,
    Caller,
    World,
    utcnow,
)

KNOWN_FOR = timedelta(days=2)
"""How long ago the load of a trip was made: phones report late."""

FACTS = ("arrival", "completion", "departure")
SHORT = (("pickup", NEW_YORK), ("delivery", GARY))
LONG = (
    ("pickup", NEW_YORK),
    ("pickup", NEWARK),
    ("delivery", CLEVELAND),
    ("delivery", CHICAGO),
)


@dataclass
class Trip:
    """A load with its people; reports are by the number of the stop."""

    world: World
    session: OrmSession
    shipper: Caller
    carrier: Caller
    driver: Caller
    load: dict[str, Any]

    def stop_id(self, number: int) -> str:
        return str(self.load["stops"][number]["id"])

    def tell(
        self, number: int, fact: str, caller: Caller | None = None, **body: Any
    ) -> Answer:
        who = caller or self.driver
        return self.world.report(who, self.stop_id(number), fact, **body)

    def confirm(self, number: int, **body: Any) -> Answer:
        return self.world.confirm(self.shipper, self.stop_id(number), **body)

    def go(self, number: int, *facts: str) -> None:
        """Report these facts in order; a pickup is confirmed before its departure."""
        kind = self.load["stops"][number]["kind"]
        for fact in facts or FACTS:
            if (fact, kind) == ("departure", "pickup"):
                assert self.confirm(number).status == 200
            answer = self.tell(number, fact)
            assert answer.status == 200, (number, fact, answer.body)

    @property
    def status(self) -> str:
        return str(self.shipper.get(f"/v1/loads/{self.load['id']}")["status"])

    def stop(self, number: int) -> dict[str, Any]:
        stops = self.shipper.get(f"/v1/loads/{self.load['id']}")["stops"]
        return dict(stops[number])

    def events(self) -> list[Event]:
        ids = [self.load["id"], *(stop["id"] for stop in self.load["stops"])]
        return list(
            self.session.scalars(
                select(Event).where(Event.subject_id.in_(ids)).order_by(Event.id)
            )
        )

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]


def forget_where(trip: Trip) -> Trip:
    """Let the driver's last position be from when the load was made, at New York: from
    there every stop can be reached. Return the trip."""
    long_ago = {"lat": NEW_YORK.lat, "lon": NEW_YORK.lon}
    driver_id = UUID(trip.driver.driver_id)
    with Session.begin() as writing:
        writing.execute(
            update(LastPosition)
            .where(LastPosition.driver_id == driver_id)
            .values(long_ago | {"corrected_at": utcnow() - KNOWN_FOR})
        )
    return trip


def make_trip(
    world: World,
    session: OrmSession,
    route: tuple[tuple[str, Point], ...] = SHORT,
    *,
    poster: Caller | None = None,
) -> Trip:
    """Return a trip: a booked load of a shipper, and a driver without a phone.

    poster: another company's member who posted the load, in place of the shipper.
    """
    carrier, shipper = world.company(), poster or world.shipper()
    driver = world.driver(carrier, device=None)
    # Long enough for the way from home and back.
    stops = [world.stop_body(kind, place, ends_h=96) for kind, place in route]
    load = world.load(shipper, stops=stops)
    with Session.begin() as writing:
        writing.execute(
            update(Load)
            .where(Load.id == UUID(load["id"]))
            .values(created_at=utcnow() - KNOWN_FOR)
        )
    world.assign(carrier, driver, load)
    return Trip(world, session, shipper, carrier, driver, load)


def book_long_ago(trip: Trip) -> Trip:
    """Let the driver have had the load as long as it is known; return the trip."""
    with Session.begin() as writing:
        writing.execute(
            update(Assignment)
            .where(Assignment.load_id == UUID(trip.load["id"]))
            .values(created_at=utcnow() - KNOWN_FOR)
        )
    return trip
