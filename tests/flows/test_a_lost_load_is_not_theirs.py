"""Drivers who lost a load, or were taken off it, no longer see it."""

from sqlalchemy import text

from runtime.db import Session, Tenant, acting
from tests.services.scene import Scene, open_offers
from tests.world import DALLAS, HOUSTON, Caller, World


def status_of(caller: Caller, load_id: object) -> int:
    return caller.get(f"/v1/loads/{load_id}").status


def stops_behind_the_wall(caller: Caller, load_id: object) -> int:
    """Return how many of the load's stops the database shows this company."""
    assert caller.org_id is not None
    assert caller.member_id is not None
    with acting(Tenant(caller.org_id, caller.member_id)), Session() as session:
        count = text("select count(*) from stops where load_id = :id")
        return session.scalar(count, {"id": load_id}) or 0


def test_a_carrier_whose_offer_was_lost_no_longer_sees_the_load(
    committed: World,
) -> None:
    winner, loser = Scene(committed), Scene(committed)
    loser.shipper = winner.shipper
    load_id = winner.load()
    first, second = winner.driver(), loser.driver()
    winner.search(first)
    loser.search(second)
    lost = open_offers(second)[0]
    assert {
        status_of(caller, load_id) for caller in (first, second, loser.carrier)
    } == {200}
    assert stops_behind_the_wall(loser.carrier, load_id) == 2

    assert first.put(f"/v1/offers/{open_offers(first)[0].id}/acceptance").status == 200

    assert {status_of(caller, load_id) for caller in (first, winner.carrier)} == {200}
    assert {status_of(caller, load_id) for caller in (second, loser.carrier)} == {404}
    assert stops_behind_the_wall(winner.carrier, load_id) == 2
    assert stops_behind_the_wall(loser.carrier, load_id) == 0
    assert second.get(f"/v1/offers/{lost.id}")["snapshot"]["load_id"] == str(load_id)


def test_the_lost_offer_shows_the_load_as_it_was_offered(world: World) -> None:
    winner, loser = Scene(world), Scene(world)
    loser.shipper = winner.shipper
    load_id = winner.load(price_cents=250_000, commodity="Paper")
    first, second = winner.driver(), loser.driver()
    winner.search(first)
    loser.search(second)
    path = f"/v1/offers/{open_offers(second)[0].id}"
    offered = second.get(path)["load"]
    assert (offered["status"], offered["commodity"]) == ("posted", "Paper")
    won = first.put(f"/v1/offers/{open_offers(first)[0].id}/acceptance")
    shown = [second.get(path)["load"]]

    undone = {"kind": "unassign", "reason": "safety"}
    given_back = f"/v1/assignments/{won['id']}/override"
    assert winner.carrier.post(given_back, undone).status == 201
    stops = world.load_body(DALLAS, HOUSTON)["stops"]
    later = {"price_cents": 90_000, "weight_kg": 1, "stops": stops}
    assert winner.shipper.patch(f"/v1/loads/{load_id}", later).status == 200
    shown.append(second.get(path)["load"])
    shown.append(loser.carrier.get("/v1/offers")["data"][0]["load"])

    places = {"pickup_place", "delivery_place"}
    for load in shown:
        assert {**offered, **load} == offered
        assert load["price_cents"] == 250_000
        assert not {"status", "visibility", "commodity", "posted_at"} & set(load)
    assert all(places <= set(load) for load in shown)


def test_an_open_offer_shows_the_load_as_it_is(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load(commodity="Paper")
    driver = scene.driver()
    scene.search(driver)

    (offer,) = driver.get("/v1/offers")["data"]

    market = scene.carrier.get("/v1/loads/market")["data"]
    assert [load for load in market if load["id"] == str(load_id)] == [offer["load"]]


def test_a_driver_who_was_taken_off_no_longer_sees_the_load(world: World) -> None:
    scene = Scene(world)
    driver, other = scene.driver(), scene.driver()
    load = world.load(scene.shipper)
    assignment = world.assign(scene.carrier, driver, load)
    change = {"kind": "reassign", "reason": "safety", "driver_id": other.driver_id}
    assert status_of(driver, load["id"]) == 200

    path = f"/v1/assignments/{assignment['id']}/override"
    assert scene.carrier.post(path, change).status == 201

    assert status_of(driver, load["id"]) == 404
    assert {status_of(caller, load["id"]) for caller in (other, scene.carrier)} == {200}
