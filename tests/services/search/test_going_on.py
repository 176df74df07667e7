"""A broadcast search goes on with its list when all of its offers have ended."""

import pytest

from models.offers.offers import Offer
from runtime.db import Session
from services.search import going_on
from tests.services.scene import (
    Scene,
    decline,
    expire,
    let_time_run_out,
    let_waits_pass,
    open_offers,
    queued,
    rows_of,
)
from tests.world import utcnow


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
        going_on.offer_next(session, scene.rules, now=utcnow(), **again)

    assert len(open_offers(driver)) == 2
    assert len(rows_of(Offer)) == 5


@pytest.mark.parametrize("event", ["declined", "expired"])
@pytest.mark.parametrize("place", ["later", "first"])
def test_a_search_that_found_only_full_loads_goes_on_when_there_is_room(
    committed, run_jobs, event, place
):
    """Of the last driver's loads all are full: after their first one, or at once."""
    scene = Scene(committed, {"OFFERS_PER_LOAD": 2})
    full = scene.loads(3)
    if place == "later":
        scene.load(price_cents=250_000)
    *others, last = scene.drivers(3)
    for driver in (*others, last):
        scene.search(driver)
    for offer in open_offers(last):
        decline(last, offer.id)
    run_jobs(only="search.offer_next", **scene.changes)
    assert open_offers(last) == []

    for driver in others:
        for offer in open_offers(driver):
            if event == "declined":
                decline(driver, offer.id)
            else:
                let_time_run_out(offer.id)
    expire()
    let_waits_pass()
    run_jobs(only="search.offer_next", **scene.changes)

    assert [o.load_id for o in open_offers(last)] == full


def test_a_search_whose_loads_stay_full_waits_for_the_first_expiry(scene, run_jobs):
    scene.changes["OFFERS_PER_LOAD"] = 1
    scene.loads(1)
    first, last = scene.drivers(2)
    scene.search(first)
    (taken,) = open_offers(first)
    scene.search(last)

    for _ in range(2):
        (job,) = queued("search.offer_next")
        assert job.scheduled_at == taken.expires_at
        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

    assert open_offers(last) == []
