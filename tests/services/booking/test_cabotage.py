"""Freight within a country is carried by its own trucks and drivers."""

import json

import pytest
from sqlalchemy import text

from runtime.db import Session
from tests.services.booking.desk import grounds
from tests.services.scene import Scene
from tests.world import Caller, World


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
) -> None:
    scene = Scene(world)
    scene.load()
    person = scene.driver()
    (offer_id,) = scene.offered(person)
    with Session.begin() as session:
        own = {"carrier": carrier, "driver": driver, "id": person.org_id}
        session.execute(
            text("update organisations set country = :carrier where id = :id"), own
        )
        session.execute(text("update drivers set country = :driver"), own)
        for sequence, country in enumerate(countries):
            address = {} if country is None else {"country": country}
            session.execute(
                text(
                    "update stops set address = cast(:address as jsonb)"
                    " where sequence = :sequence"
                ),
                {"address": json.dumps(address), "sequence": sequence},
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
        session.execute(text("update drivers set country = 'CA'"))
        session.execute(text("""update stops set address = '{"country": "US"}'"""))
    body = {"load_id": str(load_id), "driver_id": driver.driver_id}

    planned = scene.carrier.post("/v1/assignments", body | {"reason": "weather"})

    assert planned.status == 409
    assert grounds(planned) == ["cabotage"]


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
        session.execute(text("update drivers set country = 'MX'"))
        session.execute(text("""update stops set address = '{"country": "US"}'"""))
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
