"""A load over a border is offered to a driver and a carrier who both may go there."""

import pytest

from geo.points import Point
from tests.services.scene import Scene, open_offers
from tests.world import CHICAGO, NEW_YORK, Caller

LONDON_ONTARIO = Point(42.9834, -81.2497)
BOTH = ["CA", "US"]


def let_go(
    scene: Scene,
    driver: Caller,
    of_driver: list[str] | None,
    of_carrier: list[str] | None,
) -> None:
    """Say where the driver and the carrier may go."""
    for path, countries in (
        (f"/v1/drivers/{driver.driver_id}", of_driver),
        ("/v1/organisation", of_carrier),
    ):
        changed = scene.carrier.patch(path, {"countries": countries})
        assert changed.status == 200, changed.body


def test_a_driver_and_a_carrier_who_may_are_offered_it(scene: Scene) -> None:
    load_id, driver = scene.load(delivery=LONDON_ONTARIO), scene.driver()
    let_go(scene, driver, BOTH, BOTH)

    scene.search(driver)

    assert [offer.load_id for offer in open_offers(driver)] == [load_id]


@pytest.mark.parametrize(
    ("of_driver", "of_carrier"),
    [(None, None), (BOTH, None), (None, BOTH), (BOTH, ["MX", "US"])],
    ids=[
        "neither",
        "the driver alone",
        "the carrier alone",
        "the driver and elsewhere",
    ],
)
def test_others_are_refused_it_and_told_where_both_may_go(
    scene: Scene, of_driver: list[str] | None, of_carrier: list[str] | None
) -> None:
    load_id, driver = scene.load(delivery=LONDON_ONTARIO), scene.driver()
    let_go(scene, driver, of_driver, of_carrier)

    search = scene.search(driver)

    assert open_offers(driver) == []
    path = f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}"
    told = driver.get(path)
    assert (told["stage"], told["reason"]) == ("country", "country_not_allowed")
    assert told["figure"] == {"value": "CA|US", "limit": "US", "unit": "country"}


@pytest.mark.parametrize(("country", "is_offered"), [("US", True), ("CA", False)])
def test_a_domestic_load_is_offered_where_both_are_at_home(
    scene: Scene, country: str, is_offered: bool
) -> None:
    """The carrier leaves its home country out, if it names another."""
    scene.load(NEW_YORK, CHICAGO)
    driver = scene.driver()
    let_go(scene, driver, None, [country])

    scene.search(driver)

    assert bool(open_offers(driver)) is is_offered
