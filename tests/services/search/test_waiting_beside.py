"""Drivers who wait: what happens beside a search of loads that came."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, text, update

from geo.distance import METRES_PER_MILE, destination
from geo.points import Point
from jobs import Job, enqueue
from models.loads.loads import Load
from models.offers.offers import Offer
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.search import offer, run, waiting
from services.upkeep import privacy
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    decline,
    expire,
    let_time_run_out,
    let_waits_pass,
    open_offers,
    pushes_to,
    queued,
    rows_of,
)
from tests.services.search.test_waiting import (
    let_a_minute_pass,
    post,
    searches,
    wake_for,
)
from tests.services.search.test_what_came import came
from tests.waiting import LONGEST_S
from tests.world import CHICAGO, NEW_YORK, NEWARK, utcnow

MILWAUKEE = Point(43.0389, -87.9065)


def run_all(run_jobs, scene) -> None:
    let_waits_pass()
    run_jobs(**scene.changes)


def judge(session, scene, driver):
    job = {"driver_id": UUID(driver.driver_id), "now": utcnow()}
    return run.search_woken(session, scene.rules, **job)


class TestOffersOfTwoSearches:
    @pytest.mark.parametrize("declined", ["of the drop", "that came"])
    def test_a_declined_offer_leaves_those_of_the_other_search(
        self, scene, run_jobs, declined
    ):
        of_the_drop = scene.load(price_cents=280_000)
        driver = scene.driver()
        scene.search(driver)
        that_came = post(scene, price_cents=300_000, weight_kg=9_000)
        let_a_minute_pass(driver)
        run_jobs(**scene.changes)
        held = {o.load_id: o.id for o in open_offers(driver)}
        assert set(held) == {of_the_drop, that_came}

        gone = of_the_drop if declined == "of the drop" else that_came
        decline(driver, held.pop(gone))
        run_jobs(**scene.changes)

        assert {o.load_id for o in open_offers(driver)} == set(held)

    @pytest.mark.parametrize("strategy", ["broadcast", "sequential"])
    def test_the_drops_search_goes_on_when_all_that_came_are_declined(
        self, scene, run_jobs, strategy
    ):
        """That of their last drop."""
        scene.changes |= {"OFFERS_PER_DRIVER": 1, "OFFER_STRATEGY": strategy}
        driver = scene.driver()
        scene.search(driver)
        _, second = scene.loads(2)
        scene.search(driver)
        that_came = post(scene, price_cents=400_000, weight_kg=5_000)
        let_a_minute_pass(driver)
        run_jobs(**scene.changes)
        (better,) = open_offers(driver)
        assert better.load_id == that_came

        decline(driver, better.id)
        run_all(run_jobs, scene)

        assert [o.load_id for o in open_offers(driver)] == [second]


class TestALoadThatTheDropsSearchFoundToo:
    """Its job saw the driver, and so did their own search."""

    def both(self, scene, *, loads=0):
        scene.loads(loads)
        driver = scene.driver()
        job = {"stop_id": scene.drop(), "driver_id": UUID(driver.driver_id)}
        job["now"] = utcnow()
        with Session.begin() as session:
            waiting.begin_after_drop(session, **job)
        load_id = post(scene, price_cents=400_000, weight_kg=5_000)
        with Session.begin() as session:
            assert wake_for(session, scene, load_id)
        with Session.begin() as session:
            run.search_home(session, scene.rules, **job)
        return driver, load_id

    def test_is_not_offered_again_when_it_was_declined(self, scene, run_jobs):
        driver, load_id = self.both(scene)
        (only,) = open_offers(driver)
        assert only.load_id == load_id
        decline(driver, only.id)
        let_a_minute_pass(driver)

        run_all(run_jobs, scene)

        assert [o.id for o in rows_of(Offer)] == [only.id]

    def test_is_not_offered_again_when_it_expired(self, scene, run_jobs):
        driver, _ = self.both(scene)
        (only,) = open_offers(driver)
        let_time_run_out(only.id)
        expire()
        let_a_minute_pass(driver)

        run_all(run_jobs, scene)

        assert [o.id for o in rows_of(Offer)] == [only.id]

    def test_costs_the_driver_no_other_offer(self, scene, run_jobs):
        driver, _ = self.both(scene, loads=3)
        before = {o.id for o in open_offers(driver)}
        assert len(before) == 3
        let_a_minute_pass(driver)

        run_jobs(only="search.woken", **scene.changes)

        assert {o.id for o in open_offers(driver)} == before


class TestOnceAMinute:
    def test_a_load_waits_though_it_came_before_the_drops_offers(self, scene, run_jobs):
        both = TestALoadThatTheDropsSearchFoundToo()
        driver, _ = both.both(scene)
        other = post(scene, price_cents=500_000, weight_kg=9_000)
        with Session.begin() as session:
            wake_for(session, scene, other)

        run_jobs(only="search.woken", **scene.changes)

        assert len(open_offers(driver)) == 1
        (job,) = queued("search.woken")
        assert timedelta() < job.scheduled_at - utcnow() <= timedelta(minutes=1)
        assert rows_of(WaitingDriver)[0].due_at == job.scheduled_at
        let_a_minute_pass(driver)
        run_all(run_jobs, scene)
        assert other in {o.load_id for o in open_offers(driver)}

    def test_counts_from_the_last_ring(self, scene, run_jobs):
        scene.load(price_cents=240_000)
        driver = scene.driver()
        scene.search(driver)
        let_a_minute_pass(driver, "10 minutes")
        post(scene, weight_kg=9_000)
        run_jobs(**scene.changes)
        assert len(open_offers(driver)) == 2

        post(scene, price_cents=400_000, weight_kg=5_000)
        for only in ("search.wake", "search.woken"):
            run_jobs(only=only, **scene.changes)

            (job,) = queued("search.woken")
            assert timedelta() < job.scheduled_at - utcnow() <= timedelta(minutes=1)
        assert len(open_offers(driver)) == 2

    def test_a_job_without_loads_searches_nothing(self, scene):
        driver = scene.driver()
        scene.search(driver)

        with Session.begin() as session:
            assert judge(session, scene, driver) is None

        assert len(searches(driver)) == 1

    def test_a_job_without_loads_owes_nothing_when_the_minute_is_over(self, scene):
        scene.load(price_cents=240_000)
        driver = scene.driver()
        scene.search(driver)

        with Session.begin() as session:
            assert judge(session, scene, driver) is None

        assert queued("search.woken") == []
        assert rows_of(WaitingDriver)[0].due_at is None

    def test_two_runs_of_a_job_at_once_search_once(self, committed):
        scene = Scene(committed)
        driver = scene.driver()
        scene.search(driver)
        load_id = post(scene)
        with Session.begin() as session:
            wake_for(session, scene, load_id)

        def once(session):
            return judge(session, scene, driver)

        assert staging.after(once, once) is None
        assert len(searches(driver)) == 2


class TestPlaces:
    def test_an_offer_that_expired_makes_no_room(self, scene, run_jobs):
        """It is open until the sweep, but cannot be accepted."""
        scene.load(price_cents=240_000, weight_kg=3_000)
        driver = scene.driver()
        scene.search(driver)
        (expired,) = open_offers(driver)
        let_time_run_out(expired.id)
        for n in range(4):
            post(scene, price_cents=300_000 + n * 40_000, weight_kg=5_000 + 2_000 * n)
            let_a_minute_pass(driver)
            driver.get("/v1/offers")
            run_jobs(only="search.wake", **scene.changes)
            run_jobs(only="search.woken", **scene.changes)

        alive = [o for o in open_offers(driver) if o.id != expired.id]

        assert [o.snapshot["price_cents"] for o in alive] == [420_000, 380_000, 340_000]


class TestHome:
    def test_a_driver_who_drove_home_is_not_woken(self, scene, run_jobs):
        driver = self.at_home(scene)

        post(scene, CHICAGO, MILWAUKEE, price_cents=60_000)
        assert "search.wake" in run_jobs(**scene.changes)

        assert len(searches(driver)) == 1
        assert pushes_to(driver) == []

    def test_a_driver_who_came_home_when_they_were_woken_is_not_rung(self, scene):
        driver = self.at_home(scene)
        load_id = post(scene, CHICAGO, MILWAUKEE, price_cents=60_000)
        with Session.begin() as session:
            session.execute(update(WaitingDriver).values(load_ids=[load_id]))
        with Session.begin() as session:
            found = judge(session, scene, driver)

        assert len(found.ranked) == 1
        assert open_offers(driver) == []
        assert rows_of(WaitingDriver) == []

    @pytest.mark.parametrize(("miles", "waits"), [(20, False), (30, True)])
    def test_is_25_miles_around_it(self, scene, miles, waits):
        driver = scene.driver()
        place = destination(CHICAGO, 225, miles * METRES_PER_MILE)

        scene.search(driver, at=place)

        assert bool(rows_of(WaitingDriver)) is waits

    def at_home(self, scene):
        driver = scene.driver()
        scene.search(driver, at=NEW_YORK)
        with Session.begin() as session:
            staging.last_seen(session, driver, CHICAGO, corrected_at=utcnow())
        return driver


class TestWhereTheyAre:
    def test_a_fix_from_before_the_drop_is_not_where_a_woken_search_starts(
        self, scene, run_jobs
    ):
        driver = scene.driver()
        scene.search(driver, at=NEW_YORK)
        before = utcnow() - timedelta(minutes=10)
        with Session.begin() as session:
            staging.last_seen(session, driver, NEWARK, corrected_at=before)

        post(scene)
        run_jobs(**scene.changes)

        dropped, woken = searches(driver)
        assert woken.situation["drop"] == dropped.situation["drop"]


def test_a_load_whose_lease_was_over_came_when_it_is_posted_again(scene):
    load_id = post(scene)
    with Session.begin() as session:
        over = func.now() - text("interval '30 seconds'")
        session.execute(
            update(Load).where(Load.id == load_id).values(lease_expires_at=over)
        )

    answer = scene.shipper.put(f"/v1/loads/{load_id}/posting")

    assert answer.status == 200, answer.body
    assert came() == [load_id, load_id]


def test_a_price_that_rises_is_offered_to_the_driver_who_held_the_load(scene, run_jobs):
    load_id = scene.load()
    driver = scene.driver()
    scene.search(driver)
    assert len(open_offers(driver)) == 1
    tag = scene.shipper.get(f"/v1/loads/{load_id}").headers["ETag"]
    answer = scene.shipper.patch(
        f"/v1/loads/{load_id}", {"price_cents": 400_000}, headers={"If-Match": tag}
    )
    assert answer.status == 200, answer.body
    let_a_minute_pass(driver)

    run_all(run_jobs, scene)

    assert [o.load_id for o in open_offers(driver)] == [load_id]


def test_a_drop_is_searched_for_before_drivers_who_wait(scene, run_jobs):
    driver = scene.driver()
    scene.search(driver)
    post(scene)
    run_jobs(only="search.wake", **scene.changes)
    job = {"stop_id": str(scene.drop()), "driver_id": scene.driver().driver_id}
    with Session.begin() as session:
        enqueue(session, Job.SEARCH_RUN, **job)

    ran = [name for name in run_jobs(**scene.changes) if name.startswith("search.")]

    assert ran[:2] == ["search.run", "search.woken"]


def test_erasing_a_driver_whose_search_runs_is_no_deadlock(committed):
    scene = Scene(committed)
    driver = scene.driver()
    search = scene.search(driver)

    def settle(session):
        session.execute(update(WaitingDriver).values(lat=WaitingDriver.lat))

    def erase(session):
        return privacy.erase(session, UUID(str(driver.member_id)), now=utcnow())

    with staging.waiting(settle, erase) as (session, erased):
        offer.lock_free_driver(session, search)

    assert erased.result(timeout=LONGEST_S).erased_at
    assert rows_of(WaitingDriver) == []


def test_another_driver_is_asked_when_the_first_declines(scene, run_jobs):
    scene.changes["OFFERS_PER_LOAD"] = 1
    drivers = scene.drivers(2)
    for driver in drivers:
        scene.search(driver)
    post(scene)
    run_jobs(**scene.changes)
    run_all(run_jobs, scene)
    ((rung, first),) = [(d, o) for d in drivers for o in open_offers(d)]
    (full,) = queued("search.wake")
    assert full.scheduled_at == first.expires_at
    decline(rung, first.id)

    run_all(run_jobs, scene)
    run_all(run_jobs, scene)

    (other,) = [d for d in drivers if d is not rung]
    assert len(open_offers(other)) == 1


def test_freight_that_was_declined_rings_nobody_when_it_is_posted_again(
    scene, run_jobs
):
    driver = scene.driver()
    scene.search(driver)
    post(scene)
    run_jobs(**scene.changes)
    (first,) = open_offers(driver)
    decline(driver, first.id)

    post(scene, price_cents=260_000)
    run_all(run_jobs, scene)

    assert len(searches(driver)) == 2
    with Session.begin() as session:
        after = first.created_at - timedelta(minutes=5)
        session.execute(update(Offer).values(created_at=after))
        session.execute(update(WaitingDriver).values(since=after))
    run_all(run_jobs, scene)
    assert len(searches(driver)) == 3
    assert [o.id for o in rows_of(Offer)] == [first.id]
