"""The whole way from a reported drop to a won load and its pushes."""

from collections.abc import Callable

from tests.world import CHICAGO, NEWARK, FakeGateway, World


def test_a_drop_in_new_york_is_won_as_freight_to_chicago(
    world: World, run_jobs: Callable[..., list[str]]
) -> None:
    gateway = FakeGateway()
    freight = world.load(world.shipper(), NEWARK, CHICAGO)
    driver = world.dropped()

    run_jobs(gateway)

    offers = driver.get("/v1/offers?is_open=true")["data"]
    assert [offer["load_id"] for offer in offers] == [freight["id"]]
    assert "offer" in gateway.kinds(f"ok-{driver.driver_id}")
    won = driver.put(f"/v1/offers/{offers[0]['id']}/acceptance")
    assert won.status == 200
    me = driver.get("/v1/me")
    assert me["driver"]["availability"] == "on_load"
    assert me["assignments"][0]["load"]["id"] == freight["id"]
