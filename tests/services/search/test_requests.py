"""Searches that people ask for: for whom and when, what a repeat leaves alone, and what
a request in vain leaves as it was."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, text, update

from geo.points import Point
from jobs import Job, enqueue
from models.fleet.drivers import Availability, Driver
from models.fleet.positions import LastPosition
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.market.market import Market
from services.search import ask
from tests.services import scene as staging
from tests.services.market.market_room import reloading
from tests.services.scene import Scene, open_offers, rows_of
from tests.services.search.test_ask import SEARCHES, at
from tests.services.search.test_waiting import change, post, searches
from tests.services.search.test_waiting_edited import truck_of
from tests.standing import suspend
from tests.world import CHICAGO, CLEVELAND, GARY, utcnow

SYDNEY = Point(-33.87, 151.21)


@pytest.fixture
def requested(scene, run_jobs):
    """Return a function that asks, and lets the jobs run; it returns the record."""

    def request(caller, **body) -> BackhaulSearch:
        answer = caller.post(SEARCHES, body)
        assert answer.status == 202, answer.body
        run_jobs(**scene.changes)
        return record_of(answer["id"])

    return request


def record_of(search_id: str) -> BackhaulSearch:
    (found,) = rows_of(BackhaulSearch, BackhaulSearch.id == UUID(search_id))
    return found


def row() -> WaitingDriver:
    (found,) = rows_of(WaitingDriver)
    return found


class TestForWhom:
    def test_a_driver_or_a_truck_is_named_and_not_both(self, scene):
        driver = scene.driver()
        body = {"driver_id": driver.driver_id, "truck_id": str(truck_of(driver))}

        answer = scene.carrier.post(SEARCHES, body)

        assert answer.status == 422
        assert answer["errors"][0]["pointer"] == "#/truck_id"

    def test_a_truck_stands_for_its_only_driver_also_off_duty(self, scene, requested):
        driver = scene.driver()
        change(Driver, driver.driver_id, availability=Availability.OFF_DUTY)

        search = requested(
            scene.carrier, truck_id=str(truck_of(driver)), is_dry_run=True
        )

        assert search.driver_id == UUID(driver.driver_id)

    def test_a_driver_names_no_colleagues_truck(self, scene):
        one, other = scene.drivers(2)

        theirs = one.post(SEARCHES, {"truck_id": str(truck_of(other))})
        own = one.post(SEARCHES, {"truck_id": str(truck_of(one))})

        assert (theirs.status, own.status) == (422, 202)


class TestWhen:
    def test_a_request_that_comes_late_is_free_now(self, scene, requested):
        before = utcnow()

        search = requested(
            scene.driver(),
            free_at=(before - timedelta(minutes=10)).isoformat(),
            is_dry_run=True,
        )

        assert datetime.fromisoformat(search.situation["free_at"]) >= before

    @pytest.mark.parametrize(("days", "status"), [(29, 202), (31, 422)])
    def test_plans_are_made_for_a_month(self, scene, days, status):
        free_at = (utcnow() + timedelta(days=days)).isoformat()

        assert scene.driver().post(SEARCHES, {"free_at": free_at}).status == status

    def test_a_load_that_comes_is_judged_from_then_on(self, scene, requested, run_jobs):
        driver = scene.driver()
        free_at = utcnow() + timedelta(hours=5)
        requested(driver, place=at(CLEVELAND), free_at=free_at.isoformat())

        post(scene, CLEVELAND)
        run_jobs(**scene.changes)

        _, woken = searches(driver)
        assert woken.load_ids is not None
        assert datetime.fromisoformat(woken.situation["free_at"]) == free_at


class TestARepeat:
    def test_leaves_the_waiting_alone(self, scene, requested, run_jobs):
        search = requested(scene.driver())
        before = row()
        assert before.baseline_m is not None

        with Session.begin() as session:
            enqueue(session, Job.SEARCH_REQUESTED, search_id=str(search.id))
        run_jobs(**scene.changes)

        assert row().baseline_m == before.baseline_m

    def test_leaves_the_record_alone(self, scene, requested, run_jobs):
        search = requested(scene.driver(), is_dry_run=True)
        scene.load()

        with Session.begin() as session:
            enqueue(session, Job.SEARCH_REQUESTED, search_id=str(search.id))
        run_jobs(**scene.changes)

        assert record_of(str(search.id)).outcome == "nothing_found"

    def test_of_two_runs_at_once_one_searches(self, committed):
        scene = Scene(committed)
        scene.load()
        driver = scene.driver()
        search_id = UUID(driver.post(SEARCHES, {})["id"])

        def once(session):
            return ask.search_requested(
                session, scene.rules, search_id=search_id, now=utcnow()
            )

        assert staging.after(once, once) is None
        assert len(open_offers(driver)) == 1


class TestGivenUp:
    def test_is_no_request_that_may_still_run(self, scene):
        search_id = scene.driver().post(SEARCHES, {})["id"]

        assert self.give_up(minutes=14) == 0
        assert record_of(search_id).outcome == "pending"

    def test_is_no_search_that_ran(self, scene, requested):
        search = requested(scene.driver(), is_dry_run=True)

        assert self.give_up(minutes=60) == 0
        assert record_of(str(search.id)).outcome == "nothing_found"

    def give_up(self, *, minutes: int) -> int:
        """Give up what did not run, so many minutes after it was asked for."""
        before = text(f"interval '{minutes} minutes'")
        with Session.begin() as session:
            session.execute(
                update(BackhaulSearch).values(
                    searched_at=BackhaulSearch.searched_at - before
                )
            )
            return ask.give_up(session, now=utcnow())


class TestTheWaiting:
    def test_of_a_driver_with_a_load_does_not_begin(self, scene, requested):
        driver = scene.driver()
        scene.assigned(driver, scene.load())

        search = requested(driver)

        assert search.outcome == "driver_busy"
        assert rows_of(WaitingDriver) == []

    def test_goes_on_since_the_drop(self, scene, requested):
        driver = scene.driver()
        scene.search(driver)
        before = row()

        requested(driver, place=at(CLEVELAND))

        assert (row().since, row().point) == (before.since, CLEVELAND)

    def test_goes_on_after_a_request_in_vain(self, scene, run_jobs):
        """Their home is edited before it runs."""
        driver = scene.driver()
        scene.search(driver)
        search_id = driver.post(SEARCHES, {"place": at(CLEVELAND)})["id"]
        change(Driver, driver.driver_id, home_lat=SYDNEY.lat, home_lon=SYDNEY.lon)

        run_jobs(**scene.changes)

        assert record_of(search_id).outcome == "home_out_of_reach"
        assert len(rows_of(WaitingDriver)) == 1

    def test_is_in_vain_where_the_target_is_too_far(self, scene, run_jobs):
        """Which is not known when they ask: their phone has not said where they are."""
        driver = scene.driver()
        with Session.begin() as session:
            session.execute(delete(LastPosition))
        search_id = driver.post(SEARCHES, {"destination": at(SYDNEY)})["id"]
        scene.world.fix(driver, CHICAGO, at=utcnow())

        run_jobs(**scene.changes)

        assert record_of(search_id).outcome == "home_out_of_reach"

    def test_goes_on_beside_another_target_than_home(self, scene, requested):
        """They are not home in Gary."""
        driver = scene.driver(home=CLEVELAND)

        requested(driver, place=at(CHICAGO), destination=at(GARY))

        assert row().point == CHICAGO


class TestTheOutcome:
    def test_of_a_suspended_company_is_that_for_a_dry_run_too(self, scene, run_jobs):
        scene.load()
        search_id = scene.driver().post(SEARCHES, {"is_dry_run": True})["id"]
        suspend(scene.carrier)

        run_jobs(**scene.changes)

        assert record_of(search_id).outcome == "company_suspended"

    def test_is_that_nothing_was_found_if_others_hold_all_places(
        self, scene, requested
    ):
        scene.changes["OFFERS_PER_LOAD"] = 1
        scene.load()
        quicker, driver = scene.drivers(2)
        scene.search(quicker)

        search = requested(driver)

        assert len(search.ranked) == 1
        assert search.outcome == "nothing_found"

    def test_is_as_many_offers_as_a_driver_may_hold(self, scene, requested):
        scene.loads(5)
        driver = scene.driver()

        requested(driver)

        assert len(open_offers(driver)) == 3


class TestAMarketThatIsReadAnewMeanwhile:
    @pytest.fixture
    def asked(self, committed):
        """Return a scene and a search that was asked for, beside a load. The server of
        the market is another one by then."""
        scene = Scene(committed)
        driver = scene.driver()
        scene.search(driver)
        scene.load()
        search_id = driver.post(SEARCHES, {})["id"]
        market = scene.rules.market
        market._place = replace(market._place, server="another")
        return scene, search_id

    def run(self, scene: Scene, search_id: str) -> None:
        with Session.begin() as session:
            ask.search_requested(
                session, scene.rules, search_id=UUID(search_id), now=utcnow()
            )

    def test_is_searched_then(self, asked):
        scene, search_id = asked

        with reloading("server"):
            self.run(scene, search_id)

        assert record_of(search_id).outcome == "offered"

    def test_offers_nothing_if_that_fails_and_all_when_it_is_tried_again(
        self, asked, monkeypatch
    ):
        scene, search_id = asked

        def fill(*_):
            raise ConnectionError

        with monkeypatch.context() as failing:
            failing.setattr(Market, "_fill", fill)
            with pytest.raises(ConnectionError):
                self.run(scene, search_id)

        assert record_of(search_id).outcome == "pending"
        assert rows_of(Offer) == []
        with reloading("unfinished"):
            self.run(scene, search_id)
        assert record_of(search_id).outcome == "offered"
        assert len(rows_of(Offer)) == 1
