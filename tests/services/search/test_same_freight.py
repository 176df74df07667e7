"""A poster's duplicates of one load take one of a driver's offers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from freight.candidates import Candidate
from freight.equipment import Equipment
from geo.points import Point
from runtime.config import Strategy
from runtime.db import Session
from services.search import going_on
from services.search.same_freight import is_same_freight
from tests.freight.world import make_candidate
from tests.services.scene import Scene, decline, expire, let_time_run_out, open_offers
from tests.world import CHICAGO, CLEVELAND, NEWARK, Caller, World, iso, utcnow


def duplicates(scene: Scene, number: int, shipper: Caller | None = None) -> list[UUID]:
    """Post the same freight again and again, at a price above that of `loads`."""
    posted = [
        scene.world.load(
            shipper or scene.shipper,
            Point(NEWARK.lat + 0.001 * number, NEWARK.lon),
            CHICAGO,
            price_cents=400_000 - number,
            weight_kg=20_000,
        )
        for number in range(number)
    ]
    return [UUID(load["id"]) for load in posted]


def offered(driver: Caller) -> list[UUID]:
    return [offer.load_id for offer in open_offers(driver)]


def test_duplicates_take_one_offer_and_the_rest_of_the_list_goes_on(
    scene: Scene,
) -> None:
    honest = scene.loads(3)
    dear = duplicates(scene, 12)
    driver = scene.driver()

    scene.search(driver)

    assert offered(driver) == [dear[0], *honest[:2]]


@pytest.mark.parametrize("event", ["declined", "expired"])
def test_a_duplicate_of_what_the_driver_let_pass_is_not_offered(
    world: World, run_jobs: Callable[..., Any], event: str
) -> None:
    scene = Scene(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
    honest = scene.loads(1)
    duplicates(scene, 3)
    driver = scene.driver()
    scene.search(driver)
    (first,) = open_offers(driver)

    if event == "declined":
        decline(driver, first.id)
    else:
        let_time_run_out(first.id)
        expire()
    run_jobs(only="search.offer_next", **scene.changes)

    assert offered(driver) == honest


def test_the_next_of_a_posters_equal_loads_is_offered_once_the_first_is_gone(
    scene: Scene,
) -> None:
    first, second = duplicates(scene, 2)
    driver = scene.driver()
    search = scene.search(driver)
    scene.shipper.put(f"/v1/loads/{first}/cancellation", {"reason": "sold"})

    with Session.begin() as session:
        going_on.offer_next(session, scene.rules, search_id=search.id, now=utcnow())

    assert offered(driver) == [second]


def test_equal_loads_are_offered_to_several_drivers_up_to_the_limit_of_each(
    scene: Scene,
) -> None:
    """A full truckload, twice: the sixth driver is offered the second one."""
    first, second = duplicates(scene, 2)
    drivers = scene.drivers(6)

    for driver in drivers:
        scene.search(driver)

    assert [offered(driver) for driver in drivers] == [[first]] * 5 + [[second]]


def test_another_posters_duplicate_does_not_bury_a_load(scene: Scene) -> None:
    (honest,) = duplicates(scene, 1)
    (dearer,) = duplicates(scene, 1, scene.world.shipper())
    driver = scene.driver()

    scene.search(driver)

    assert set(offered(driver)) == {honest, dearer}


def test_a_load_that_comes_back_is_not_offered_beside_its_duplicate(
    scene: Scene, run_jobs: Callable[..., Any]
) -> None:
    _, second = duplicates(scene, 2)
    winner, loser = scene.drivers(2)
    mine, _ = scene.offered(winner, loser)
    won = winner.put(f"/v1/offers/{mine}/acceptance")
    run_jobs(only="search.offer_next")
    assert offered(loser) == [second]
    path = f"/v1/assignments/{won['id']}/override"
    given_back = scene.carrier.post(path, {"kind": "unassign", "reason": "safety"})
    assert given_back.status == 201

    run_jobs(only="offers.renew")

    assert offered(loser) == [second]


FIRST = make_candidate(weight_kg=10_000)
NORTH = Point(FIRST.pickup.lat + 0.019, FIRST.pickup.lon)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"price_cents": 1}, True),
        ({"weight_kg": 9_500}, True),
        ({"weight_kg": 9_499}, False),
        ({"weight_kg": None}, True),
        ({"pickup": NORTH}, True),
        ({"pickup": Point(NORTH.lat + 0.002, NORTH.lon)}, False),
        ({"delivery": Point(FIRST.delivery.lat, FIRST.delivery.lon + 0.029)}, True),
        ({"delivery": CLEVELAND}, False),
        ({"pickup_from": FIRST.pickup_until}, True),
        ({"pickup_from": FIRST.pickup_until + DAY}, False),
        ({"delivery_from": FIRST.delivery_until + DAY}, False),
        pytest.param(
            {"equipment": frozenset({Equipment.VAN, Equipment.REEFER})},
            True,
            id="a type that may carry both",
        ),
        ({"equipment": frozenset({Equipment.FLATBED})}, False),
    ],
    ids=str,
)
def test_freight_is_the_same_as_for_the_warning_of_duplicates(
    world: World, change: dict[str, Any], is_same: bool
) -> None:
    second = make_candidate(2, **{"weight_kg": 10_000} | change)
    shipper = world.shipper()
    first_posted, second_posted = (
        shipper.post("/v1/loads", body_of(world, load)) for load in (FIRST, second)
    )
    assert (first_posted.status, second_posted.status) == (201, 201), second_posted.body
    warned = {warning["code"] for warning in second_posted["warnings"]}

    assert is_same_freight(FIRST, second) is is_same
    assert is_same_freight(second, FIRST) is is_same
    assert ("duplicate" in warned) is is_same


def body_of(world: World, load: Candidate) -> dict[str, Any]:
    """Return the load as its poster sends it, to be loaded from tomorrow on."""
    later = utcnow() + DAY - FIRST.pickup_from
    stops = [
        world.stop_body(
            kind,
            at,
            window_from=iso(starts + later),
            window_until=iso(max(starts, ends) + later + timedelta(hours=1)),
        )
        for kind, at, starts, ends in (
            ("pickup", load.pickup, load.pickup_from, load.pickup_until),
            ("delivery", load.delivery, load.delivery_from, load.delivery_until),
        )
    ]
    equipment = sorted(load.equipment)
    return world.load_body(stops=stops, weight_kg=load.weight_kg, equipment=equipment)
