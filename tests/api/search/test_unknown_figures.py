"""What is not known, or was not searched, is null or left out in every answer."""

import pytest

from tests.services.scene import Scene
from tests.world import CHICAGO, NEW_YORK, NEWARK


@pytest.fixture
def scene(world):
    return Scene(world)


def bare_load(scene, *places):
    return scene.load(*places, weight_kg=None, pieces=None)


def test_a_load_without_weight_and_pieces_is_shown_without_them(scene):
    load_id = bare_load(scene)
    driver = scene.driver(payload_kg=None, deck_length_m=None)
    scene.search(driver)

    (offer,) = driver.get("/v1/offers")["data"]
    (on_the_market,) = scene.carrier.get("/v1/loads/market")["data"]
    own = scene.shipper.get(f"/v1/loads/{load_id}")

    for shown in (offer["load"], on_the_market, own.body):
        assert (shown["weight_kg"], shown["pieces"]) == (None, None)
    assert offer["snapshot"]["weight_kg"] is None


def test_a_truck_without_measures_is_searched_for_without_them(scene):
    bare_load(scene)
    driver = scene.driver(payload_kg=None, deck_length_m=None)
    made = scene.search(driver)

    search = driver.get(f"/v1/backhaul-searches/{made.id}")

    assert search["situation"]["payload_kg"] is None
    assert search["situation"]["deck_length_m"] is None
    assert search["ranked"][0]["candidate"]["weight_kg"] is None


def test_a_load_that_goes_nowhere_has_no_pay_per_kilometre(scene):
    bare_load(scene, NEW_YORK, NEW_YORK)
    driver = scene.driver()
    scene.search(driver, at=NEW_YORK)

    (offer,) = driver.get("/v1/offers")["data"]

    assert offer["figures"]["pay_cents_per_km"] is None


def test_a_search_that_did_not_look_for_loads_has_no_figures(scene):
    driver = scene.driver()
    off_duty = {"availability": "off_duty"}
    assert (
        scene.carrier.patch(f"/v1/drivers/{driver.driver_id}", off_duty).status == 200
    )
    made = scene.search(driver)

    search = driver.get(f"/v1/backhaul-searches/{made.id}")
    (short,) = driver.get("/v1/backhaul-searches")["data"]

    for shown in (search.body, short):
        assert shown["outcome"] == "driver_off_duty"
        assert (shown["strategy"], shown["radius_m"]) == (None, None)
        assert (shown["counts"], shown["timings"]) == ({}, {})
    for name in ("situation", "parameters", "map"):
        assert search[name] == {}
    assert search["ranked"] == []


def test_an_address_may_be_known_in_part(scene, world):
    stop = world.stop_body("pickup", NEWARK, address={"state": "NJ"})
    stops = [stop, world.stop_body("delivery", CHICAGO, ends_h=96)]
    load_id = scene.load(stops=stops)

    shown = scene.shipper.get(f"/v1/loads/{load_id}")["stops"][0]["address"]

    assert shown == {
        "street": None,
        "city": None,
        "state": "NJ",
        "postal_code": None,
        "country": "US",
    }


def test_a_member_may_have_a_phone_and_no_email(world):
    boss = world.company()
    person = {"name": "Pat Phone", "phone": "+13125550142", "roles": ["driver"]}
    invited = boss.post("/v1/invitations", person)
    assert world.accept(invited["token"]).status == 201

    members = boss.get("/v1/members")["data"]

    assert [m["email"] for m in members if m["name"] == "Pat Phone"] == [None]
