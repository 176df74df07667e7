"""The routes of loads and offers on the map: who sees them, and what they show."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from freight.situation import Parameters
from geo.distance import haversine_m
from geo.points import Point
from geo.roads import Highways
from tests.services.scene import Scene, decline, open_offers
from tests.world import CHICAGO, NEW_YORK, NEWARK, Answer, World

MILWAUKEE, MUSKEGON = Point(43.0389, -87.9065), Point(43.2342, -86.2484)
CLEVELAND = Point(41.4993, -81.6944)


@pytest.fixture(scope="module")
def highways() -> Highways:
    return Highways.read(cache_mb=4)


@pytest.fixture
def world(world: World, highways: Highways, monkeypatch: pytest.MonkeyPatch) -> World:
    """The application with real roads."""
    extensions = world.app.extensions
    for name in ("posting_rules", "booking_rules"):
        rules = replace(extensions[name], roads=highways)
        monkeypatch.setitem(extensions, name, rules)
    return world


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def shown(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer["type"] == "FeatureCollection"
    assert answer["attribution"] == "© OpenStreetMap contributors"
    assert {feature["type"] for feature in answer["features"]} == {"Feature"}
    features: list[dict[str, Any]] = answer["features"]
    return features


def kinds(features: list[dict[str, Any]]) -> list[str]:
    return [feature["properties"]["kind"] for feature in features]


def line(feature: dict[str, Any]) -> list[Point]:
    assert feature["geometry"]["type"] == "LineString"
    return [Point(lat, lon) for lon, lat in feature["geometry"]["coordinates"]]


def test_a_load_goes_round_the_lake(world: World, highways: Highways) -> None:
    shipper = world.shipper()
    load = world.load(shipper, MILWAUKEE, MUSKEGON)

    answer = shipper.get(f"/v1/loads/{load['id']}/route")
    (leg,) = shown(answer)

    assert answer["source"] == "highways"
    assert min(point.lat for point in line(leg)) < 41.9
    way = highways.way(MILWAUKEE, MUSKEGON)
    assert leg["properties"] == {
        "kind": "loaded",
        "begins_at": "pickup",
        "ends_at": "delivery",
        "metres": way.metres,
        "seconds": pytest.approx(Parameters().seconds(*way)),
    }


def test_each_leg_of_a_load_with_more_stops(world: World) -> None:
    shipper = world.shipper()
    stops = [
        world.stop_body("pickup", NEWARK),
        world.stop_body("delivery", CLEVELAND),
        world.stop_body("delivery", CHICAGO),
    ]
    load = world.load(shipper, stops=stops)

    legs = shown(shipper.get(f"/v1/loads/{load['id']}/route"))

    assert [leg["properties"]["ends_at"] for leg in legs] == ["delivery"] * 2
    assert haversine_m(line(legs[0])[-1], CLEVELAND) < 2
    assert haversine_m(line(legs[1])[0], CLEVELAND) < 2


def test_a_larger_tolerance_draws_fewer_points(world: World) -> None:
    shipper = world.shipper()
    path = f"/v1/loads/{world.load(shipper, MILWAUKEE, MUSKEGON)['id']}/route"

    fine, default, coarse = (
        len(line(shown(shipper.get(path + query))[0]))
        for query in ("?tolerance_m=1", "", "?tolerance_m=10000")
    )

    assert fine > default > coarse >= 3


@pytest.mark.parametrize("tolerance", ["0", "-5", "100001", "nan", "wide"])
def test_a_tolerance_out_of_bounds_is_refused(world: World, tolerance: str) -> None:
    shipper = world.shipper()
    load = world.load(shipper)

    answer = shipper.get(f"/v1/loads/{load['id']}/route?tolerance_m={tolerance}")

    assert answer.status == 422


def test_without_a_road_a_leg_has_no_line(world: World, scene: Scene) -> None:
    """A load of an earlier release may lie on two islands."""
    shipper = world.shipper()
    load = scene.rows.load(shipper, Point(21.31, -157.86), Point(20.89, -156.47))

    (leg,) = shown(shipper.get(f"/v1/loads/{load['id']}/route"))

    assert leg["geometry"] is None
    assert leg["properties"]["metres"] is leg["properties"]["seconds"] is None


def test_a_stranger_gets_404(world: World, scene: Scene) -> None:
    load_id = scene.load()
    driver = scene.driver()
    scene.search(driver)
    (offer,) = open_offers(driver)
    stranger = world.company()

    for path in (f"loads/{load_id}", f"offers/{offer.id}"):
        assert stranger.get(f"/v1/{path}/route").status == 404
    for path in (f"loads/{uuid4()}", f"offers/{uuid4()}"):
        assert driver.get(f"/v1/{path}/route").status == 404


class TestAnOffer:
    def test_goes_from_the_drop_through_the_stops_home(self, scene: Scene) -> None:
        scene.load(NEWARK, CLEVELAND)
        driver = scene.driver(home=CHICAGO)
        scene.search(driver, at=NEW_YORK)
        (offer,) = open_offers(driver)

        legs = shown(driver.get(f"/v1/offers/{offer.id}/route"))

        assert kinds(legs) == ["deadhead", "loaded", "home_deadhead"]
        assert haversine_m(line(legs[0])[0], NEW_YORK) < 2
        assert haversine_m(line(legs[2])[-1], CHICAGO) < 2

    def test_shows_its_stops_no_more_exactly_than_the_offer(self, scene: Scene) -> None:
        load_id = scene.load(NEWARK, CLEVELAND)
        driver = scene.driver()
        scene.search(driver)
        (offer,) = open_offers(driver)

        of_offer = shown(driver.get(f"/v1/offers/{offer.id}/route"))
        of_load = shown(driver.get(f"/v1/loads/{load_id}/route"))

        for leg in (of_offer[1], of_load[0]):
            drawn = line(leg)
            assert (drawn[0], drawn[-1]) == (Point(40.74, -74.17), Point(41.5, -81.69))

    @pytest.mark.parametrize("answer", ["acceptance", "decline"])
    def test_that_was_answered_shows_every_stop_that_was_offered(
        self, scene: Scene, answer: str
    ) -> None:
        places = ("pickup", NEWARK), ("delivery", CLEVELAND), ("delivery", CHICAGO)
        scene.load(stops=[scene.world.stop_body(*place) for place in places])
        driver = scene.driver()
        scene.search(driver)
        (offer,) = open_offers(driver)
        before = shown(driver.get(f"/v1/offers/{offer.id}/route"))
        assert kinds(before) == ["deadhead", "loaded", "loaded", "home_deadhead"]
        if answer == "decline":
            decline(driver, offer.id)
        else:
            driver.put(f"/v1/offers/{offer.id}/acceptance")

        assert shown(driver.get(f"/v1/offers/{offer.id}/route")) == before
        assert kinds(shown(scene.carrier.get(f"/v1/offers/{offer.id}/route"))) == kinds(
            before
        )


class TestPosting:
    def post(self, world: World, *places: Point, **fields: Any) -> Answer:
        return world.shipper().post("/v1/loads", world.load_body(*places, **fields))

    def test_measures_by_highway(self, world: World, highways: Highways) -> None:
        made = self.post(world, MILWAUKEE, MUSKEGON)

        assert made.status == 201, made.body
        assert made["distance_source"] == "highways"
        assert made["loaded_m"] == highways.distance_m(MILWAUKEE, MUSKEGON)

    def test_80_km_from_any_highway_is_measured(self, world: World) -> None:
        made = self.post(world, Point(56.25, -102.25), CHICAGO)

        assert (made.status, made["distance_source"]) == (201, "highways"), made.body
        assert made["loaded_m"] > haversine_m(Point(56.25, -102.25), CHICAGO)

    @pytest.mark.parametrize("is_draft", [False, True])
    def test_without_a_road_between_its_stops_it_is_refused(
        self, world: World, is_draft: bool
    ) -> None:
        made = self.post(
            world, Point(21.31, -157.86), Point(20.89, -156.47), is_draft=is_draft
        )

        assert (made.status, made["code"]) == (422, "no-road")
        assert [error["pointer"] for error in made["errors"]] == ["#/stops/1"]

    def test_an_edit_that_leaves_the_road_is_refused_too(self, world: World) -> None:
        shipper = world.shipper()
        made = shipper.post("/v1/loads", world.load_body(MILWAUKEE, MUSKEGON))
        stops = [
            world.stop_body("pickup", MILWAUKEE),
            world.stop_body("delivery", Point(43.0, -87.0)),
        ]

        answer = shipper.patch(f"/v1/loads/{made['id']}", {"stops": stops})

        assert (answer.status, answer["code"]) == (422, "no-road")
        after = shipper.get(f"/v1/loads/{made['id']}")
        assert after["loaded_m"] == made["loaded_m"]
