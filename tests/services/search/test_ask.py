"""Searches that people ask for: what they find, what they offer, and what they leave
alone when they are dry runs."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text, update
from uuid_utils.compat import uuid7

from jobs import Job, enqueue
from models.fleet.drivers import Availability, Driver
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.upkeep import privacy
from tests.services.scene import (
    decline,
    expire,
    let_time_run_out,
    open_offers,
    pushes_to,
    rows_of,
)
from tests.services.search.test_waiting import change
from tests.world import CHICAGO, CLEVELAND, GARY, NEW_YORK, NEWARK, utcnow

SEARCHES = "/v1/backhaul-searches"


def at(point) -> dict[str, float]:
    return {"lat": point.lat, "lon": point.lon}


@pytest.fixture
def asked(scene, run_jobs):
    """Return a function that asks, lets the jobs run, and returns the filled record."""

    def ask(caller, **body):
        answer = caller.post(SEARCHES, body)
        assert answer.status == 202, answer.body
        assert answer["outcome"] == "pending"
        place = answer.headers["Location"]
        assert caller.get(place)["outcome"] == "pending"
        run_jobs(**scene.changes)
        return caller.get(place)

    return ask


def waiting_of(driver) -> list[WaitingDriver]:
    return rows_of(WaitingDriver, WaitingDriver.driver_id == UUID(driver.driver_id))


class TestADryRun:
    def test_finds_what_a_search_after_a_drop_finds(self, scene, asked):
        scene.loads(3)
        driver = scene.driver()

        record = asked(scene.carrier, driver_id=driver.driver_id, is_dry_run=True)
        live = scene.search(driver)

        assert record["outcome"] == "found"
        assert record["trigger"] == "requested"
        found = [load["candidate"]["load_id"] for load in record["ranked"]]
        assert found == [load["candidate"]["load_id"] for load in live.ranked]
        for mine, theirs in zip(record["ranked"], live.ranked, strict=True):
            assert {term["name"] for term in mine["terms"]} == {
                term["name"] for term in theirs["terms"]
            }

    def test_offers_nothing_and_rings_nobody(self, scene, asked):
        scene.loads(2)
        driver = scene.driver()

        asked(scene.carrier, driver_id=driver.driver_id, is_dry_run=True)

        assert rows_of(Offer) == []
        assert pushes_to(driver) == []
        assert waiting_of(driver) == []

    def test_leaves_what_the_driver_holds_and_waits_for_as_it_is(self, scene, asked):
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        held = [offer.id for offer in open_offers(driver)]
        (before,) = waiting_of(driver)

        asked(
            driver,
            place=at(CLEVELAND),
            destination=at(GARY),
            radius_m=9e4,
            is_dry_run=True,
        )

        assert [offer.id for offer in open_offers(driver)] == held
        (after,) = waiting_of(driver)
        assert (after.lat, after.lon, after.baseline_m, after.free_at) == (
            *(before.lat, before.lon, before.baseline_m, before.free_at),
        )

    def test_does_not_keep_the_list_of_the_drop_from_going_on(
        self, scene, asked, run_jobs
    ):
        scene.loads(5)
        driver = scene.driver()
        scene.search(driver)
        asked(driver, is_dry_run=True)

        for offer in open_offers(driver):
            decline(driver, offer.id)
        run_jobs(**scene.changes)

        assert len(open_offers(driver)) == 2

    @pytest.mark.parametrize("state", ["off_duty", "with a load"])
    def test_is_for_tomorrow_too_when_the_driver_cannot_take_a_load_now(
        self, scene, asked, state
    ):
        driver = scene.driver()
        if state == "with a load":
            scene.assigned(driver, scene.load())
        else:
            change(Driver, driver.driver_id, availability=Availability.OFF_DUTY)
        wanted = scene.load(GARY, NEWARK)

        record = asked(
            scene.carrier,
            driver_id=driver.driver_id,
            place=at(CHICAGO),
            destination=at(NEW_YORK),
            is_dry_run=True,
        )

        assert record["outcome"] == "found"
        assert [load["candidate"]["load_id"] for load in record["ranked"]] == [
            str(wanted)
        ]


class TestWhatIsAskedFor:
    def test_is_kept_and_shown(self, scene, asked):
        driver = scene.driver()
        free_at = (utcnow() + timedelta(hours=3)).replace(microsecond=0)

        record = asked(
            scene.carrier,
            driver_id=driver.driver_id,
            place=at(CLEVELAND),
            free_at=free_at.isoformat(),
            destination=at(NEW_YORK),
            radius_m=120_000,
            is_dry_run=True,
        )

        assert record["is_dry_run"] is True
        assert record["request"]["place"] == at(CLEVELAND)
        assert record["request"]["destination"] == at(NEW_YORK)
        assert record["request"]["radius_m"] == record["radius_m"] == 120_000
        assert record["situation"]["drop"] == at(CLEVELAND)
        assert record["situation"]["home"] == at(NEW_YORK)
        assert record["situation"]["starts_from"] == "request"
        assert record["situation"]["free_at"][:19] == free_at.isoformat()[:19]

    def test_a_radius_leaves_out_what_is_farther(self, scene, asked):
        scene.load(NEWARK)
        driver = scene.driver()

        near = asked(driver, radius_m=5_000, is_dry_run=True)
        far = asked(driver, radius_m=50_000, is_dry_run=True)

        assert (near["outcome"], far["outcome"]) == ("nothing_found", "found")

    def test_a_truck_stands_for_the_driver_who_is_available(self, scene, asked):
        off_duty, available = scene.drivers(2)
        truck_id = scene.carrier.get(f"/v1/drivers/{off_duty.driver_id}")["truck"]["id"]
        change(Driver, off_duty.driver_id, availability=Availability.OFF_DUTY)
        change(Driver, available.driver_id, truck_id=UUID(truck_id))

        record = asked(scene.carrier, truck_id=truck_id, is_dry_run=True)

        assert record["driver_id"] == available.driver_id


class TestASearchThatIsNoDryRun:
    def test_offers_what_it_finds_beside_what_is_held(self, scene, asked):
        held_id = scene.load()
        driver = scene.driver()
        scene.search(driver)
        scene.loads(2, price_cents=250_000)

        record = asked(driver)

        assert record["outcome"] == "offered"
        offers = open_offers(driver)
        assert len(offers) == 3
        assert held_id in {offer.load_id for offer in offers}

    def test_lets_the_driver_wait_from_there(self, scene, asked, run_jobs):
        driver = scene.driver(home=CHICAGO)
        free_at = utcnow() + timedelta(hours=1)

        asked(driver, place=at(CLEVELAND), free_at=free_at.isoformat())
        body = scene.world.load_body(CLEVELAND, CHICAGO)
        load_id = scene.shipper.post("/v1/loads", body)["id"]
        run_jobs(**scene.changes)

        (waits,) = waiting_of(driver)
        assert abs(waits.lat - CLEVELAND.lat) < 1e-6
        assert [str(offer.load_id) for offer in open_offers(driver)] == [load_id]

    def test_offers_again_what_expired_but_not_what_was_declined(
        self, scene, asked, run_jobs
    ):
        first, second = scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        one, other = open_offers(driver)
        decline(driver, one.id)
        let_time_run_out(other.id)
        expire()
        run_jobs(**scene.changes)

        asked(driver)

        assert [offer.load_id for offer in open_offers(driver)] == [second]
        assert first == one.load_id

    def test_rings_a_driver_who_was_rung_often_enough(self, scene, asked):
        scene.changes["RINGS_PER_DAY"] = 1
        scene.load()
        driver = scene.driver()
        scene.search(driver)
        assert len(pushes_to(driver)) == 1
        scene.load(price_cents=500_000, weight_kg=9_000)

        asked(driver)

        assert len(open_offers(driver)) == 2

    def test_says_why_it_did_not_search(self, scene, asked):
        driver = scene.driver()
        change(Driver, driver.driver_id, availability=Availability.OFF_DUTY)

        record = asked(scene.carrier, driver_id=driver.driver_id)

        assert record["outcome"] == "driver_off_duty"
        assert waiting_of(driver) == []

    def test_runs_once_however_often_its_job_comes(self, scene, asked, run_jobs):
        scene.loads(4)
        driver = scene.driver()
        record = asked(driver)
        before = len(rows_of(Offer))

        _queue(Job.SEARCH_REQUESTED, search_id=record["id"])
        run_jobs(**scene.changes)

        assert len(rows_of(Offer)) == before

    def test_that_never_ran_is_given_up(self, scene, run_jobs):
        driver = scene.driver()
        search_id = driver.post(SEARCHES, {})["id"]
        with Session.begin() as session:
            session.execute(
                update(BackhaulSearch).values(
                    searched_at=utcnow() - timedelta(minutes=16)
                )
            )
            session.execute(text("delete from procrastinate_jobs"))
        _queue(Job.SEARCHES_GIVE_UP)
        run_jobs(**scene.changes)

        assert driver.get(f"{SEARCHES}/{search_id}")["outcome"] == "failed"


class TestBadRequests:
    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"place": {"lat": 0.0, "lon": 0.0}}, "#/place"),
            ({"place": {"lat": 91.0, "lon": 0.0}}, "#/place/lat"),
            ({"place": {"lat": 40.0}}, "#/place/lon"),
            ({"free_at": "2020-01-01T00:00:00Z"}, "#/free_at"),
            ({"free_at": "2920-01-01T00:00:00Z"}, "#/free_at"),
            ({"free_at": "tomorrow"}, "#/free_at"),
            ({"radius_m": 0}, "#/radius_m"),
            ({"radius_m": -5}, "#/radius_m"),
            ({"radius_m": 1e12}, "#/radius_m"),
            ({"radius_m": 1_600_001}, "#/radius_m"),
            ({"destination": {"lat": 0.0, "lon": 0.0}}, "#/destination"),
            ({"destination": {"lat": -54.8, "lon": -68.3}}, "#/destination"),
            ({"place": {"lat": -54.8, "lon": -68.3}}, "#/place"),
            ({"radius_m": "far"}, "#/radius_m"),
            ({"truck_id": str(uuid7())}, "#/truck_id"),
            ({"is_dry_run": "maybe"}, "#/is_dry_run"),
            ({"place": at(NEWARK), "colour": "red"}, "#/colour"),
        ],
    )
    def test_name_the_field(self, scene, body, pointer):
        driver = scene.driver()

        answer = driver.post(SEARCHES, body)

        assert answer.status == 422
        pointers = [error["pointer"] for error in answer["errors"]]
        assert any(each.startswith(pointer) for each in pointers), answer.body
        assert rows_of(BackhaulSearch) == []

    def test_a_time_last_week_is_over(self, scene):
        week = (utcnow() - timedelta(days=7)).isoformat()

        answer = scene.driver().post(SEARCHES, {"free_at": week})

        assert answer["errors"] == [
            {"pointer": "#/free_at", "detail": "This time is over."}
        ]

    def test_a_driver_without_a_truck_is_refused(self, scene):
        driver = scene.driver()
        change(Driver, driver.driver_id, truck_id=None)

        answer = scene.carrier.post(SEARCHES, {"driver_id": driver.driver_id})

        assert answer["errors"][0]["pointer"] == "#/driver_id"

    def test_a_driver_without_a_home_needs_a_target(self, scene, asked):
        driver = scene.driver()
        change(Driver, driver.driver_id, home_lat=None, home_lon=None)

        refused = driver.post(SEARCHES, {})
        record = asked(driver, destination=at(CHICAGO), is_dry_run=True)

        assert refused["errors"][0]["pointer"] == "#/destination"
        assert record["outcome"] == "nothing_found"

    def test_a_dispatcher_must_say_for_whom(self, scene):
        answer = scene.carrier.post(SEARCHES, {})

        assert answer["errors"][0]["pointer"] == "#/driver_id"

    def test_nobody_asks_for_a_driver_of_another_company(self, scene, world):
        driver = scene.driver()
        body = {"driver_id": driver.driver_id}

        assert world.company().post(SEARCHES, body).status == 404
        assert scene.shipper.post(SEARCHES, body).status == 403

    def test_a_driver_asks_for_themselves_only(self, scene):
        one, other = scene.drivers(2)

        assert one.post(SEARCHES, {"driver_id": other.driver_id}).status == 404
        assert one.post(SEARCHES, {"driver_id": one.driver_id}).status == 202


def _queue(job: Job, **arguments) -> None:
    with Session.begin() as session:
        enqueue(session, job, **arguments)


def test_of_an_erased_driver_no_place_is_kept_and_nothing_runs(scene, asked, run_jobs):
    driver = scene.driver()
    record = asked(driver, place=at(CLEVELAND), is_dry_run=True)
    later = driver.post(SEARCHES, {"place": at(GARY)})
    with Session.begin() as session:
        member_id = session.get_one(Driver, UUID(driver.driver_id)).member_id
        privacy.erase(session, member_id, now=utcnow())
    run_jobs(**scene.changes)

    for search_id, outcome in [
        (record["id"], "nothing_found"),
        (later["id"], "failed"),
    ]:
        kept = scene.carrier.get(f"{SEARCHES}/{search_id}")
        assert (kept["request"], kept["outcome"]) == ({}, outcome)
