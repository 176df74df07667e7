"""Drivers who wait: a load that comes to the market rings those it is worth most to."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text, update

from geo.points import Point
from handlers.search import search_run
from models.fleet.drivers import Availability, Driver
from models.loads.loads import Load
from models.loads.stops import Stop
from models.offers.offers import Offer
from models.people.organisations import Organisation
from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.search import run, waiting, wake
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    decline,
    open_offers,
    pushes_to,
    queued,
    rows_of,
)
from tests.waiting import LONGEST_S
from tests.world import CHICAGO, CLEVELAND, GARY, NEW_YORK, NEWARK, supplies_of, utcnow


def post(scene: Scene, pickup=NEWARK, delivery=CHICAGO, **fields) -> UUID:
    body = scene.world.load_body(pickup, delivery, **fields)
    answer = scene.shipper.post("/v1/loads", body)
    assert answer.status == 201, answer.body
    return UUID(answer.body["id"])


def searches(driver) -> list[BackhaulSearch]:
    of = BackhaulSearch.driver_id == UUID(driver.driver_id)
    return sorted(rows_of(BackhaulSearch, of), key=lambda search: search.id)


class TestALoadThatComes:
    def test_rings_the_driver_who_found_nothing_at_their_drop(self, scene, run_jobs):
        driver = scene.driver()
        assert scene.search(driver).outcome == "nothing_found"

        load_id = post(scene)
        run_jobs(**scene.changes)

        (offer,) = open_offers(driver)
        assert offer.load_id == load_id
        assert pushes_to(driver) == ["offer"]
        _, woken = searches(driver)
        assert (woken.trigger, woken.load_ids) == ("load_changed", [load_id])
        assert woken.counts["considered"] == 1

    def test_that_is_worth_less_than_what_they_hold_rings_nobody(self, scene, run_jobs):
        scene.loads(3)
        driver = scene.driver()
        scene.search(driver)

        post(scene, price_cents=240_000)
        run_jobs(**scene.changes)

        assert len(open_offers(driver)) == 3
        assert len(searches(driver)) == 1
        assert queued("search.woken") == []

    @pytest.mark.parametrize(("more_cents", "rings"), [(4_000, False), (6_000, True)])
    def test_must_be_better_than_the_worst_offer_by_a_margin(
        self, scene, run_jobs, more_cents, rings
    ):
        scene.loads(3)
        driver = scene.driver()
        scene.search(driver)
        before = open_offers(driver)

        post(scene, price_cents=280_000 + more_cents, weight_kg=9_000)
        let_a_minute_pass(driver)
        run_jobs(**scene.changes)

        after = open_offers(driver)
        assert len(after) == 3
        gone = {o.id for o in before} - {o.id for o in after}
        assert gone == ({before[-1].id} if rings else set())

    def test_whose_price_rises_rings_who_waited_in_vain(self, scene, run_jobs):
        driver = scene.driver(hour_cents=20_000)
        load_id = post(scene, price_cents=60_000)
        assert scene.search(driver).outcome == "nothing_found"
        run_jobs(**scene.changes)

        tag = scene.shipper.get(f"/v1/loads/{load_id}").headers["ETag"]
        answer = scene.shipper.patch(
            f"/v1/loads/{load_id}", {"price_cents": 400_000}, headers={"If-Match": tag}
        )
        assert answer.status == 200, answer.body
        run_jobs(**scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [load_id]

    def test_two_that_come_within_a_minute_ring_once_more_together(
        self, scene, run_jobs
    ):
        driver = scene.driver()
        scene.search(driver)
        post(scene)
        run_jobs(**scene.changes)

        loads = [
            post(scene, price_cents=300_000 + 30_000 * n, weight_kg=1_000 * n + 5_000)
            for n in range(2)
        ]
        run_jobs(**scene.changes)

        assert len(open_offers(driver)) == 1
        (job,) = queued("search.woken")
        assert timedelta() < job.scheduled_at - utcnow() <= timedelta(minutes=1)
        let_a_minute_pass(driver)
        let_the_woken_run()
        run_jobs(**scene.changes)
        *_, woken = searches(driver)
        assert sorted(woken.load_ids) == sorted(loads)
        assert len(open_offers(driver)) == 3

    @pytest.mark.parametrize(
        "why",
        [
            *("has a load", "is off duty", "is home", "is suspended", "never dropped"),
            *("is done for today", "lives too far"),
        ],
    )
    def test_wakes_nobody_who_may_not_be_offered_it(self, scene, run_jobs, why):
        home = Point(-33.9, 151.2) if why == "lives too far" else CHICAGO
        driver = scene.driver(home=home)
        if why == "is done for today":
            scene.load(price_cents=150_000)
        if why != "never dropped":
            scene.search(driver, at=CHICAGO if why == "is home" else NEW_YORK)
        match why:
            case "has a load":
                scene.assigned(driver, scene.load())
            case "is done for today":
                (offer,) = open_offers(driver)
                decline(driver, offer.id, "done_for_today")
            case "is off duty":
                change(Driver, driver.driver_id, availability=Availability.OFF_DUTY)
            case "is suspended":
                change(Organisation, scene.carrier.org_id, suspended_at=utcnow())
        before = len(searches(driver))

        if why == "is home":
            post(scene, CHICAGO, GARY, price_cents=40_000)
        else:
            post(scene)
        assert run_jobs(only="search.wake", **scene.changes) == ["search.wake"]

        assert queued("search.woken") == []
        assert len(searches(driver)) == before

    def test_leaves_a_driver_alone_who_was_rung_often_enough(self, scene, run_jobs):
        scene.changes |= {"RINGS_PER_DAY": 2, "RING_EVERY_S": 0}
        scene.load(price_cents=150_000)
        driver = scene.driver()
        scene.search(driver)

        for n in range(3):
            post(scene, price_cents=200_000 + 50_000 * n, weight_kg=9_000 + 4_000 * n)
            run_jobs(**scene.changes)

        assert len(open_offers(driver)) == 2
        assert len(searches(driver)) == 2

    def test_a_day_after_it_rings_again(self, scene, run_jobs):
        scene.changes["RINGS_PER_DAY"] = 1
        scene.load(price_cents=150_000)
        driver = scene.driver()
        scene.search(driver)
        let_a_minute_pass(driver, "25 hours")

        post(scene, weight_kg=9_000)
        run_jobs(**scene.changes)

        assert len(open_offers(driver)) == 2

    def test_finds_a_truck_where_it_is_by_now(self, scene, run_jobs):
        driver = scene.driver()
        scene.search(driver, at=NEW_YORK)
        with Session.begin() as session:
            staging.last_seen(session, driver, CLEVELAND, corrected_at=utcnow())

        post(scene, CLEVELAND)
        run_jobs(**scene.changes)

        (offer,) = open_offers(driver)
        assert offer.figures["deadhead_m"] < 50_000

    def test_wakes_as_many_as_it_has_places_and_a_few_more(self, scene, run_jobs):
        scene.changes["OFFERS_PER_LOAD"] = 1
        drivers = scene.drivers(wake.SPARE + 3)
        for driver in drivers:
            scene.search(driver)

        post(scene)
        run_jobs(only="search.wake", **scene.changes)

        assert len(queued("search.woken")) == 1 + wake.SPARE
        (again,) = queued("search.wake")
        assert again.scheduled_at > utcnow()
        assert "since" in again.args

    def test_offers_a_driver_one_who_declined_it_no_second_time(self, scene, run_jobs):
        driver = scene.driver()
        scene.search(driver)
        post(scene)
        run_jobs(**scene.changes)
        (offer,) = open_offers(driver)
        decline(driver, offer.id)

        with Session.begin() as session:
            wake_for(session, scene, offer.load_id)
        run_jobs(**scene.changes)

        assert open_offers(driver) == []

    def test_that_is_private_wakes_nobody_of_another_company(self, scene, run_jobs):
        driver = scene.driver()
        scene.search(driver)

        post(scene, visibility="private")
        run_jobs(**scene.changes)

        assert searches(driver)[1:] == []

    def test_wakes_those_first_to_whom_it_is_worth_most(
        self, scene, run_jobs, monkeypatch
    ):
        monkeypatch.setattr(wake, "SPARE", 0)
        scene.changes["OFFERS_PER_LOAD"] = 1
        far, near, farther = scene.drivers(3)
        for driver, lat in ((far, 39.5), (near, 40.7), (farther, 38.9)):
            scene.search(driver, at=Point(lat, NEW_YORK.lon))

        load_id = post(scene)
        with Session.begin() as session:
            woken = wake_for(session, scene, load_id)

        assert woken == [UUID(near.driver_id)]


class TestTheRow:
    def test_begins_at_the_drop_with_its_completion_and_once(self, scene):
        driver = scene.driver()
        stop_id, now = scene.drop(), utcnow()
        job = {"stop_id": stop_id, "driver_id": UUID(driver.driver_id)}
        completed_at = now - timedelta(minutes=20)
        done = {"status": "completed", "arrived_at": completed_at}
        change(Stop, stop_id, completed_at=completed_at, **done)
        with Session.begin() as session:
            waiting.begin_after_drop(session, **job, now=now)

        (row,) = rows_of(WaitingDriver)
        assert (row.since, row.free_at) == (completed_at, now)
        assert row.point == NEW_YORK
        scene.search(driver, stop_id=stop_id)
        with Session.begin() as session:
            waiting.begin_after_drop(session, **job, now=utcnow())

        (row,) = rows_of(WaitingDriver)
        assert row.free_at < utcnow()
        assert row.baseline_m is not None


class TestNoWakeUpIsLost:
    def test_a_driver_waits_before_their_search_reads_the_market(self, committed):
        """The job of the drop is stopped in the middle: another job sees who waits."""
        scene = Scene(committed)
        load_id, driver, stop_id = scene.load(), scene.driver(), scene.drop()
        supplies = supplies_of(committed.settings)

        def lock_the_load(session):
            session.get_one(Load, load_id, with_for_update=True)

        def job(_):
            search_run(supplies, str(stop_id), driver.driver_id)

        with staging.waiting(lock_the_load, job) as (_, done):
            (row,) = rows_of(WaitingDriver)
            assert row.baseline_m is None
        done.result(timeout=LONGEST_S)
        (row,) = rows_of(WaitingDriver)
        assert row.baseline_m > 0

    def test_a_load_that_commits_after_the_search_has_read_the_market(
        self, committed, run_jobs
    ):
        """The job of the load reads who waits while the driver's own search, which has
        not seen the load, is not committed."""
        scene = Scene(committed)
        driver = scene.driver()
        stop_id = scene.drop()
        job = {"stop_id": stop_id, "driver_id": UUID(driver.driver_id), "now": utcnow()}
        with Session.begin() as session:
            waiting.begin_after_drop(session, **job)
        made = []

        def search(session):
            made.append(run.search_home(session, scene.rules, **job))
            made.append(post(scene))

        def load_looks_for_drivers(session):
            return wake_for(session, scene, made[1])

        with staging.waiting(search, load_looks_for_drivers) as (_, woken):
            pass
        assert made[0].outcome == "nothing_found"
        assert woken.result(timeout=LONGEST_S) == [UUID(driver.driver_id)]
        run_jobs(only="search.woken", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [made[1]]

    def test_a_load_that_comes_while_others_are_judged_is_judged_next(
        self, committed, run_jobs
    ):
        scene = Scene(committed)
        driver = scene.driver()
        scene.search(driver)
        first, second = post(scene), post(scene, price_cents=290_000, weight_kg=9_000)
        driver_id = UUID(driver.driver_id)
        with Session.begin() as session:
            wake_for(session, scene, first)

        def judge(session):
            run.search_woken(session, scene.rules, driver_id=driver_id, now=utcnow())

        with staging.waiting(
            judge, lambda session: wake_for(session, scene, second)
        ) as (_, woken):
            pass
        assert woken.result(timeout=LONGEST_S) == [driver_id]

        (row,) = rows_of(WaitingDriver)
        assert row.load_ids == [second]
        # The first one is still queued: here it was not the queue that ran it.
        assert len(queued("search.woken")) == 2

    def test_a_search_that_is_owed_for_too_long_is_queued_anew(self, scene):
        driver = scene.driver()
        scene.search(driver)
        loads = [post(scene), post(scene, weight_kg=9_000)]
        with Session.begin() as session:
            wake_for(session, scene, loads[0])
            owed = WaitingDriver.due_at - text("interval '6 minutes'")
            session.execute(update(WaitingDriver).values(due_at=owed))
        with Session.begin() as session:
            wake_for(session, scene, loads[1])

        assert len(queued("search.woken")) == 2


def wake_for(session, scene: Scene, load_id: UUID) -> list[UUID]:
    rules, now = scene.rules, utcnow()
    settings = (rules.parameters, rules.offers, rules.roads)
    woken = wake.wake(session, *settings, came={load_id: now}, now=now)
    return woken.get(load_id, [])


def change(model, row_id, **values) -> None:
    with Session.begin() as session:
        session.execute(
            update(model).where(model.id == UUID(str(row_id))).values(**values)
        )


def let_a_minute_pass(driver, time: str = "2 minutes") -> None:
    """Since the driver's phones rang last; or another time."""
    with Session.begin() as session:
        session.execute(
            update(Offer)
            .where(Offer.driver_id == UUID(driver.driver_id))
            .values(created_at=Offer.created_at - text(f"interval '{time}'"))
        )


def let_the_woken_run() -> None:
    staging.let_waits_pass()
