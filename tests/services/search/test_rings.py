"""How often a driver's phones ring in 24 hours: only a drop, or the loss of a load,
rings them beyond `RINGS_PER_DAY`."""

import pytest

from jobs import Job, enqueue
from runtime.db import Session
from tests.services.scene import (
    decline,
    expire,
    let_time_run_out,
    let_waits_pass,
    open_offers,
    pushes_to,
)
from tests.services.search.test_waiting import let_a_minute_pass, post, searches


@pytest.fixture
def scene(scene):
    scene.changes |= {"OFFERS_PER_DRIVER": 1, "RINGS_PER_DAY": 2}
    return scene


def end(driver, run_jobs, scene, how="expired") -> None:
    """End the driver's only offer, and let its search go on."""
    (offer,) = open_offers(driver)
    if how == "declined":
        decline(driver, offer.id)
    else:
        let_time_run_out(offer.id)
        expire()
    assert "search.offer_next" in run_jobs(**scene.changes)


@pytest.mark.parametrize("strategy", ["broadcast", "sequential"])
@pytest.mark.parametrize("how", ["expired", "declined"])
def test_a_list_rings_no_more_when_they_rang_often_enough(
    scene, run_jobs, strategy, how
):
    scene.changes["OFFER_STRATEGY"] = strategy
    scene.loads(4)
    driver = scene.driver()
    scene.search(driver)

    end(driver, run_jobs, scene, how)
    assert len(open_offers(driver)) == 1
    end(driver, run_jobs, scene, how)

    assert open_offers(driver) == []
    assert pushes_to(driver).count("offer") == 2


def test_a_day_later_a_list_goes_on(scene, run_jobs):
    scene.loads(4)
    driver = scene.driver()
    search = scene.search(driver)
    for _ in range(2):
        end(driver, run_jobs, scene, "declined")
    let_a_minute_pass(driver, "25 hours")

    with Session.begin() as session:
        enqueue(session, Job.SEARCH_OFFER_NEXT, search_id=str(search.id))
    run_jobs(**scene.changes)

    assert len(open_offers(driver)) == 1


def test_a_drop_rings_all_the_same(scene, run_jobs):
    scene.loads(4)
    driver = scene.driver()
    scene.search(driver)
    for _ in range(2):
        end(driver, run_jobs, scene, "declined")
    assert open_offers(driver) == []

    scene.search(driver)

    assert len(open_offers(driver)) == 1


def test_within_a_day_a_list_does_not_go_on(scene, run_jobs):
    scene.loads(4)
    driver = scene.driver()
    search = scene.search(driver)
    for _ in range(2):
        end(driver, run_jobs, scene, "declined")
    let_a_minute_pass(driver, "22 hours")

    with Session.begin() as session:
        enqueue(session, Job.SEARCH_OFFER_NEXT, search_id=str(search.id))
    run_jobs(**scene.changes)

    assert open_offers(driver) == []


def test_a_search_that_is_owed_does_not_ring_once_they_rang_often_enough(
    scene, run_jobs
):
    """A load wakes the driver after their first ring; the second is their list's."""
    scene.loads(2)
    driver = scene.driver()
    scene.search(driver)
    post(scene, price_cents=500_000, weight_kg=5_000)
    run_jobs(only="search.wake", **scene.changes)
    end(driver, run_jobs, scene, "declined")
    (second,) = open_offers(driver)
    let_a_minute_pass(driver)

    let_waits_pass()
    assert "search.woken" in run_jobs(only="search.woken", **scene.changes)

    assert len(searches(driver)) == 2
    assert [offer.id for offer in open_offers(driver)] == [second.id]
