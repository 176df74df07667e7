"""Loads that stand by: how that ends, and that no opening is lost."""

from datetime import timedelta
from uuid import UUID

import pytest

from models.people.organisations import Organisation
from models.search.searches import BackhaulSearch
from models.search.standing import StandingBy
from runtime.db import Session
from services.fleet import ringing
from services.search import offer
from services.upkeep import privacy
from tests.flows.acts import accepting
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    let_waits_pass,
    open_offers,
    queued,
    rows_of,
)
from tests.services.search.standing_scene import (
    DRIVES,
    age,
    moving,
    row_of,
    say,
    say_in,
)
from tests.services.search.test_waiting import change
from tests.world import utcnow


class TestItEnds:
    def standing(self, scene: Scene):
        load_id = scene.load()
        driver = moving(scene)
        scene.search(driver)
        assert row_of(driver) is not None
        return driver, load_id

    def test_when_the_driver_has_a_load(self, scene):
        driver, load_id = self.standing(scene)

        scene.assigned(driver, load_id)

        assert row_of(driver) is None

    def test_when_they_go_off_duty(self, scene):
        driver, _ = self.standing(scene)
        path = f"/v1/drivers/{driver.driver_id}"

        answer = driver.patch(
            path,
            {"availability": "off_duty"},
            headers={"If-Match": driver.get(path).headers["ETag"]},
        )

        assert answer.status == 200, answer.body
        assert row_of(driver) is None

    def test_when_a_newer_search_of_all_loads_takes_its_place(self, scene):
        driver, gone = self.standing(scene)
        left = scene.load(price_cents=200_000, weight_kg=9_000)
        scene.assigned(scene.driver(), gone)

        newer = scene.search(driver)

        row = row_of(driver)
        assert (row.load_ids, row.search_ids) == ([left], [newer.id])

    def test_when_a_newer_search_offers_its_loads(self, scene, run_jobs):
        driver, load_id = self.standing(scene)
        age(driver)

        scene.search(driver)

        assert row_of(driver) is None
        assert [o.load_id for o in open_offers(driver)] == [load_id]
        run_jobs(only="search.offer_next", **scene.changes)
        assert len(open_offers(driver)) == 1

    def test_when_the_company_is_suspended_by_the_time_it_opens(self, scene, run_jobs):
        driver, _ = self.standing(scene)
        change(Organisation, scene.carrier.org_id, suspended_at=utcnow())

        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        assert row_of(driver) is None

    def test_when_the_person_is_erased_and_is_exported_before(self, scene):
        driver, load_id = self.standing(scene)
        member_id = UUID(str(driver.member_id))

        with Session.begin() as session:
            (row,) = privacy.export(session, member_id)["standing_by"]
            assert row["loads"][0]["load_id"] == str(load_id)
            privacy.erase(session, member_id, now=utcnow())

        assert rows_of(StandingBy) == []


class TestNoOpeningIsLost:
    def test_a_stop_that_commits_while_the_search_decides(self, committed, run_jobs):
        """The search has read that the truck moves; the fix waits for it, and finds
        what stands by."""
        scene = Scene(committed)
        load_id = scene.load()
        driver = moving(scene)
        search = scene.search(driver)
        with Session.begin() as session:
            session.delete(session.get_one(StandingBy, UUID(driver.driver_id)))

        def decide(session):
            again = session.get_one(BackhaulSearch, search.id)
            assert offer.extend(session, again, *self.rules(scene)) == []

        def stop(session):
            say_in(session, driver, 0.0)

        staging.after(decide, stop)

        assert row_of(driver).asked_at is not None
        run_jobs(only="search.offer_next", **scene.changes)
        assert [o.load_id for o in open_offers(driver)] == [load_id]

    def test_a_search_that_decides_while_the_stop_commits(self, committed):
        """The fix has the last position; the search waits for it, and rings."""
        scene = Scene(committed)
        load_id = scene.load()
        driver = moving(scene)
        search = scene.search(driver)
        with Session.begin() as session:
            session.delete(session.get_one(StandingBy, UUID(driver.driver_id)))

        def stop(session):
            say_in(session, driver, 0.0)

        def decide(session):
            again = session.get_one(BackhaulSearch, search.id)
            return [o.load_id for o in offer.extend(session, again, *self.rules(scene))]

        assert staging.after(stop, decide) == [load_id]
        assert row_of(driver) is None

    def test_a_stop_while_the_job_that_opens_finds_it_moving_again(
        self, committed, run_jobs
    ):
        scene = Scene(committed)
        load_id = scene.load()
        driver = moving(scene)
        search = scene.search(driver)
        say(driver, 0.0)
        before = row_of(driver).asked_at
        say(driver, DRIVES)

        def decide(session):
            again = session.get_one(BackhaulSearch, search.id)
            assert offer.extend(session, again, *self.rules(scene)) == []

        staging.after(decide, lambda session: say_in(session, driver, 0.0))

        assert row_of(driver).asked_at > before
        run_jobs(only="search.offer_next", **scene.changes)
        assert [o.load_id for o in open_offers(driver)] == [load_id]

    def test_two_stops_at_once_make_one_ring(self, committed):
        scene = Scene(committed)
        scene.load()
        driver = moving(scene)
        scene.search(driver)
        (timer,) = queued("search.offer_next")

        def stop(session):
            say_in(session, driver, 0.0)

        staging.after(stop, stop)

        (asked,) = [j for j in queued("search.offer_next") if j.id != timer.id]
        assert asked.args["stands_by"] is True

    def test_two_that_open_at_once_ask_once(self, committed):
        scene = Scene(committed)
        scene.load()
        driver = moving(scene)
        scene.search(driver)
        (timer,) = queued("search.offer_next")

        def ask(session):
            driver_id = UUID(driver.driver_id)
            ringing.open_again(session, driver_id, ringing.Silence.MOVING)

        staging.after(ask, ask)

        assert len([j for j in queued("search.offer_next") if j.id != timer.id]) == 1

    @pytest.mark.parametrize(("minutes", "jobs"), [(4, 1), (6, 2)])
    def test_an_opening_whose_job_failed_is_asked_for_again(self, scene, minutes, jobs):
        scene.load()
        driver = moving(scene)
        scene.search(driver)
        (timer,) = queued("search.offer_next")
        say(driver, 0.0)
        with Session.begin() as session:
            row = session.get_one(StandingBy, UUID(driver.driver_id))
            row.asked_at -= timedelta(minutes=minutes)

        say(driver, 0.0)

        asked = [job for job in queued("search.offer_next") if job.id != timer.id]
        assert len(asked) == jobs

    def test_a_win_elsewhere_while_the_loads_open(self, committed, run_jobs):
        scene = Scene(committed)
        _, second = scene.loads(2)
        driver = moving(scene)
        search = scene.search(driver)
        other = scene.driver()
        scene.search(other)
        (theirs, _) = open_offers(other)
        age(driver)

        def decide(session):
            again = session.get_one(BackhaulSearch, search.id)
            return [o.load_id for o in offer.extend(session, again, *self.rules(scene))]

        assert staging.after(accepting(other, theirs.id), decide) == [second]
        assert row_of(driver) is None

    def rules(self, scene: Scene):
        return scene.rules.offers, scene.rules.roads
