"""What was found before a drop, and the search after it; drivers who wish to wait."""

from uuid import UUID

import pytest

from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver
from tests.services.scene import (
    decline,
    expire,
    let_time_run_out,
    let_waits_pass,
    offer_row,
    open_offers,
    pushes_to,
    rows_of,
)
from tests.services.search.dock import docked, interrupt, offered, plan, waits_for_drop
from tests.services.search.standing_scene import DRIVES, desk, row_of, say
from tests.services.search.test_waiting import change, searches
from tests.world import CLEVELAND


class TestWhoWishesToWait:
    def test_finds_loads_that_stand_by_until_the_drop(self, scene, run_jobs):
        best, second = scene.loads(2)
        driver = scene.driver()
        waits_for_drop(driver)
        dispatcher = desk(scene)
        here = docked(scene, driver)

        assert here.search().outcome == "stands_by"

        row = row_of(driver)
        assert (row.reason, row.opens_at) == ("unloading", None)
        assert row.load_ids == [best, second]
        assert offered(driver) == []
        assert "loads_stand_by" not in pushes_to(dispatcher)
        shown = driver.get(f"/v1/drivers/{driver.driver_id}/waiting")
        assert shown["outlook"] == "driver_busy"
        assert shown["stands_by"]["reason"] == "unloading"
        assert shown["stands_by"]["opens_at"] is None
        assert shown["stands_by"]["load_ids"] == [str(best), str(second)]

        here.complete()
        run_jobs(**scene.changes)

        assert offered(driver) == [best, second]
        assert row_of(driver) is None
        assert pushes_to(driver).count("offer") == 2

    def test_is_not_opened_by_what_opens_others(self, scene, run_jobs):
        scene.load()
        driver = scene.driver()
        waits_for_drop(driver)
        here = docked(scene, driver)
        here.search()

        say(driver, 0.0)
        driver.get("/v1/offers")
        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        assert offered(driver) == []
        assert row_of(driver).reason == "unloading"

    def test_may_change_their_mind(self, scene, run_jobs):
        load_id = scene.load()
        driver = scene.driver()
        waits_for_drop(driver)
        here = docked(scene, driver)
        here.search()

        waits_for_drop(driver, so=False)
        run_jobs(only="search.offer_next", **scene.changes)

        assert offered(driver) == [load_id]

    def test_is_told_to_the_desk_when_it_stands_by_for_another_reason(
        self, scene, run_jobs
    ):
        scene.load()
        driver = scene.driver()
        waits_for_drop(driver)
        dispatcher = desk(scene)
        here = docked(scene, driver)
        here.search()

        here.complete()
        say(driver, DRIVES)
        run_jobs(only="search.run", **scene.changes)

        assert row_of(driver).reason == "moving"
        assert pushes_to(dispatcher).count("loads_stand_by") == 1

    @pytest.mark.parametrize("end", ["planned", "interrupted", "off_road"])
    def test_and_what_stood_by_ends_with(self, scene, run_jobs, end):
        scene.load()
        driver = scene.driver()
        waits_for_drop(driver)
        here = docked(scene, driver)
        here.search()
        assert row_of(driver) is not None

        if end == "planned":
            plan(scene, driver, scene.load(pickup=CLEVELAND))
        elif end == "interrupted":
            interrupt(here)
            run_jobs(**scene.changes)
        else:
            nowhere = {"home_lat": -33.87, "home_lon": 151.21}
            driver.patch(f"/v1/drivers/{driver.driver_id}", nowhere)
            here.complete()
            run_jobs(only="search.run", **scene.changes)
            outcomes = [search.outcome for search in searches(driver)]
            assert outcomes[-1] == "home_out_of_reach"

        assert row_of(driver) is None

    def test_is_the_drivers_own_to_say(self, scene):
        driver = scene.driver()
        path = f"/v1/drivers/{driver.driver_id}"
        assert driver.get(path)["offers_wait_for_drop"] is False

        refused = scene.carrier.patch(path, {"offers_wait_for_drop": True})

        assert (refused.status, refused.code) == (403, "missing-permission")
        waits_for_drop(driver)
        assert scene.carrier.get(path)["offers_wait_for_drop"] is True


class TestTheDrop:
    def test_leaves_the_offers_open_and_rings_for_what_is_better(self, scene, run_jobs):
        scene.changes["OFFERS_PER_DRIVER"] = 2
        best, second, _ = scene.loads(3)
        here = docked(scene)
        here.search()
        before = open_offers(here.driver)
        assert [offer.load_id for offer in before] == [best, second]

        better = scene.load(price_cents=400_000, weight_kg=2_000)
        here.complete()
        run_jobs(**scene.changes)

        assert offered(here.driver) == [better, best]
        assert offer_row(before[0].id).status in {"created", "sent"}
        assert offer_row(before[1].id).status == "superseded"
        assert pushes_to(here.driver).count("offer") == 3

    def test_rings_nobody_who_holds_the_best(self, scene, run_jobs):
        best, second = scene.loads(2)
        here = docked(scene)
        here.search()
        before = {offer.id for offer in open_offers(here.driver)}

        here.complete()
        run_jobs(**scene.changes)

        assert offered(here.driver) == [best, second]
        assert {offer.id for offer in open_offers(here.driver)} == before
        assert pushes_to(here.driver).count("offer") == 2

    def test_goes_on_when_those_before_it_are_over(self, scene, run_jobs):
        scene.changes["OFFERS_PER_DRIVER"] = 1
        _, second, third = scene.loads(3)
        here = docked(scene)
        here.search()
        here.complete()
        run_jobs(**scene.changes)

        for following in (second, third):
            (offer,) = open_offers(here.driver)
            decline(here.driver, offer.id)
            run_jobs(**scene.changes)
            assert offered(here.driver) == [following]

    def test_offers_again_what_expired_before_it(self, scene, run_jobs):
        load_id = scene.load()
        here = docked(scene)
        here.search()
        (offer,) = open_offers(here.driver)
        let_time_run_out(offer.id)
        expire()

        here.complete()
        run_jobs(**scene.changes)

        assert offered(here.driver) == [load_id]

    def test_offers_nothing_again_that_was_declined_before_it(self, scene, run_jobs):
        load_id = scene.load()
        copy = scene.load()
        here = docked(scene)
        here.search()
        (offer,) = open_offers(here.driver)
        decline(here.driver, offer.id)

        here.complete()
        run_jobs(**scene.changes)

        assert {load_id, copy}.isdisjoint(offered(here.driver))
        (waits,) = rows_of(WaitingDriver)
        (search, _) = searches(here.driver)
        assert waits.since == search.searched_at

    def test_asks_nothing_of_what_another_driver_was_offered_there(
        self, scene, run_jobs
    ):
        """The load was reassigned at the dock."""
        load_id = scene.load()
        here = docked(scene)
        search = here.search()
        (offer,) = open_offers(here.driver)
        other = scene.driver().driver_id
        change(BackhaulSearch, search.id, driver_id=UUID(other))

        here.complete()
        run_jobs(only="search.run", **scene.changes)

        assert offer_row(offer.id).status == "superseded"
        assert offered(here.driver) == [load_id]

    def test_rings_nobody_who_is_done_for_today(self, scene, run_jobs):
        scene.changes["OFFERS_PER_DRIVER"] = 1
        scene.loads(2)
        here = docked(scene)
        here.search()
        (offer,) = open_offers(here.driver)
        here.driver.put(f"/v1/offers/{offer.id}/decline", {"reason": "done_for_today"})

        here.complete()
        run_jobs(only="search.run", **scene.changes)

        assert offered(here.driver) == []

    def test_is_searched_as_ever_if_nothing_was_offered_before_it(
        self, scene, run_jobs
    ):
        here = docked(scene)
        here.search()
        load_id = scene.load()

        here.complete()
        run_jobs(only="search.run", **scene.changes)

        assert offered(here.driver) == [load_id]

    def test_takes_the_place_of_what_was_offered_if_the_load_is_lost(
        self, scene, run_jobs
    ):
        scene.load()
        here = docked(scene)
        here.search()
        (offer,) = open_offers(here.driver)

        interrupt(here)
        run_jobs(**scene.changes)

        assert offer_row(offer.id).status == "superseded"
        assert searches(here.driver)[-1].trigger == "assignment_ended"
