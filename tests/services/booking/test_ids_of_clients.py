"""The client makes the id of an assignment: its order decides nothing."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session as OrmSession

from tests.services.booking.desk import override
from tests.services.booking.exits import decide, tell
from tests.services.scene import Scene, active
from tests.trips import FACTS, make_trip
from tests.world import Answer, Caller, World

HIGH = "ffffffff-ffff-4fff-bfff-ffffffffffff"
LOW = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def plan(
    scene: Scene, driver: Caller, load_id: UUID, assignment_id: str | None = None
) -> Answer:
    body = {"load_id": str(load_id), "driver_id": driver.driver_id, "reason": "safety"}
    made = scene.carrier.post(
        "/v1/assignments", body | ({"id": assignment_id} if assignment_id else {})
    )
    assert made.status == 201, made.body
    return made


def stop_ids(scene: Scene, load_id: UUID) -> list[str]:
    return [stop["id"] for stop in scene.shipper.get(f"/v1/loads/{load_id}")["stops"]]


@pytest.mark.parametrize(("first", "second"), [(HIGH, None), (None, LOW), (HIGH, LOW)])
@pytest.mark.parametrize("reporter", ["driver", "desk"])
def test_a_driver_who_gets_a_load_again_reports_whatever_the_ids(
    scene: Scene, first: str | None, second: str | None, reporter: str
) -> None:
    driver, load_id = scene.driver(), scene.load()
    made = plan(scene, driver, load_id, first)
    override(scene.carrier, made["id"], kind="unassign")
    plan(scene, driver, load_id, second)

    who = driver if reporter == "driver" else scene.carrier
    said = scene.world.report(who, stop_ids(scene, load_id)[0], "arrival")

    assert said.status == 200, said.body


def test_a_driver_who_wins_a_load_they_had_planned_reports_whatever_the_ids(
    scene: Scene,
) -> None:
    driver, load_id = scene.driver(), scene.load()
    made = plan(scene, driver, load_id, HIGH)
    override(scene.carrier, made["id"], kind="unassign")
    (offer_id,) = scene.offered(driver)
    assert driver.put(f"/v1/offers/{offer_id}/acceptance").status == 200

    said = scene.world.report(driver, stop_ids(scene, load_id)[0], "arrival")

    assert said.status == 200, said.body


def test_freight_that_is_taken_over_is_delivered_whatever_the_ids(scene: Scene) -> None:
    driver, load_id = scene.driver(), scene.load()
    made = plan(scene, driver, load_id, HIGH)
    pickup, delivery = stop_ids(scene, load_id)
    for fact in ("arrival", "completion"):
        scene.world.report(driver, pickup, fact)
    scene.world.confirm(scene.shipper, pickup)
    scene.world.report(driver, pickup, "departure")
    driver.put(f"/v1/assignments/{made['id']}/hand-back", {"reason": "breakdown"})
    override(scene.carrier, made["id"], kind="take_over", driver_id=driver.driver_id)

    said = [
        scene.world.report(who, delivery, fact).status
        for who, fact in ((driver, "arrival"), (scene.carrier, "completion"))
    ]

    assert said == [200, 200]
    assert active() == []


def test_a_poster_denies_a_delivery_whatever_the_ids(
    world: World, session: OrmSession
) -> None:
    trip = make_trip(world, session)
    decide(trip, "unassign")
    other = world.company()
    body = {"load_id": trip.load["id"], "reason": "safety"}
    body |= {"driver_id": world.driver(other).driver_id, "id": LOW}
    assert other.post("/v1/assignments", body).status == 201
    for stop in trip.load["stops"]:
        for fact in FACTS:
            why = {"release_reason": "safety"} if fact == "departure" else {}
            assert world.report(other, stop["id"], fact, **why).status == 200

    denied = tell(trip, "interruption", reason="recall")

    assert (denied.status, denied["status"]) == (200, "interrupted")


def test_a_crew_mates_load_becomes_current_whatever_the_ids(scene: Scene) -> None:
    one, mate = scene.drivers(2)
    for load_id in scene.loads(3):
        made = plan(scene, one, load_id, "f" + str(uuid4())[1:])
        override(scene.carrier, made["id"], kind="unassign")
    truck_id = mate.get("/v1/me")["driver"]["truck"]["id"]
    scene.carrier.patch(f"/v1/drivers/{one.driver_id}", {"truck_id": truck_id})
    first, second = scene.loads(2)
    current, waiting = plan(scene, one, first), plan(scene, mate, second)
    assert (current["slot"], waiting["slot"]) == ("current", "next")

    override(scene.carrier, current["id"], kind="unassign")

    (left,) = active()
    assert (left.load_id, left.slot) == (second, "current")
