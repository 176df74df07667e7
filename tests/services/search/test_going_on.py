"""A broadcast search goes on with its list when all of its offers have ended."""

import pytest

from models.offers.offers import Offer
from runtime.db import Session
from services.search import run
from tests.services.scene import (
    Scene,
    decline,
    expire,
    let_time_run_out,
    open_offers,
    rows_of,
)
from tests.world import utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


@pytest.mark.parametrize("event", ["declined", "expired", "withdrawn"])
def test_broadcast_goes_on_with_the_rest_when_all_have_ended(scene, run_jobs, event):
    loads = scene.loads(5)
    driver = scene.driver()
    scene.search(driver)
    offers = open_offers(driver)

    for offer in offers:
        match event:
            case "declined":
                decline(driver, offer.id)
            case "expired":
                let_time_run_out(offer.id)
            case "withdrawn":
                body = {"kind": "withdraw_offer", "reason": "safety"}
                scene.carrier.post("/v1/overrides", body | {"offer_id": str(offer.id)})
    expire()
    run_jobs(only="search.offer_next", **scene.changes)

    assert [o.load_id for o in open_offers(driver)] == loads[3:5]


def test_broadcast_offers_the_rest_once(scene, run_jobs):
    scene.loads(5)
    driver = scene.driver()
    search = scene.search(driver)
    for offer in open_offers(driver):
        decline(driver, offer.id)

    run_jobs(only="search.offer_next", **scene.changes)
    with Session.begin() as session:
        again = {"search_id": search.id, "once_all_ended": True}
        run.offer_next(session, scene.rules, now=utcnow(), **again)

    assert len(open_offers(driver)) == 2
    assert len(rows_of(Offer)) == 5
