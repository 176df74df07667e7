"""Drivers who may not be rung: what a driver or a desk asks for by hand, and what a
driver can read of it."""

from datetime import timedelta

import pytest

from freight.roles import Role
from models.people.organisations import Member
from models.search.searches import BackhaulSearch
from tests.services.scene import (
    Scene,
    expire,
    let_time_run_out,
    let_waits_pass,
    open_offers,
    pushes_to,
)
from tests.services.search.standing_scene import desk, moving, row_of, say
from tests.services.search.test_direct import offer
from tests.services.search.test_standing_quiet import around, ring, set_up
from tests.services.search.test_waiting import change
from tests.world import Caller, utcnow

SEARCHES = "/v1/backhaul-searches"


@pytest.fixture
def asked(scene: Scene, run_jobs):
    """Return a function that asks, lets the jobs run, and returns the filled record."""

    def ask(caller: Caller, **body: object) -> dict[str, object]:
        answer = caller.post(SEARCHES, body)
        assert answer.status == 202, answer.body
        run_jobs(**scene.changes)
        return caller.get(answer.headers["Location"]).body

    return ask


class TestADriverWhoAsks:
    def test_is_awake_in_their_quiet_hours(self, scene, asked):
        load_id, driver = scene.load(), scene.driver()
        set_up(driver, quiet_hours=around())

        record = asked(driver)

        assert record["outcome"] == "offered"
        assert [made.load_id for made in open_offers(driver)] == [load_id]

    def test_has_opened_the_app(self, scene, asked):
        scene.loads(4)
        driver = scene.driver()
        ring(scene, driver, 2)

        assert asked(driver)["outcome"] == "offered"

    def test_on_the_road_is_rung_when_the_truck_stands(self, scene, asked, run_jobs):
        load_id, driver = scene.load(), moving(scene)

        record = asked(driver)
        assert (record["outcome"], open_offers(driver)) == ("stands_by", [])
        say(driver, 0.0)
        run_jobs(**scene.changes)

        assert [made.load_id for made in open_offers(driver)] == [load_id]

    def test_is_not_awake_because_their_desk_asked(self, scene, asked):
        scene.load()
        driver = scene.driver()
        set_up(driver, quiet_hours=around())

        record = asked(scene.carrier, driver_id=driver.driver_id)

        assert (record["outcome"], open_offers(driver)) == ("stands_by", [])

    def test_is_not_held_awake_by_what_they_asked_an_hour_ago(
        self, scene, asked, run_jobs
    ):
        scene.load()
        driver = moving(scene)
        record = asked(driver)
        set_up(driver, quiet_hours=around())
        an_hour_ago = utcnow() - timedelta(hours=1)
        change(BackhaulSearch, record["id"], searched_at=an_hour_ago)
        say(driver, 0.0)
        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        assert (open_offers(driver), row_of(driver).reason) == ([], "quiet_hours")
        assert record["outcome"] == "stands_by"

    def test_for_it_is_offered_later_however_often_they_were_rung(
        self, scene, asked, run_jobs
    ):
        scene.changes |= {"RINGS_PER_DAY": 1, "OFFERS_PER_DRIVER": 1}
        scene.loads(2)
        driver = moving(scene)
        say(driver, 0.0)
        scene.search(driver)
        (made,) = open_offers(driver)
        let_time_run_out(made.id)
        expire()
        say(driver, 25.0)

        assert asked(driver)["outcome"] == "stands_by"
        say(driver, 0.0)
        run_jobs(**scene.changes)

        assert len(open_offers(driver)) == 1


def test_the_first_offers_of_a_drop_are_made_later_however_often_they_were_rung(
    scene, run_jobs
):
    scene.changes["RINGS_PER_DAY"] = 0
    load_id, driver = scene.load(), moving(scene)
    scene.search(driver)
    assert open_offers(driver) == []

    say(driver, 0.0)
    run_jobs(**scene.changes)

    assert [made.load_id for made in open_offers(driver)] == [load_id]


def test_more_of_a_list_does_not_stand_by_for_who_was_rung_often_enough(
    scene, run_jobs
):
    scene.changes |= {"OFFERS_PER_DRIVER": 1, "RINGS_PER_DAY": 6}
    scene.loads(3)
    driver = moving(scene)
    say(driver, 0.0)
    scene.search(driver)
    say(driver, 25.0)
    (made,) = open_offers(driver)
    let_time_run_out(made.id)
    expire()
    run_jobs(**scene.changes)
    assert row_of(driver) is not None

    scene.changes["RINGS_PER_DAY"] = 1
    say(driver, 0.0)
    run_jobs(**scene.changes)

    assert (open_offers(driver), row_of(driver)) == ([], None)


class TestADirectOffer:
    @pytest.fixture
    def found(self, scene, asked):
        def find(driver: Caller) -> object:
            driver_id = driver.driver_id
            return asked(scene.carrier, driver_id=driver_id, is_dry_run=True)["id"]

        return find

    def test_is_refused_for_a_truck_that_moves(self, scene, found):
        load_id, driver = scene.load(), moving(scene)

        answer = offer(scene, found(driver), load_id)

        assert (answer.status, answer.code) == (409, "driver-not-to-be-rung")
        assert answer["detail"].startswith("The truck moves.")
        assert (open_offers(driver), pushes_to(driver)) == ([], [])

    def test_is_refused_in_quiet_hours(self, scene, found):
        load_id, driver = scene.load(), scene.driver()
        set_up(driver, quiet_hours=around())

        answer = offer(scene, found(driver), load_id)

        assert (answer.status, answer.code) == (409, "driver-not-to-be-rung")
        assert answer["detail"].startswith("They have quiet hours.")

    def test_is_refused_after_two_rounds_without_an_answer(self, scene, found):
        _, _, load_id = scene.loads(3)
        driver = scene.driver()
        ring(scene, driver, 2)

        answer = offer(scene, found(driver), load_id)

        assert (answer.status, answer.code) == (409, "driver-not-to-be-rung")
        assert answer["detail"].startswith("They answered neither")

    def test_is_made_when_the_truck_stands(self, scene, found):
        load_id, driver = scene.load(), moving(scene)
        search_id = found(driver)
        say(driver, 0.0)

        assert offer(scene, search_id, load_id).status == 201

    def test_is_made_by_a_driver_who_is_their_own_desk(self, scene, found):
        load_id, driver = scene.load(), scene.driver()
        set_up(driver, quiet_hours=around())
        search_id = found(driver)
        change(Member, driver.member_id, roles=[Role.DRIVER, Role.DISPATCHER])
        body = {"search_id": search_id, "load_id": str(load_id)}

        assert driver.post("/v1/offers", body).status == 201


class TestWaiting:
    def test_shows_what_stands_by_and_why(self, scene):
        first, second = scene.loads(2)
        driver = moving(scene)
        scene.search(driver)

        for caller in (driver, desk(scene)):
            told = caller.get(f"/v1/drivers/{driver.driver_id}/waiting")
            stands_by = told["stands_by"]
            assert told["outlook"] == "stands_by"
            assert stands_by["load_ids"] == [str(first), str(second)]
            assert (stands_by["reason"], told["open_offers"]) == ("moving", 0)
            assert stands_by["opens_at"] > stands_by["since"]

    def test_is_shown_to_no_other(self, scene):
        scene.load()
        driver, other = moving(scene), scene.driver()
        scene.search(driver)
        path = f"/v1/drivers/{driver.driver_id}/waiting"

        assert other.get(path).status == 404
        assert scene.shipper.get(path).status in {403, 404}

    def test_shows_nothing_that_stands_by_for_who_may_be_rung(self, scene):
        driver = scene.driver()
        scene.search(driver)

        told = driver.get(f"/v1/drivers/{driver.driver_id}/waiting")

        assert told["stands_by"] is None
