"""Drivers who begin to wait after a load was lost, two who are woken at once, and one
who is woken while their own search runs."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.market.market import Market
from services.search import run, waiting
from tests.services import scene as staging
from tests.services.scene import Scene, open_offers, queued, rows_of
from tests.services.search.test_waiting import post, wake_for
from tests.waiting import LONGEST_S
from tests.world import NEW_YORK, utcnow


def lose_a_load(scene: Scene, driver) -> UUID:
    """Give the driver a load, and take it away; return the assignment."""
    assignment_id = scene.assigned(driver, scene.load())
    path = f"/v1/assignments/{assignment_id}/override"
    answer = scene.carrier.post(path, {"kind": "unassign", "reason": "safety"})
    assert answer.status in {200, 201}, answer.body
    return assignment_id


class TestADriverWhoLostALoad:
    def test_waits_before_their_search_and_is_found_by_a_load(self, scene):
        driver = scene.driver()
        assignment_id = lose_a_load(scene, driver)

        begin = {"assignment_id": assignment_id, "now": utcnow()}
        with Session.begin() as session:
            waiting.begin_after_end(session, **begin)

        (row,) = rows_of(WaitingDriver)
        assert (row.point, row.baseline_m) == (NEW_YORK, None)
        load_id = post(scene, weight_kg=9_000)
        with Session.begin() as session:
            assert wake_for(session, scene, load_id) == [UUID(driver.driver_id)]

    def test_begins_once_for_one_loss(self, scene, run_jobs):
        driver = scene.driver()
        assignment_id = lose_a_load(scene, driver)
        run_jobs(**scene.changes)
        (before,) = rows_of(WaitingDriver)
        assert before.baseline_m is not None

        with Session.begin() as session:
            begin = {"assignment_id": assignment_id, "now": utcnow()}
            waiting.begin_after_end(session, **begin)

        (row,) = rows_of(WaitingDriver)
        assert (row.since, row.baseline_m) == (before.since, before.baseline_m)

    def test_whose_place_is_not_known_does_not_wait(self, scene):
        driver = scene.driver()
        assignment_id = lose_a_load(scene, driver)
        with Session.begin() as session:
            session.execute(text("delete from last_positions"))
        with Session.begin() as session:
            begin = {"assignment_id": assignment_id, "now": utcnow()}
            waiting.begin_after_end(session, **begin)

        assert rows_of(WaitingDriver) == []


def test_two_loads_that_wake_the_same_drivers_do_not_wait_for_each_other(committed):
    """Rows are locked by id: one transaction has the first driver's row, and goes on to
    the second one's, while a load wakes both."""
    scene = Scene(committed)
    first, second = scene.drivers(2)
    assert UUID(first.driver_id) < UUID(second.driver_id)
    for driver in (second, first):
        scene.search(driver)
    load_id = post(scene)

    def lock(session, driver):
        of_driver = WaitingDriver.driver_id == UUID(driver.driver_id)
        session.execute(select(WaitingDriver).where(of_driver).with_for_update())

    with staging.waiting(
        lambda session: lock(session, first),
        lambda session: wake_for(session, scene, load_id),
    ) as (session, woken):
        lock(session, second)

    assert set(woken.result(timeout=LONGEST_S)) == {
        UUID(first.driver_id),
        UUID(second.driver_id),
    }


class Looking(Market):
    """Says whether the row of the driver who waits is locked while a search reads."""

    was_locked = None

    @contextmanager
    def lend(self):
        query = select(WaitingDriver).with_for_update(nowait=True)
        try:
            with Session() as other:
                other.scalars(query).one()
            self.was_locked = False
        except OperationalError:
            self.was_locked = True
        with super().lend() as listed:
            yield listed


def test_a_driver_who_is_woken_while_their_drop_is_searched_is_rung_once(committed):
    """The drop's search has the row before it reads the market: the search of a load
    that came meanwhile waits for it, and is put off for a minute."""
    scene = Scene(committed)
    driver = scene.driver()
    drop = {"stop_id": scene.drop(), "driver_id": UUID(driver.driver_id)}
    before = post(scene)
    with Session.begin() as session:
        waiting.begin_after_drop(session, now=utcnow(), **drop)
    came = post(scene, weight_kg=9_000)
    with Session.begin() as session:
        assert wake_for(session, scene, came) == [UUID(driver.driver_id)]
    market = Looking(scene.rules.roads)
    rules = replace(scene.rules, market=market)

    with staging.waiting(
        lambda session: run.search_home(session, rules, now=utcnow(), **drop),
        lambda session: run.search_woken(
            session, rules, driver_id=UUID(driver.driver_id), now=utcnow()
        ),
    ) as (_, woken):
        pass

    assert market.was_locked is True
    assert woken.result(timeout=LONGEST_S) is None
    assert {offer.load_id for offer in open_offers(driver)} == {before, came}
    assert len({offer.created_at for offer in open_offers(driver)}) == 1
    put_off = queued("search.woken")[-1]
    assert put_off.scheduled_at > utcnow() + timedelta(seconds=30)
