"""Freight within a country is carried by its own trucks and drivers."""

import json

import pytest
from sqlalchemy import text

from geo.points import Point
from runtime.db import Session
from tests.services.booking.desk import grounds
from tests.services.scene import Scene
from tests.world import Caller, World

LONDON_ONTARIO = Point(42.9834, -81.2497)


@pytest.mark.parametrize(
    "is_in_address", [False, True], ids=["of this release", "of the previous one"]
)
@pytest.mark.parametrize(
    ("carrier", "driver", "countries", "is_refused"),
    [
        ("US", None, ["US", "US"], False),
        ("US", "US", ["US", "US"], False),
        ("MX", None, ["US", "US"], True),
        ("MX", "US", ["US", "US"], True),
        ("US", "CA", ["US", "US"], True),
        # Over the border, from either side.
        ("MX", None, ["US", "MX"], False),
        ("CA", "US", ["US", "CA"], False),
        # Not known.
        ("MX", None, ["US", None], False),
    ],
)
def test_a_load_within_one_country_needs_a_truck_and_a_driver_of_it(
    world: World,
    carrier: str,
    driver: str | None,
    countries: list[str | None],
    is_refused: bool,
    is_in_address: bool,
) -> None:
    """A stop that the previous release wrote says its country in its address only."""
    scene = Scene(world)
    scene.load()
    person = scene.driver()
    (offer_id,) = scene.offered(person)
    with Session.begin() as session:
        own = {"carrier": carrier, "driver": driver, "id": person.org_id}
        session.execute(
            text(
                "update organisations set country = :carrier,"
                " countries = '{CA,MX,US}' where id = :id"
            ),
            own,
        )
        session.execute(
            text("update drivers set country = :driver, countries = '{CA,MX,US}'"), own
        )
        for sequence, country in enumerate(countries):
            address = {"country": country} if is_in_address and country else {}
            session.execute(
                text(
                    "update stops set address = cast(:address as jsonb),"
                    " country = :country where sequence = :sequence"
                ),
                {
                    "address": json.dumps(address),
                    "country": None if is_in_address else country,
                    "sequence": sequence,
                },
            )

    answer = person.put(f"/v1/offers/{offer_id}/acceptance")

    assert answer.status == (409 if is_refused else 200), answer.body
    if is_refused:
        assert grounds(answer) == ["cabotage"]


def test_the_desk_may_not_overrule_cabotage(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    driver = scene.driver()
    with Session.begin() as session:
        session.execute(
            text("update drivers set country = 'CA', countries = '{CA,US}'")
        )
        session.execute(text("update stops set country = 'US'"))
    body = {"load_id": str(load_id), "driver_id": driver.driver_id}

    planned = scene.carrier.post("/v1/assignments", body | {"reason": "weather"})

    assert planned.status == 409
    assert grounds(planned) == ["cabotage"]


@pytest.mark.parametrize(
    ("delivered_in", "of_driver", "of_carrier", "told"),
    [
        ("CA", "null", "null", ["country_not_allowed"]),
        ("CA", "null", "'{CA,US}'", ["country_not_allowed"]),
        ("CA", "'{CA,US}'", "null", ["country_not_allowed"]),
        ("CA", "'{CA,US}'", "'{CA,US}'", []),
        # Freight within Canada, where not both may even go.
        (None, "null", "'{CA,US}'", ["cabotage", "country_not_allowed"]),
        (None, "'{CA,US}'", "null", ["cabotage", "country_not_allowed"]),
        (None, "'{CA,US}'", "'{CA,US}'", ["cabotage"]),
    ],
)
def test_nothing_is_carried_to_a_country_where_driver_or_carrier_may_not_go(
    world: World,
    delivered_in: str | None,
    of_driver: str,
    of_carrier: str,
    told: list[str],
) -> None:
    scene = Scene(world)
    load_id = scene.load()
    driver = scene.driver()
    with Session.begin() as session:
        session.execute(text(f"update drivers set countries = {of_driver}"))
        session.execute(text(f"update organisations set countries = {of_carrier}"))
        where = "sequence = 1" if delivered_in else "true"
        session.execute(text(f"update stops set country = 'CA' where {where}"))
    body = {"load_id": str(load_id), "driver_id": driver.driver_id}

    answer = scene.carrier.post("/v1/assignments", body)

    assert answer.status == (409 if told else 201), answer.body
    assert (grounds(answer) if told else []) == told
    if told:
        assert not any(each["may_overrule"] for each in answer["objections"])
        overruled = scene.carrier.post("/v1/assignments", body | {"reason": "weather"})
        assert grounds(overruled) == told


@pytest.mark.parametrize("of_carrier", [None, ["CA", "US"]])
def test_an_acceptance_asks_where_the_carrier_may_go_now(
    scene: Scene, of_carrier: list[str] | None
) -> None:
    scene.load(delivery=LONDON_ONTARIO)
    driver = scene.driver()
    both = {"countries": ["CA", "US"]}
    for path in (f"/v1/drivers/{driver.driver_id}", "/v1/organisation"):
        assert scene.carrier.patch(path, both).status == 200
    (offer_id,) = scene.offered(driver)
    changed = scene.carrier.patch("/v1/organisation", {"countries": of_carrier})
    assert changed.status == 200

    answer = driver.put(f"/v1/offers/{offer_id}/acceptance")

    assert answer.status == (409 if of_carrier is None else 200), answer.body
    if of_carrier is None:
        assert grounds(answer) == ["country_not_allowed"]
        (told,) = answer["objections"]
        assert told["figure"] == {"value": "CA|US", "limit": "US", "unit": "country"}
        assert told["pointer"] == "#/load/stops"


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


@pytest.fixture
def foreigner(scene: Scene) -> Caller:
    """A driver of another country, to whom a load within one country was offered."""
    scene.load()
    driver = scene.driver()
    scene.offered(driver)
    with Session.begin() as session:
        session.execute(
            text("update drivers set country = 'MX', countries = '{MX,US}'")
        )
        session.execute(text("update stops set country = 'US'"))
    return driver


def test_a_driver_does_not_overrule_cabotage_by_their_own_word(
    scene: Scene, foreigner: Caller
) -> None:
    path = f"/v1/drivers/{foreigner.driver_id}"

    for country in ("US", None):
        refused = foreigner.patch(path, {"country": country})
        assert (refused.status, refused.code) == (403, "missing-permission")
    (offer,) = foreigner.get("/v1/offers")["data"]
    accepted = foreigner.put(f"/v1/offers/{offer['id']}/acceptance")
    assert (accepted.status, grounds(accepted)) == (409, ["cabotage"])
    assert scene.carrier.patch(path, {"country": "US"})["country"] == "US"
    assert foreigner.put(f"/v1/offers/{offer['id']}/acceptance").status == 200


def test_a_drivers_country_stays_while_they_have_a_load(
    scene: Scene, foreigner: Caller
) -> None:
    path = f"/v1/drivers/{foreigner.driver_id}"
    scene.carrier.patch(path, {"country": "US"})
    (offer,) = foreigner.get("/v1/offers")["data"]
    assert foreigner.put(f"/v1/offers/{offer['id']}/acceptance").status == 200

    changed = scene.carrier.patch(path, {"country": "MX"})

    assert (changed.status, changed.code) == (409, "driver-busy")
    same = scene.carrier.patch(path, {"country": "US", "home_label": "Gary, IN"})
    assert (same.status, same["home_label"]) == (200, "Gary, IN")
