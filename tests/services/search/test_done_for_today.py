"""A driver who has said "no more today" is left alone, until they drop, come back on
duty or ask."""

import pytest

from tests.services.scene import decline, let_waits_pass, open_offers, pushes_to
from tests.services.search.test_waiting import let_a_minute_pass, post

SEARCHES = "/v1/backhaul-searches"


def no_more_today(driver) -> None:
    *others, last = open_offers(driver)
    for offer in others:
        decline(driver, offer.id)
    decline(driver, last.id, "done_for_today")


def outlook_of(driver):
    return driver.get(f"/v1/drivers/{driver.driver_id}/waiting")


@pytest.mark.parametrize("strategy", ["broadcast", "sequential"])
def test_the_list_of_the_drop_does_not_go_on(scene, run_jobs, strategy):
    scene.changes["OFFER_STRATEGY"] = strategy
    scene.loads(5)
    driver = scene.driver()
    scene.search(driver)

    no_more_today(driver)
    run_jobs(**scene.changes)

    assert open_offers(driver) == []


def test_a_load_that_came_a_moment_before_does_not_ring(scene, run_jobs):
    """Its search was put off until the phone may ring again."""
    scene.load()
    driver = scene.driver()
    scene.search(driver)
    post(scene, price_cents=290_000, weight_kg=5_000)
    run_jobs(**scene.changes)

    no_more_today(driver)
    let_a_minute_pass(driver)
    let_waits_pass()
    run_jobs(**scene.changes)

    assert open_offers(driver) == []
    assert pushes_to(driver).count("offer") == 1


def test_a_load_that_comes_back_does_not_ring(scene, run_jobs):
    lost, _ = scene.loads(2)
    driver, quicker = scene.drivers(2)
    scene.search(driver)
    given = scene.assigned(quicker, lost)
    no_more_today(driver)
    run_jobs(**scene.changes)

    path = f"/v1/assignments/{given}/override"
    decision = {"kind": "unassign", "reason": "safety"}
    assert scene.carrier.post(path, decision).status == 201
    let_a_minute_pass(driver)
    run_jobs(**scene.changes)

    assert open_offers(driver) == []


def test_they_are_told_so(scene):
    scene.load()
    driver = scene.driver()
    scene.search(driver)

    no_more_today(driver)

    told = outlook_of(driver)
    assert (told["outlook"], told["is_waiting"]) == ("done_for_today", False)


def test_the_list_of_their_desk_does_not_go_on(scene, run_jobs):
    scene.loads(4)
    driver = scene.driver()
    asked = scene.carrier.post(SEARCHES, {"driver_id": driver.driver_id})
    assert asked.status == 202
    run_jobs(**scene.changes)
    assert len(open_offers(driver)) == 3

    no_more_today(driver)
    run_jobs(**scene.changes)

    assert open_offers(driver) == []


class TestWhoAsksAfterAll:
    @pytest.fixture
    def driver(self, scene):
        scene.load()
        driver = scene.driver()
        scene.search(driver)
        no_more_today(driver)
        let_a_minute_pass(driver)
        return driver

    def test_waits_again_and_is_rung(self, scene, run_jobs, driver):
        assert driver.post(SEARCHES, {}).status == 202
        run_jobs(**scene.changes)
        assert outlook_of(driver)["is_waiting"]

        load_id = post(scene, price_cents=290_000, weight_kg=5_000)
        run_jobs(**scene.changes)

        assert [each.load_id for each in open_offers(driver)] == [load_id]

    def test_does_not_wait_if_only_their_desk_asks(self, scene, run_jobs, driver):
        body = {"driver_id": driver.driver_id}
        assert scene.carrier.post(SEARCHES, body).status == 202
        run_jobs(**scene.changes)

        post(scene, price_cents=290_000, weight_kg=5_000)
        run_jobs(**scene.changes)

        assert open_offers(driver) == []
        assert outlook_of(driver)["outlook"] == "done_for_today"

    def test_is_offered_the_next_ones_of_their_list(self, scene, run_jobs, driver):
        scene.loads(4)
        assert driver.post(SEARCHES, {}).status == 202
        run_jobs(**scene.changes)
        assert len(open_offers(driver)) == 3

        for offer in open_offers(driver):
            decline(driver, offer.id)
        run_jobs(**scene.changes)

        assert len(open_offers(driver)) == 1


class TestTheirDesk:
    @pytest.fixture
    def driver(self, scene, run_jobs):
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        no_more_today(driver)
        run_jobs(**scene.changes)
        return driver

    def test_finds_loads_for_them_and_does_not_ring(self, scene, run_jobs, driver):
        load_id = post(scene, price_cents=290_000, weight_kg=5_000)
        asked = scene.carrier.post(SEARCHES, {"driver_id": driver.driver_id})
        run_jobs(**scene.changes)

        found = scene.carrier.get(asked.headers["Location"])
        assert str(load_id) in {r["candidate"]["load_id"] for r in found["ranked"]}
        assert open_offers(driver) == []

    def test_offers_them_nothing_by_hand(self, scene, run_jobs, driver):
        load_id = post(scene, price_cents=290_000, weight_kg=5_000)
        body = {"driver_id": driver.driver_id, "is_dry_run": True}
        asked = scene.carrier.post(SEARCHES, body)
        run_jobs(**scene.changes)

        body = {"search_id": asked["id"], "load_id": str(load_id)}
        answer = scene.carrier.post("/v1/offers", body)

        assert (answer.status, answer.code) == (409, "driver-not-to-be-rung")
        assert "no more today" in answer["detail"]
