"""A driver is offered their next load while they unload, over the API with the real
jobs."""

from collections.abc import Callable

from geo.points import Point
from tests.services.scene import let_waits_pass
from tests.world import (
    CHICAGO,
    NEW_YORK,
    NEWARK,
    Caller,
    FakeGateway,
    World,
    utcnow,
)

RunJobs = Callable[..., list[str]]


def at_the_last_stop(world: World) -> tuple[Caller, str]:
    """Return a driver who has arrived there, and the stop."""
    carrier, shipper = world.company(), world.shipper()
    driver = world.driver(carrier, home=CHICAGO)
    load = world.load(shipper, CHICAGO, NEW_YORK)
    world.assign(carrier, driver, load)
    first, last = load["stops"]
    for fact in ("arrival", "completion"):
        assert world.report(driver, first["id"], fact).status == 200
    assert world.confirm(shipper, first["id"]).status == 200
    assert world.report(driver, first["id"], "departure").status == 200
    assert world.report(driver, last["id"], "arrival").status == 200
    world.locate(driver, Point(last["lat"], last["lon"]), at=utcnow())
    return driver, last["id"]


def slots(driver: Caller) -> dict[str, str]:
    me = driver.get("/v1/me")
    return {each["load"]["id"]: each["slot"] for each in me["assignments"]}


def test_the_load_that_is_accepted_at_the_dock_is_the_one_after_the_drop(
    world: World, run_jobs: RunJobs
) -> None:
    backhaul = world.load(world.shipper(), NEWARK, CHICAGO, weight_kg=9_000)["id"]
    gateway = FakeGateway()
    driver, stop_id = at_the_last_stop(world)
    (carried,) = slots(driver)
    assert "search.arrived" not in run_jobs(gateway)
    assert driver.get("/v1/offers?is_open=true")["data"] == []

    let_waits_pass()
    assert "search.arrived" in run_jobs(gateway)

    (offer,) = driver.get("/v1/offers?is_open=true")["data"]
    assert offer["load_id"] == backhaul
    assert gateway.kinds(f"ok-{driver.driver_id}").count("offer") == 1
    (search,) = driver.get("/v1/backhaul-searches")["data"]
    assert (search["trigger"], search["stop_id"]) == ("arrived", stop_id)
    won = driver.put(f"/v1/offers/{offer['id']}/acceptance")
    assert (won.status, won["slot"]) == (200, "next")
    assert slots(driver) == {carried: "current", backhaul: "next"}

    assert world.report(driver, stop_id, "completion").status == 200
    run_jobs(gateway)

    assert slots(driver) == {backhaul: "current"}
    newest, _ = driver.get("/v1/backhaul-searches")["data"]
    assert newest["trigger"] == "drop_completed"
    assert newest["outcome"] == "driver_busy"
    assert gateway.kinds(f"ok-{driver.driver_id}").count("offer") == 1


def test_who_wishes_to_wait_is_rung_once_at_the_drop(
    world: World, run_jobs: RunJobs
) -> None:
    backhaul = world.load(world.shipper(), NEWARK, CHICAGO, weight_kg=9_000)["id"]
    gateway = FakeGateway()
    driver, stop_id = at_the_last_stop(world)
    path = f"/v1/drivers/{driver.driver_id}"
    assert driver.patch(path, {"offers_wait_for_drop": True}).status == 200
    let_waits_pass()
    run_jobs(gateway)

    waiting = driver.get(f"{path}/waiting")
    assert waiting["stands_by"]["reason"] == "unloading"
    assert waiting["stands_by"]["load_ids"] == [backhaul]
    assert driver.get("/v1/offers?is_open=true")["data"] == []

    assert world.report(driver, stop_id, "completion").status == 200
    run_jobs(gateway)

    (offer,) = driver.get("/v1/offers?is_open=true")["data"]
    assert offer["load_id"] == backhaul
    assert gateway.kinds(f"ok-{driver.driver_id}").count("offer") == 1
    assert driver.get(f"{path}/waiting")["stands_by"] is None
