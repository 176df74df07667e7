"""What is offered after the search is asked of the driver and the truck of now."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from runtime.db import Session
from services.search.run import offer_next
from tests.services.market.market_room import change
from tests.services.scene import Scene, decline, open_offers
from tests.services.search.drops import edit
from tests.world import Caller, World, utcnow


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def another_truck(scene: Scene, driver: Caller) -> dict[str, Any]:
    return {"truck_id": scene.rows.truck(scene.carrier, equipment="flatbed")}


def fields(**changes: Any) -> Callable[[Scene, Caller], dict[str, Any]]:
    return lambda scene, driver: changes


CHANGES = {
    "a truck that cannot carry the load": another_truck,
    "a hard wish": fields(
        preferences=[{"kind": "no_state", "state": "IL", "is_hard": True}]
    ),
    "a shorter way to the pickup": fields(max_deadhead_m=1_000),
    "countries": fields(countries=["CA"]),
    "a home country": fields(country="MX", countries=["MX", "US"]),
    "a higher pay": fields(min_pay_cents_per_km=100_000),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_next_offers_meet_what_the_driver_has_and_wants_since(
    scene: Scene, change: Callable[[Scene, Caller], dict[str, Any]]
) -> None:
    driver = scene.driver()
    scene.loads(6)
    search = scene.search(driver)
    for offer in open_offers(driver):
        decline(driver, offer.id)
    edit(driver, scene, **change(scene, driver))

    _offer_next(scene, search.id)

    assert open_offers(driver) == []


def test_the_next_offers_go_where_the_company_may_now(scene: Scene) -> None:
    driver = scene.driver()
    scene.loads(6)
    search = scene.search(driver)
    for offer in open_offers(driver):
        decline(driver, offer.id)
    changed = scene.carrier.patch("/v1/organisation", {"countries": ["CA"]})
    assert changed.status == 200

    _offer_next(scene, search.id)

    assert open_offers(driver) == []


def _offer_next(scene: Scene, search_id: UUID) -> None:
    with Session.begin() as session:
        offer_next(session, scene.rules, search_id=search_id, now=utcnow())


def test_a_search_whose_record_was_erased_offers_nothing_more(scene: Scene) -> None:
    driver = scene.driver()
    scene.loads(6)
    search = scene.search(driver)
    for offer in open_offers(driver):
        decline(driver, offer.id)
    change("update backhaul_searches set situation = '{}', area = '{}', ranked = '[]'")

    with Session.begin() as session:
        offer_next(session, scene.rules, search_id=search.id, now=utcnow())

    assert open_offers(driver) == []
