"""A search over real roads: lakes are gone round, and islands are not reached."""

from dataclasses import replace

import pytest

from geo.points import Point
from geo.roads import Highways
from models.search.searches import SearchOutcome
from services.market.market import Market
from services.search.run import SearchRules
from tests.services.scene import Scene, open_offers
from tests.world import CHICAGO

MILWAUKEE, MUSKEGON = Point(43.0389, -87.9065), Point(43.2342, -86.2484)
ON_THE_LAKE = Point(43.0, -87.0)
NANTUCKET = Point(41.28, -70.10)


@pytest.fixture(scope="module")
def highways():
    return Highways.read(cache_mb=16)


@pytest.fixture
def scene(world, highways, monkeypatch):
    """The worker searches over real roads, and the web process explains by them."""
    for name in ("booking_rules", "posting_rules"):
        rules = replace(world.app.extensions[name], roads=highways)
        monkeypatch.setitem(world.app.extensions, name, rules)
    scene = Scene(world)
    scene.__dict__["rules"] = SearchRules.of(world.settings, highways, Market(highways))
    return scene


def test_a_load_across_the_lake_is_too_far(scene):
    """Milwaukee to Muskegon is 85 miles by air and 281 by road."""
    load_id = scene.load(MUSKEGON, CHICAGO)
    driver = scene.driver(home=CHICAGO)
    search = scene.search(driver, at=MILWAUKEE)

    answer = scene.carrier.get(
        f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}"
    )

    assert search.situation["distance_source"] == "highways"
    assert search.outcome is SearchOutcome.NOTHING_FOUND
    assert (answer["verdict"], answer["reason"]) == ("excluded", "beyond_max_deadhead")


@pytest.mark.parametrize("home", [ON_THE_LAKE, NANTUCKET])
def test_a_home_that_no_road_reaches_is_the_outcome(scene, home):
    scene.load(Point(42.0, -87.9), Point(41.6, -83.6))
    driver = scene.driver(home=home)

    search = scene.search(driver, at=CHICAGO)

    assert search.outcome is SearchOutcome.NO_ROAD
    assert (search.situation, search.ranked) == ({}, [])
    assert open_offers(driver) == []
    kept = scene.carrier.get(f"/v1/backhaul-searches/{search.id}")
    assert (kept.status, kept["outcome"]) == (200, "no_road")


def test_a_load_that_no_road_reaches_has_that_reason(scene):
    """A load of an earlier release: today it would be refused."""
    boston, albany = Point(42.36, -71.06), Point(42.65, -73.75)
    load_id = scene.load(NANTUCKET, albany)
    driver = scene.driver(home=albany)
    search = scene.search(driver, at=boston)

    stages = {stage["stage"]: stage for stage in search.counts["stages"]}

    assert stages["road"]["excluded"] == {"no_road": 1}
    answer = scene.carrier.get(
        f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}"
    )
    assert (answer["stage"], answer["reason"]) == ("road", "no_road")
    assert answer["figure"] is None


def test_nobody_asks_for_a_search_from_a_place_that_no_road_leaves(scene):
    body = {"place": {"lat": NANTUCKET.lat, "lon": NANTUCKET.lon}}
    at_sea = {"place": {"lat": 35.0, "lon": -50.0}}
    driver = scene.driver(home=CHICAGO)

    for asked in (body, at_sea):
        answer = driver.post("/v1/backhaul-searches", asked)

        assert answer.status == 422
        assert answer["errors"][0]["pointer"] == "#/place"


def test_nobody_asks_for_a_search_to_where_no_road_leads(scene):
    body = {
        "place": {"lat": MILWAUKEE.lat, "lon": MILWAUKEE.lon},
        "destination": {"lat": 35.0, "lon": -50.0},
    }

    answer = scene.driver(home=CHICAGO).post("/v1/backhaul-searches", body)

    assert answer.status == 422
    assert "the destination" in answer["errors"][0]["detail"]
