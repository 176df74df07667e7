"""Searches over HTTP: short in lists, whole by id, only the company's own."""

import pytest

from tests.services.scene import Scene


@pytest.fixture
def scene(world):
    return Scene(world)


def test_a_list_is_short_and_newest_first(scene):
    scene.load()
    driver = scene.driver()
    first, second = scene.search(driver), scene.search(driver)

    listed = driver.get("/v1/backhaul-searches")["data"]

    assert [search["id"] for search in listed] == [str(second.id), str(first.id)]
    assert {"map", "ranked", "situation"} & set(listed[0]) == set()
    assert listed[0]["counts"]["ranked"] == 1


def test_a_dispatcher_sees_the_fleets_searches_and_may_filter_by_driver(scene, world):
    one, other = scene.drivers(2)
    scene.search(one)
    mine = scene.search(other)

    everything = scene.carrier.get("/v1/backhaul-searches")["data"]
    only = scene.carrier.get(f"/v1/backhaul-searches?driver_id={other.driver_id}")

    assert len(everything) == 2
    assert [search["id"] for search in only["data"]] == [str(mine.id)]
    assert world.company().get("/v1/backhaul-searches")["data"] == []


def test_a_driver_who_asks_for_a_colleagues_searches_gets_none(scene):
    one, other = scene.drivers(2)
    scene.search(other)

    answer = one.get(f"/v1/backhaul-searches?driver_id={other.driver_id}")

    assert answer["data"] == []


def test_a_shipper_has_no_searches(scene):
    assert scene.shipper.get("/v1/backhaul-searches").status == 403


def test_an_explanation_needs_a_load(scene):
    driver = scene.driver()
    search = scene.search(driver)

    answer = driver.get(f"/v1/backhaul-searches/{search.id}/explanation")

    assert answer.status == 422
