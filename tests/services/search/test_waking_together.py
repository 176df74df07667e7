"""Loads that come at once are looked at together, and a phone rings for each before all
the drivers whom one of them woke are searched for."""

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from jobs import Job, enqueue
from models.fleet.drivers import Availability, Driver
from models.offers.offers import DeclineReason, Offer
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.search import wake
from tests.services.scene import Scene, open_offers, queued, rows_of
from tests.services.search.test_waiting import (
    change,
    let_a_minute_pass,
    post,
    searches,
)
from tests.services.search.test_waking_who_may import woken
from tests.world import NEW_YORK, NEWARK, utcnow


@pytest.fixture
def driver(scene):
    found = scene.driver()
    scene.search(found)
    return found


@pytest.fixture
def two(scene):
    """A driver near the pickup of a load, and one who is farther away."""
    near, far = scene.driver(), scene.driver()
    scene.search(near, at=NEWARK)
    scene.search(far, at=NEW_YORK)
    return near, far


def owed() -> dict[str, list[int]]:
    """Return the priorities of the searches that are owed, by driver."""
    with Session() as session:
        rows = session.execute(
            text(
                "select args->>'driver_id', array_agg(priority order by priority desc)"
                " from procrastinate_jobs where task_name = 'search.woken'"
                " and status = 'todo' group by 1"
            )
        )
        return {driver_id: priorities for driver_id, priorities in rows}


def enqueue_look(load_id) -> None:
    with Session.begin() as session:
        enqueue(session, Job.SEARCH_WAKE, load_id=str(load_id))


class TestLoadsThatCameAtOnce:
    def test_are_looked_at_in_one_job(self, scene, run_jobs, driver):
        loads = {post(scene, weight_kg=9_000 + number) for number in range(3)}

        assert run_jobs(only="search.wake", **scene.changes) == ["search.wake"]

        (row,) = rows_of(WaitingDriver)
        assert set(row.load_ids) == loads
        assert len(row.load_ids) == 3

    def test_are_judged_in_one_search(self, scene, run_jobs, driver):
        loads = {post(scene, weight_kg=9_000 * number) for number in (1, 2)}
        run_jobs(**scene.changes)

        _, search = searches(driver)
        assert set(search.load_ids) == loads
        assert {offer.load_id for offer in open_offers(driver)} == loads

    def test_wait_for_none_that_cannot_be_looked_at(self, scene, run_jobs, driver):
        load_id = post(scene)
        enqueue_look("no load")

        with pytest.raises(ValueError, match="badly formed"):
            run_jobs(only="search.wake", **scene.changes)

        assert rows_of(WaitingDriver)[0].load_ids == [load_id]
        assert woken() == {driver.driver_id}

    def test_are_each_looked_at_once_however_often_they_came(
        self, scene, run_jobs, driver
    ):
        load_id = post(scene)
        enqueue_look(load_id)

        run_jobs(only="search.wake", **scene.changes)

        assert rows_of(WaitingDriver)[0].load_ids == [load_id]


class TestTheFirstDriverOfALoad:
    def test_is_searched_for_before_other_loads_are_looked_at(
        self, scene, run_jobs, two
    ):
        near, far = two

        post(scene)
        run_jobs(only="search.wake", **scene.changes)

        look, search = Job.SEARCH_WAKE.value.priority, Job.SEARCH_WOKEN.value.priority
        assert owed() == {near.driver_id: [wake.URGENT], far.driver_id: [search]}
        assert wake.URGENT > look > search > wake.AGAIN

    def test_is_hurried_though_a_search_of_theirs_is_owed(self, scene, run_jobs, two):
        _, far = two
        post(scene)
        run_jobs(only="search.wake", **scene.changes)

        post(scene, pickup=NEW_YORK, weight_kg=9_000, price_cents=200_000)
        run_jobs(only="search.wake", **scene.changes)

        assert wake.URGENT in owed()[far.driver_id]

    def test_lets_the_others_owe_one_search_for_both(self, scene, run_jobs, two):
        near, far = two
        for weight_kg in (9_000, 8_000):
            post(scene, weight_kg=weight_kg, price_cents=200_000)
            run_jobs(only="search.wake", **scene.changes)

        assert owed()[far.driver_id] == [Job.SEARCH_WOKEN.value.priority]
        assert set(owed()[near.driver_id]) == {wake.URGENT}

    def test_is_followed_by_others_whose_loads_were_judged_before(
        self, scene, run_jobs, two
    ):
        _, far = two
        for weight_kg in (9_000, 8_000):
            post(scene, weight_kg=weight_kg, price_cents=200_000)
            run_jobs(only="search.wake", **scene.changes)
            assert far.driver_id in owed()
            run_jobs(only="search.woken", **scene.changes)
            for driver in two:
                let_a_minute_pass(driver)

    def test_is_followed_by_others_whose_search_was_lost(self, scene, run_jobs, two):
        _, far = two
        lost_at = utcnow() - timedelta(minutes=6)
        with Session.begin() as session:
            session.execute(update(WaitingDriver).values(due_at=lost_at))

        post(scene, weight_kg=9_000, price_cents=200_000)
        run_jobs(only="search.wake", **scene.changes)

        assert far.driver_id in owed()

    @pytest.mark.parametrize("meanwhile", ["off duty", "rung", "no more today"])
    def test_leaves_it_to_the_next_one_if_nothing_comes_of_it(
        self, scene, run_jobs, two, meanwhile
    ):
        near, far = two
        held = scene.load(price_cents=240_000, weight_kg=9_000)
        scene.search(near, at=NEWARK)
        let_a_minute_pass(near)
        load_id = post(scene, price_cents=400_000)
        run_jobs(only="search.wake", **scene.changes)
        assert owed()[near.driver_id] == [wake.URGENT]
        if meanwhile == "off duty":
            change(Driver, near.driver_id, availability=Availability.OFF_DUTY)
        else:
            (offer,) = open_offers(near)
            assert offer.load_id == held
            done = DeclineReason.DONE_FOR_TODAY
            values = {"rung": {"created_at": utcnow()}}.get(
                meanwhile, {"decline_reason": done, "responded_at": utcnow()}
            )
            change(Offer, offer.id, **values)

        self.leave_only_the_first()
        run_jobs(**scene.changes)

        assert load_id not in {offer.load_id for offer in open_offers(near)}
        assert load_id in {offer.load_id for offer in open_offers(far)}

    def leave_only_the_first(self):
        others = "task_name = 'search.woken' and priority < :urgent"
        with Session.begin() as session:
            delete = text(f"delete from procrastinate_jobs where {others}")
            session.execute(delete, {"urgent": wake.URGENT})

    def test_hurries_nobody_for_a_load_that_is_offered(self, scene, run_jobs):
        for driver in scene.drivers(3):
            scene.search(driver)
        post(scene)
        run_jobs(only="search.wake", **scene.changes)
        before = owed()

        with Session.begin() as session:
            wake.hurry(session, [self.offered(scene, run_jobs)], utcnow())

        assert owed().keys() <= before.keys()
        assert not any(wake.URGENT in priorities for priorities in owed().values())

    def offered(self, scene: Scene, run_jobs):
        """Let the first search run; return the load that is then offered."""
        with Session.begin() as session:
            later = "now() + interval '1 hour'"
            session.execute(
                text(
                    f"update procrastinate_jobs set scheduled_at = {later}"
                    " where task_name = 'search.woken' and priority < :urgent"
                ),
                {"urgent": wake.URGENT},
            )
        run_jobs(only="search.woken", **scene.changes)
        (offer,) = rows_of(Offer)
        return offer.load_id


class TestALoadWhoseBestDriversHaveJustBeenRung:
    def test_is_offered_at_once_to_the_best_who_may_be_rung(self, scene, run_jobs):
        scene.changes["OFFERS_PER_LOAD"] = 1
        busy = scene.drivers(1 + wake.SPARE)
        for driver in busy:
            scene.load(price_cents=240_000)
            scene.search(driver, at=NEWARK)
            assert len(open_offers(driver)) == 1
        quiet = scene.driver()
        scene.search(quiet, at=NEW_YORK)

        load_id = post(scene, price_cents=400_000, weight_kg=9_000)
        run_jobs(only="search.wake", **scene.changes)
        assert owed()[quiet.driver_id] == [wake.URGENT]
        assert len(owed()) == len(busy) + 1
        run_jobs(**scene.changes)

        assert load_id in {offer.load_id for offer in open_offers(quiet)}
        assert all(len(open_offers(driver)) == 1 for driver in busy)


class TestALoadThatIsFull:
    def test_is_not_judged_for_who_was_woken_but_looked_at_again(
        self, scene, run_jobs, two
    ):
        scene.changes["OFFERS_PER_LOAD"] = 1
        first, second = two
        post(scene)

        run_jobs(**scene.changes)

        (offer,) = open_offers(first)
        assert open_offers(second) == []
        assert len(searches(second)) == 1
        looks = {job.scheduled_at for job in queued("search.wake")}
        assert offer.expires_at in looks
        row = next(r for r in rows_of(WaitingDriver) if r.load_ids == [])
        assert row.due_at is None


def test_two_jobs_of_one_driver_who_was_just_rung_leave_one(scene, run_jobs):
    scene.load(price_cents=240_000)
    driver = scene.driver()
    scene.search(driver)
    post(scene, price_cents=400_000, weight_kg=9_000)
    run_jobs(only="search.wake", **scene.changes)
    with Session.begin() as session:
        for _ in range(2):
            enqueue(session, Job.SEARCH_WOKEN, driver_id=driver.driver_id)
    run_jobs(only="search.woken", **scene.changes)

    jobs = queued("search.woken")
    (last,) = {offer.created_at for offer in open_offers(driver)}
    assert {job.scheduled_at for job in jobs} == {last + timedelta(minutes=1)}
    assert len(jobs) <= 2
