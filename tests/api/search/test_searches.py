"""Searches over HTTP: short in lists, whole by themselves, the company's own."""

import pytest

from tests.services.stage import Stage


@pytest.fixture
def stage(world):
    return Stage(world)


def test_a_list_is_short_and_newest_first(stage):
    stage.load()
    driver = stage.driver()
    first, second = stage.search(driver), stage.search(driver)

    listed = driver.get("/v1/backhaul-searches")["data"]

    assert [it["id"] for it in listed] == [str(second.id), str(first.id)]
    assert {"map", "ranked", "situation"} & set(listed[0]) == set()
    assert listed[0]["counts"]["ranked"] == 1


def test_a_dispatcher_sees_the_fleets_and_may_ask_for_one_driver(stage, world):
    one, other = stage.drivers(2)
    stage.search(one)
    mine = stage.search(other)

    everything = stage.carrier.get("/v1/backhaul-searches")["data"]
    only = stage.carrier.get(f"/v1/backhaul-searches?driver_id={other.driver_id}")

    assert len(everything) == 2
    assert [it["id"] for it in only["data"]] == [str(mine.id)]
    assert world.company().get("/v1/backhaul-searches")["data"] == []


def test_asking_for_a_colleague_shows_a_driver_nothing(stage):
    one, other = stage.drivers(2)
    stage.search(other)

    answer = one.get(f"/v1/backhaul-searches?driver_id={other.driver_id}")

    assert answer["data"] == []


def test_a_shipper_has_no_searches(stage):
    assert stage.shipper.get("/v1/backhaul-searches").status == 403


def test_an_explanation_needs_a_load(stage):
    driver = stage.driver()
    search = stage.search(driver)

    answer = driver.get(f"/v1/backhaul-searches/{search.id}/explanation")

    assert answer.status == 422
