"""For whom, and as of when, a search is asked for."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, text, update

from freight.roles import Role
from models.fleet.drivers import Availability, Driver
from models.fleet.positions import LastPosition
from models.loads.loads import Load
from models.people.organisations import Member
from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.upkeep import privacy
from tests.services.scene import pushes_to, rows_of
from tests.services.search.test_waiting import change, post
from tests.world import CHICAGO, GARY, NEW_YORK, utcnow

SEARCHES = "/v1/backhaul-searches"


def at(point) -> dict[str, float]:
    return {"lat": point.lat, "lon": point.lon}


def outlook_of(driver):
    return driver.get(f"/v1/drivers/{driver.driver_id}/waiting")


class TestAnOwnerWhoDrives:
    """One person is the desk and the driver."""

    @pytest.fixture
    def owner(self, scene):
        driver = scene.driver()
        change(Member, driver.member_id, roles=[Role.DRIVER, Role.DISPATCHER])
        return driver

    def test_asks_for_themselves_if_they_name_nobody(self, owner):
        answer = owner.post(SEARCHES, {})

        assert (answer.status, answer["driver_id"]) == (202, owner.driver_id)

    def test_asks_for_another_by_name(self, scene, owner):
        other = scene.driver()

        answer = owner.post(SEARCHES, {"driver_id": other.driver_id})

        assert answer["driver_id"] == other.driver_id


class TestAnErasedDriver:
    @pytest.fixture
    def crew(self, scene):
        """Return the erased driver, then the mate on the same truck, and the truck."""
        gone, mate = sorted(scene.drivers(2), key=lambda each: each.driver_id)
        with Session.begin() as session:
            truck_id = session.get_one(Driver, UUID(mate.driver_id)).truck_id
            session.get_one(Driver, UUID(gone.driver_id)).truck_id = truck_id
        with Session.begin() as session:
            privacy.erase(session, UUID(str(gone.member_id)), now=utcnow())
        return gone, mate, truck_id

    def test_is_not_searched_for_and_gets_no_new_places(self, scene, crew):
        gone, _, _ = crew
        body = {"driver_id": gone.driver_id, "is_dry_run": True}

        answer = scene.carrier.post(
            SEARCHES, body | {"place": at(NEW_YORK), "destination": at(CHICAGO)}
        )

        assert (answer.status, answer["errors"][0]["pointer"]) == (422, "#/driver_id")
        assert rows_of(BackhaulSearch) == []

    def test_is_not_whom_their_old_truck_means(self, scene, crew):
        _, mate, truck_id = crew
        change(Driver, mate.driver_id, availability=Availability.OFF_DUTY)

        body = {"truck_id": str(truck_id), "is_dry_run": True}
        answer = scene.carrier.post(SEARCHES, body)

        assert (answer.status, answer["driver_id"]) == (202, mate.driver_id)


class TestADriverWhoWasNotSeenForDays:
    @pytest.fixture
    def driver(self, scene):
        driver = scene.driver()
        with Session.begin() as session:
            ago = func.now() - text("interval '3 days'")
            session.execute(update(LastPosition).values(corrected_at=ago))
        return driver

    def asked(self, scene, run_jobs, driver, **body):
        body |= {"driver_id": driver.driver_id}
        assert scene.carrier.post(SEARCHES, body).status == 202
        run_jobs(**scene.changes)
        post(scene)
        run_jobs(**scene.changes)
        return pushes_to(driver)

    def test_is_not_rung_for_loads_near_where_they_were(self, scene, run_jobs, driver):
        """As without the request: where they are, only their phone can say."""
        assert self.asked(scene, run_jobs, driver) == []
        assert rows_of(WaitingDriver) != []

    def test_is_rung_near_the_place_that_the_desk_named(self, scene, run_jobs, driver):
        rung = self.asked(scene, run_jobs, driver, place=at(NEW_YORK))

        assert rung == ["offer"]


def test_a_request_that_had_to_wait_is_searched_as_of_when_it_runs(scene, run_jobs):
    """The lease of the load ended while the request was in the queue."""
    driver = scene.driver()
    asked = driver.post(SEARCHES, {"is_dry_run": True})
    load_id = scene.load()
    change(BackhaulSearch, asked["id"], searched_at=utcnow() - timedelta(minutes=10))
    change(Load, load_id, lease_expires_at=utcnow() - timedelta(minutes=5))
    began = utcnow()

    run_jobs(**scene.changes)

    record = driver.get(asked.headers["Location"])
    assert (record["counts"]["considered"], record["relaxations"]) == (0, [])
    assert record["searched_at"][:19] >= began.isoformat()[:19]


class TestTheOutlookAfterARequest:
    def test_to_another_place_than_home_is_that_of_its_result(self, scene, run_jobs):
        driver = scene.driver()

        asked = driver.post(SEARCHES, {"destination": at(GARY)})
        run_jobs(**scene.changes)

        told = outlook_of(driver)
        assert (told["outlook"], told["search"]["id"]) == (
            *("nothing_found", asked["id"]),
        )

    def test_that_could_not_be_searched_is_that_of_the_search_before(
        self, scene, run_jobs
    ):
        driver = scene.driver()
        live = scene.search(driver)

        change(Driver, driver.driver_id, home_lat=0.5, home_lon=0.5)
        asked = driver.post(SEARCHES, {})
        run_jobs(**scene.changes)

        record = driver.get(asked.headers["Location"])
        assert record["outcome"] == "home_out_of_reach"
        assert outlook_of(driver)["search"]["id"] == str(live.id)

    def test_of_who_waits_anew_is_not_that_of_an_old_search(self, scene, run_jobs):
        """They came back on duty: no search of all loads has run since."""
        driver = scene.driver()
        scene.search(driver)
        path = f"/v1/drivers/{driver.driver_id}"
        for availability in ("off_duty", "available"):
            answer = driver.patch(path, {"availability": availability})
            assert answer.status == 200
        run_jobs(**scene.changes)
        post(scene, price_cents=100)
        run_jobs(**scene.changes)

        assert outlook_of(driver)["outlook"] == "not_searched"
