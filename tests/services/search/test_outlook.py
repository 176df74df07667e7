"""What a driver without a load is told: since when, why, and what would help."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from geo.distance import METRES_PER_MILE
from models.fleet.drivers import Availability, Driver
from models.fleet.positions import LastPosition
from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.search.waiting import begin_after_drop
from tests.services.scene import decline, let_time_run_out, open_offers
from tests.services.search.test_waiting import change, post, searches
from tests.world import CHICAGO, CLEVELAND, NEWARK, utcnow


def waiting(caller, driver=None):
    driver_id = (driver or caller).driver_id
    answer = caller.get(f"/v1/drivers/{driver_id}/waiting")
    assert answer.status == 200, answer.body
    return answer


def change_position(driver, **values) -> None:
    with Session.begin() as session:
        row = session.get_one(LastPosition, UUID(driver.driver_id))
        for name, value in values.items():
            setattr(row, name, value)


def steps_of(driver, kind):
    steps = waiting(driver)["relaxations"]
    return [step for step in steps if step["kind"] == kind]


class TestADriverWhoFoundNothing:
    def test_waits_since_their_drop(self, scene):
        driver = scene.driver()
        before = utcnow()
        search = scene.search(driver)

        told = waiting(scene.carrier, driver)

        assert (told["outlook"], told["is_waiting"]) == ("nothing_found", True)
        assert before.isoformat()[:19] <= told["since"][:19]
        assert told["search"]["id"] == str(search.id)
        assert told["search"]["outcome"] == "nothing_found"

    def test_is_told_how_much_farther_a_load_is(self, scene):
        driver = scene.driver()
        change(Driver, driver.driver_id, max_deadhead_m=2 * METRES_PER_MILE)
        scene.loads(3, pickup=NEWARK)
        scene.search(driver)

        (step,) = steps_of(driver, "deadhead")

        assert step["load_count"] == 3
        assert round(step["change"]["value"] / METRES_PER_MILE) == 25
        assert round(step["change"]["limit"] / METRES_PER_MILE) == 2
        assert step["best_cents"] > 0

    def test_finds_what_a_relaxation_promised_when_they_ask_so(self, scene, run_jobs):
        driver = scene.driver()
        change(Driver, driver.driver_id, max_deadhead_m=2 * METRES_PER_MILE)
        scene.loads(3, pickup=NEWARK)
        scene.search(driver)
        (step,) = steps_of(driver, "deadhead")
        farther_m = step["change"]["limit"] + step["change"]["value"]

        asked = driver.post("/v1/backhaul-searches", {"radius_m": farther_m})
        run_jobs(**scene.changes)

        record = driver.get(asked.headers["Location"])
        assert len(record["ranked"]) == step["load_count"]
        assert record["ranked"][0]["score_cents"] == pytest.approx(
            step["best_cents"], abs=200
        )
        assert len(open_offers(driver)) == 3

    def test_is_told_which_other_truck_would_have_loads(self, scene):
        driver = scene.driver()
        scene.loads(2, equipment=["step_deck"])
        scene.search(driver)

        (step,) = steps_of(driver, "equipment")

        assert (step["change"]["value"], step["load_count"]) == ("step_deck", 2)

    def test_is_told_of_no_load_that_they_may_not_know(self, scene):
        """Neither another company's own freight, nor what is held."""
        driver = scene.driver()
        change(Driver, driver.driver_id, max_deadhead_m=2 * METRES_PER_MILE)
        scene.load(visibility="private")
        scene.search(driver)

        assert waiting(driver)["relaxations"] == []

    def test_is_told_nothing_of_loads_that_were_found(self, scene):
        driver = scene.driver()
        scene.load()
        search = scene.search(driver)

        assert search.relaxations == []


class TestTheOutlook:
    def test_of_open_offers(self, scene):
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)

        told = waiting(driver)

        assert (told["outlook"], told["open_offers"], told["rings"]) == (
            *("offers_open", 2, 1),
        )

    def test_after_the_offers(self, scene):
        scene.load()
        driver = scene.driver()
        scene.search(driver)
        decline(driver, open_offers(driver)[0].id)

        assert waiting(driver)["outlook"] == "offers_over"

    def test_of_offers_whose_time_ran_out(self, scene):
        scene.load()
        driver = scene.driver()
        scene.search(driver)
        let_time_run_out(open_offers(driver)[0].id)

        told = waiting(driver)

        assert (told["outlook"], told["open_offers"]) == ("offers_over", 0)

    def test_of_a_driver_with_a_load(self, scene):
        driver = scene.driver()
        scene.search(driver)
        scene.assigned(driver, scene.load())

        told = waiting(driver)

        assert (told["outlook"], told["is_waiting"]) == ("driver_busy", False)
        assert (told["since"], told["place"]) == (None, None)

    def test_of_a_driver_off_duty(self, scene):
        driver = scene.driver()
        scene.search(driver)
        change(Driver, driver.driver_id, availability=Availability.OFF_DUTY)

        assert waiting(driver)["outlook"] == "driver_off_duty"

    @pytest.mark.parametrize("lacks", ["truck", "home"])
    def test_of_a_driver_whose_papers_lack_something(self, scene, lacks):
        gone = {"truck": {"truck_id": None}, "home": {"home_lat": None}}
        driver = scene.driver()
        scene.search(driver)
        values = gone[lacks] | ({"home_lon": None} if lacks == "home" else {})
        change(Driver, driver.driver_id, **values)

        assert waiting(driver)["outlook"] == "driver_incomplete"

    def test_says_nothing_of_a_search_that_did_not_run(self, scene, run_jobs):
        driver = scene.driver()
        live = scene.search(driver)
        change(Driver, driver.driver_id, availability=Availability.OFF_DUTY)
        driver.post("/v1/backhaul-searches", {})
        run_jobs(**scene.changes)
        change(Driver, driver.driver_id, availability=Availability.AVAILABLE)

        told = waiting(driver)

        assert (told["outlook"], told["search"]["id"]) == (
            *("nothing_found", str(live.id)),
        )

    @pytest.mark.parametrize("outcome", ["pending", "failed"])
    def test_says_nothing_of_a_request_that_has_not_run(self, scene, outcome):
        driver = scene.driver()
        live = scene.search(driver)
        asked = driver.post("/v1/backhaul-searches", {})
        change(BackhaulSearch, asked["id"], outcome=outcome)

        assert waiting(driver)["search"]["id"] == str(live.id)

    def test_is_of_the_newest_search(self, scene):
        driver = scene.driver()
        scene.search(driver)
        newest = scene.search(driver)

        assert waiting(driver)["search"]["id"] == str(newest.id)

    def test_is_not_of_one_load_that_came(self, scene, run_jobs):
        driver = scene.driver()
        of_all = scene.search(driver)
        post(scene)
        run_jobs(**scene.changes)
        decline(driver, open_offers(driver)[0].id)

        assert len(searches(driver)) == 2
        assert waiting(driver)["search"]["id"] == str(of_all.id)

    def test_of_a_drop_that_is_not_searched_for_yet(self, scene):
        driver = scene.driver()
        scene.search(driver)
        drop = {"stop_id": scene.drop(), "driver_id": UUID(driver.driver_id)}
        with Session.begin() as session:
            begin_after_drop(session, **drop, now=utcnow())

        assert waiting(driver)["outlook"] == "not_searched"

    @pytest.mark.parametrize(
        ("limit", "outlook"), [(1, "rung_often"), (2, "offers_over")]
    )
    def test_of_a_driver_who_was_rung_often(
        self, scene, world, monkeypatch, limit, outlook
    ):
        rules = replace(world.app.extensions["offer_rules"], rings_per_day=limit)
        monkeypatch.setitem(world.app.extensions, "offer_rules", rules)
        scene.load()
        driver = scene.driver()
        scene.search(driver)
        decline(driver, open_offers(driver)[0].id)

        told = waiting(driver)

        assert (told["outlook"], told["rings"]) == (outlook, 1)

    def test_of_a_driver_without_a_drop(self, scene):
        told = waiting(scene.driver())

        assert (told["outlook"], told["search"]) == ("not_empty", None)

    def test_of_a_driver_who_is_home(self, scene):
        driver = scene.driver(home=CHICAGO)
        scene.search(driver, at=CHICAGO)

        assert waiting(driver)["outlook"] == "not_empty"


class TestWhoMaySee:
    def test_a_colleagues_waiting_is_hidden(self, scene):
        one, other = scene.drivers(2)

        assert one.get(f"/v1/drivers/{other.driver_id}/waiting").status == 404

    def test_another_companys_is_too(self, scene, world):
        driver = scene.driver()
        path = f"/v1/drivers/{driver.driver_id}/waiting"

        assert world.company().get(path).status == 404
        assert scene.shipper.get(path).status == 403


def test_a_dry_run_is_not_shown_as_the_drivers_search(scene, run_jobs):
    driver = scene.driver()
    live = scene.search(driver)
    body = {"place": {"lat": CLEVELAND.lat, "lon": CLEVELAND.lon}, "is_dry_run": True}
    driver.post("/v1/backhaul-searches", body)
    run_jobs(**scene.changes)

    assert waiting(driver)["search"]["id"] == str(live.id)


def test_a_dry_run_has_relaxations_of_its_own(scene, run_jobs):
    driver = scene.driver()
    scene.load()
    free_at = (utcnow() + timedelta(hours=1)).isoformat()
    body = {"radius_m": 1_000, "free_at": free_at, "is_dry_run": True}
    asked = driver.post("/v1/backhaul-searches", body)
    run_jobs(**scene.changes)

    record = driver.get(asked.headers["Location"])
    kinds = [step["kind"] for step in record["relaxations"]]
    assert "deadhead" in kinds


class TestADriverForWhomNothingRings:
    def test_is_home_by_what_their_phone_says(self, scene):
        driver = scene.driver(home=CLEVELAND)
        scene.search(driver)
        change_position(
            driver,
            lat=CLEVELAND.lat,
            lon=CLEVELAND.lon,
            corrected_at=utcnow() + timedelta(minutes=1),
        )

        told = waiting(driver)

        assert (told["outlook"], told["is_waiting"]) == ("not_empty", False)

    @pytest.mark.parametrize(
        ("hours", "outlook"), [(11, "nothing_found"), (13, "not_seen")]
    )
    def test_was_not_seen_for_half_a_day(self, scene, hours, outlook):
        driver = scene.driver()
        scene.search(driver)
        long_ago = utcnow() - timedelta(hours=hours)
        change_position(driver, corrected_at=long_ago)
        with Session.begin() as session:
            waits = session.get_one(WaitingDriver, UUID(driver.driver_id))
            waits.free_at = long_ago

        assert waiting(driver)["outlook"] == outlook
