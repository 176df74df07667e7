"""Loads that stand by: a driver who may not be rung gets them when they may."""

from datetime import timedelta
from uuid import UUID

import pytest

from freight.roles import Role
from models.fleet.positions import LastPosition
from models.people.organisations import Member
from models.search.searches import BackhaulSearch
from services.fleet import ringing
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    let_waits_pass,
    open_offers,
    pushes_to,
    queued,
    rows_of,
)
from tests.services.search.standing_scene import (
    DRIVES,
    KMH,
    age,
    desk,
    moving,
    row_of,
    say,
)
from tests.services.search.test_waiting import change, post
from tests.world import utcnow


def outcome_of(search: BackhaulSearch) -> str:
    (found,) = rows_of(BackhaulSearch, BackhaulSearch.id == search.id)
    return found.outcome


class TestATruckThatMoves:
    def test_gets_no_offer_and_its_loads_stand_by(self, scene):
        best, second, third, _ = scene.loads(4)
        driver = moving(scene)

        search = scene.search(driver)

        assert (search.outcome, open_offers(driver)) == ("stands_by", [])
        assert pushes_to(driver) == []
        row = row_of(driver)
        assert row.load_ids == [best, second, third]
        assert (row.search_ids, row.reason) == ([search.id], "moving")
        (fix,) = rows_of(LastPosition, LastPosition.driver_id == UUID(driver.driver_id))
        measured_at = min(fix.corrected_at, fix.received_at)
        assert row.opens_at == measured_at + timedelta(minutes=5)

    def test_takes_no_place_of_the_load(self, scene):
        scene.changes["OFFERS_PER_LOAD"] = 1
        load_id = scene.load()
        scene.search(moving(scene))
        other = scene.driver()

        scene.search(other)

        assert [o.load_id for o in open_offers(other)] == [load_id]

    def test_is_told_to_the_desk_once(self, scene, run_jobs):
        scene.load()
        dispatcher = desk(scene)
        driver = moving(scene)
        search = scene.search(driver)
        assert pushes_to(dispatcher) == ["loads_stand_by"]

        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        assert row_of(driver).search_ids == [search.id]
        assert pushes_to(dispatcher) == ["loads_stand_by"]

    def test_is_not_told_to_a_driver_who_is_the_desk(self, scene):
        scene.load()
        driver = moving(scene)
        change(Member, driver.member_id, roles=[Role.DISPATCHER, Role.DRIVER])

        scene.search(driver)

        assert row_of(driver) is not None
        assert pushes_to(driver) == []

    def test_is_offered_its_loads_when_a_fix_says_that_it_stands(self, scene, run_jobs):
        best, second = scene.loads(2)
        driver = moving(scene)
        search = scene.search(driver)

        say(driver, 0.0)
        assert row_of(driver).asked_at is not None
        run_jobs(only="search.offer_next", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [best, second]
        assert row_of(driver) is None
        assert outcome_of(search) == "offered"

    def test_is_not_asked_for_by_fixes_that_drive(self, scene):
        scene.load()
        driver = moving(scene)
        scene.search(driver)
        before = len(queued("search.offer_next"))

        say(driver, DRIVES)

        assert row_of(driver).asked_at is None
        assert len(queued("search.offer_next")) == before

    def test_is_not_asked_for_by_an_older_fix(self, scene):
        scene.load()
        driver = moving(scene)
        scene.search(driver)

        say(driver, 0.0, at=utcnow() - timedelta(minutes=2))

        assert row_of(driver).asked_at is None

    def test_is_looked_at_when_its_fix_is_five_minutes_old(self, scene, run_jobs):
        load_id = scene.load()
        driver = moving(scene)
        scene.search(driver)
        (job,) = queued("search.offer_next")
        assert job.scheduled_at == row_of(driver).opens_at

        age(driver)
        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [load_id]

    def test_stands_by_on_when_it_still_drives_then(self, scene, run_jobs):
        scene.load()
        driver = moving(scene)
        scene.search(driver)
        before = row_of(driver)
        age(driver)
        say(driver, DRIVES)

        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        row = row_of(driver)
        assert row.load_ids == before.load_ids
        assert (row.since, row.asked_at) == (before.since, None)
        assert row.opens_at > before.opens_at - timedelta(minutes=5)
        (job,) = queued("search.offer_next")
        assert job.scheduled_at == row.opens_at
        assert open_offers(driver) == []

    def test_is_rung_once_by_two_fixes_and_the_timer(self, scene, run_jobs):
        scene.loads(5)
        driver = moving(scene)
        scene.search(driver)
        say(driver, 0.0)
        say(driver, 0.0)

        run_jobs(only="search.offer_next", **scene.changes)
        first = open_offers(driver)
        staging.decline(driver, first[0].id)
        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        assert len(first) == 3
        assert {o.id for o in open_offers(driver)} == {o.id for o in first[1:]}

    def test_gets_what_is_left_when_another_won_the_best_meanwhile(
        self, scene, run_jobs
    ):
        best, second = scene.loads(2)
        driver = moving(scene)
        scene.search(driver)
        scene.assigned(scene.driver(), best)

        say(driver, 0.0)
        run_jobs(only="search.offer_next", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [second]

    def test_found_nothing_when_others_won_all_of_it(self, scene, run_jobs):
        load_id = scene.load()
        driver = moving(scene)
        search = scene.search(driver)
        scene.assigned(scene.driver(), load_id)

        say(driver, 0.0)
        run_jobs(only="search.offer_next", **scene.changes)

        assert open_offers(driver) == []
        assert row_of(driver) is None
        assert outcome_of(search) == "nothing_found"


class TestALoadThatComesWhileTheTruckMoves:
    def waiting(self, scene: Scene):
        driver = moving(scene)
        assert scene.search(driver).outcome == "nothing_found"
        return driver

    def test_stands_by_and_is_offered_at_the_stop(self, scene, run_jobs):
        driver = self.waiting(scene)

        load_id = post(scene)
        run_jobs(only="search.wake", **scene.changes)
        run_jobs(only="search.woken", **scene.changes)

        assert row_of(driver).load_ids == [load_id]
        assert open_offers(driver) == []
        say(driver, 0.0)
        run_jobs(only="search.offer_next", **scene.changes)
        assert [o.load_id for o in open_offers(driver)] == [load_id]

    def test_stands_by_beside_those_of_the_drop_best_first(self, scene, run_jobs):
        best, second, _ = scene.loads(3)
        driver = moving(scene)
        scene.search(driver)

        came = post(scene, price_cents=295_000, weight_kg=9_000)
        run_jobs(only="search.wake", **scene.changes)
        run_jobs(only="search.woken", **scene.changes)

        row = row_of(driver)
        assert row.load_ids == [best, came, second]
        assert len(row.search_ids) == 2
        say(driver, 0.0)
        run_jobs(only="search.offer_next", **scene.changes)
        assert [o.load_id for o in open_offers(driver)] == [best, came, second]
        assert row_of(driver) is None

    def test_stays_when_those_of_the_drop_are_gone_and_the_desk_is_not_told_again(
        self, scene, run_jobs
    ):
        gone = scene.load()
        dispatcher, driver = desk(scene), moving(scene)
        scene.search(driver)
        came = post(scene, price_cents=400_000, weight_kg=9_000)
        run_jobs(only="search.wake", **scene.changes)
        run_jobs(only="search.woken", **scene.changes)
        scene.assigned(scene.driver(), gone)
        before = row_of(driver)
        told = pushes_to(dispatcher).count("loads_stand_by")

        let_waits_pass()
        run_jobs(only="search.offer_next", **scene.changes)

        row = row_of(driver)
        assert (row.load_ids, row.since) == ([came], before.since)
        assert pushes_to(dispatcher).count("loads_stand_by") == told == 1

    def test_is_judged_only_if_it_may_be_better_than_what_stands_by(
        self, scene, run_jobs
    ):
        scene.loads(3)
        driver = moving(scene)
        scene.search(driver)

        post(scene, price_cents=200_000, weight_kg=9_000)
        run_jobs(only="search.wake", **scene.changes)

        assert queued("search.woken") == []

    def test_is_judged_if_what_stood_by_is_gone(self, scene, run_jobs):
        load_id = scene.load()
        driver = moving(scene)
        scene.search(driver)
        scene.assigned(scene.driver(), load_id)

        came = post(scene, price_cents=200_000, weight_kg=9_000)
        run_jobs(only="search.wake", **scene.changes)
        run_jobs(only="search.woken", **scene.changes)

        assert came in row_of(driver).load_ids


class TestWhatCountsAsMoving:
    @pytest.mark.parametrize(
        ("kmh", "rings"), [(8, True), (8.01, False), (None, True), (0, True)]
    )
    def test_is_faster_than_eight_kilometres_an_hour(self, scene, kmh, rings):
        scene.load()
        driver = moving(scene)
        say(driver, None if kmh is None else kmh * KMH)

        scene.search(driver)

        assert (len(open_offers(driver)) == 1) is rings
        assert (row_of(driver) is None) is rings

    @pytest.mark.parametrize(("kmh", "opens"), [(8, True), (8.01, False), (None, True)])
    def test_a_fix_opens_as_it_would_ring(self, scene, kmh, opens):
        scene.load()
        driver = moving(scene)
        scene.search(driver)

        say(driver, None if kmh is None else kmh * KMH)

        assert (row_of(driver).asked_at is not None) is opens

    def test_is_said_by_a_fix_younger_than_five_minutes(self):
        at = utcnow()
        fix = LastPosition(corrected_at=at, received_at=at, speed_mps=DRIVES)
        until = at + timedelta(minutes=5)

        just_before = until - timedelta(microseconds=1)
        assert ringing.moves_until(fix, just_before) == until
        assert ringing.moves_until(fix, until) is None

    def test_a_fix_from_the_future_is_as_old_as_its_receipt(self, scene):
        scene.load()
        driver = moving(scene)
        say(driver, DRIVES, at=utcnow() + timedelta(minutes=4))

        scene.search(driver)

        (fix,) = rows_of(LastPosition, LastPosition.driver_id == UUID(driver.driver_id))
        assert fix.corrected_at > fix.received_at + timedelta(minutes=3)
        assert row_of(driver).opens_at == fix.received_at + timedelta(minutes=5)

    def test_a_fix_that_came_late_is_as_old_as_its_time(self, scene):
        scene.load()
        driver = scene.driver()
        say(driver, DRIVES, at=utcnow() - timedelta(minutes=5))

        scene.search(driver)

        assert len(open_offers(driver)) == 1
