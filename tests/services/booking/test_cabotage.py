"""Freight within a country is carried by its own trucks and drivers."""

import json

import pytest
from sqlalchemy import text

from runtime.db import Session
from tests.services.booking.desk import grounds
from tests.services.scene import Scene
from tests.world import World


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
