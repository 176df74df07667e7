"""Drivers who unload at the last stop of their load, in tests of the search before the
drop."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session as OrmSession

from geo.points import Point
from models.search.searches import BackhaulSearch
from runtime.db import Session
from services.loads import stops
from services.loads.reports import Report
from services.search.arrived import search_arrived
from tests.services.scene import Scene, actor_of, last_seen, open_offers
from tests.world import CLEVELAND, NEW_YORK, Answer, Caller, utcnow


class Docked(NamedTuple):
    """A driver at their last stop, with their load."""

    scene: Scene
    driver: Caller
    load_id: UUID
    stop_id: UUID
    assignment_id: UUID

    def search(self) -> BackhaulSearch | None:
        """Do the work of the job that follows the arrival."""
        with Session.begin() as session:
            return self.search_in(session)

    def search_in(
        self, session: OrmSession, now: datetime | None = None
    ) -> BackhaulSearch | None:
        return search_arrived(
            session,
            self.scene.rules,
            stop_id=self.stop_id,
            driver_id=UUID(self.driver.driver_id),
            now=now or utcnow(),
        )

    def complete(self, **body: Any) -> None:
        answer = self.tell("completion", **body)
        assert answer.status == 200, answer.body

    def complete_in(self, session: OrmSession) -> None:
        now = utcnow()
        stops.complete(
            session, actor_of(self.driver), self.stop_id, Report(now), now=now
        )

    def tell(self, fact: str, **body: Any) -> Answer:
        return self.scene.world.report(self.driver, str(self.stop_id), fact, **body)


def on_the_way(
    scene: Scene, driver: Caller | None = None, at: Point = NEW_YORK
) -> Docked:
    """Return a driver before their last stop."""
    driver = driver or scene.driver()
    load = scene.world.load(scene.shipper, CLEVELAND, at, weight_kg=9_000)
    made = scene.world.assign(scene.carrier, driver, load, reason="safety")
    first, last = (stop["id"] for stop in load["stops"])
    scene.world.confirm(scene.shipper, first)
    for fact in ("arrival", "completion", "departure"):
        answer = scene.world.report(driver, first, fact)
        assert answer.status == 200, answer.body
    with Session.begin() as session:
        last_seen(session, driver, at, corrected_at=utcnow(), received_at=utcnow())
    return Docked(scene, driver, UUID(load["id"]), UUID(last), UUID(made["id"]))


def docked(
    scene: Scene, driver: Caller | None = None, at: Point = NEW_YORK, **body: Any
) -> Docked:
    """Return a driver who has arrived at their last stop."""
    found = on_the_way(scene, driver, at)
    answer = found.tell("arrival", **body)
    assert answer.status == 200, answer.body
    return found


def offered(driver: Caller) -> list[UUID]:
    """Return the loads of the driver's open offers, the best first."""
    return [offer.load_id for offer in open_offers(driver)]


def waits_for_drop(driver: Caller, *, so: bool = True) -> None:
    path = f"/v1/drivers/{driver.driver_id}"
    assert driver.patch(path, {"offers_wait_for_drop": so}).status == 200


def plan(scene: Scene, driver: Caller, load_id: UUID) -> None:
    load = {"id": str(load_id)}
    scene.world.assign(scene.carrier, driver, load, reason="safety")


def interrupt(here: Docked) -> None:
    """Let the poster take the load from its truck, with the freight aboard."""
    path = f"/v1/loads/{here.load_id}/interruption"
    answer = here.scene.shipper.put(path, {"reason": "recall"})
    assert answer.status == 200, answer.body
