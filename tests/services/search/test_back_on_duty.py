"""A driver who comes back on duty without a load waits, where they were seen last."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, text, update

from models.fleet.drivers import Availability, Driver
from models.fleet.positions import LastPosition
from models.search.waiting import WaitingDriver
from runtime.db import Session
from tests.services import scene as staging
from tests.services.scene import open_offers, queued, rows_of
from tests.services.search.drops import edit
from tests.services.search.test_waiting import change, post, searches
from tests.world import CHICAGO, CLEVELAND, NEW_YORK, utcnow


def goes(driver, availability: str) -> None:
    fields = {"availability": availability}
    answer = driver.patch(f"/v1/drivers/{driver.driver_id}", fields)
    assert answer.status == 200, answer.body


def seen(driver, place, hours: float = 0) -> None:
    """Let the driver's newest position be there, so many hours ago."""
    at = utcnow() - timedelta(hours=hours)
    with Session.begin() as session:
        staging.last_seen(session, driver, place, corrected_at=at)


def dropped_hours_ago(hours: int) -> None:
    with Session.begin() as session:
        ago = func.now() - text(f"interval '{hours} hours'")
        session.execute(update(WaitingDriver).values(since=ago, free_at=ago))


def row() -> WaitingDriver:
    (found,) = rows_of(WaitingDriver)
    return found


@pytest.fixture
def driver(scene):
    return scene.driver()


@pytest.mark.parametrize("absence", ["off_duty", "resting"])
def test_they_wait_where_they_were_seen_last_and_not_at_their_old_drop(
    scene, run_jobs, driver, absence
):
    scene.search(driver)
    dropped_hours_ago(10)
    goes(driver, absence)
    seen(driver, CLEVELAND, hours=2)

    goes(driver, "available")
    run_jobs(**scene.changes)

    assert row().point == CLEVELAND
    assert utcnow() - row().since < timedelta(minutes=1)
    assert row().baseline_m is None
    post(scene)
    run_jobs(**scene.changes)
    assert open_offers(driver) == []
    load_id = post(scene, CLEVELAND)
    run_jobs(**scene.changes)
    assert [o.load_id for o in open_offers(driver)] == [load_id]


def test_they_wait_again_though_their_waiting_had_ended(scene, run_jobs, driver):
    goes(driver, "off_duty")
    assert scene.search(driver).outcome == "driver_off_duty"
    assert rows_of(WaitingDriver) == []

    goes(driver, "available")
    run_jobs(**scene.changes)
    load_id = post(scene)
    run_jobs(**scene.changes)

    assert [o.load_id for o in open_offers(driver)] == [load_id]


def test_a_day_that_begins_empty_and_away_from_home_is_waited_through(
    scene, run_jobs, driver
):
    goes(driver, "off_duty")
    goes(driver, "available")
    run_jobs(**scene.changes)

    assert row().point == NEW_YORK
    assert searches(driver) == []


def test_at_the_last_stop_if_no_position_says_more(scene, run_jobs, driver):
    load = scene.world.load(scene.shipper, CLEVELAND, CHICAGO)
    scene.assigned(driver, load["id"])
    at = utcnow()
    change_stop = "update stops set status = 'arrived', arrived_at = :at where id = :id"
    with Session.begin() as session:
        session.execute(text(change_stop), {"at": at, "id": load["stops"][0]["id"]})
        session.execute(
            text("update assignments set status = 'released', ended_at = :at"),
            {"at": at + timedelta(minutes=1)},
        )
    change(Driver, driver.driver_id, availability=Availability.RESTING)
    seen(driver, NEW_YORK, hours=5)

    goes(driver, "available")
    run_jobs(only="search.begin_waiting", **scene.changes)

    assert row().point == CLEVELAND


def test_a_driver_who_is_home_does_not_wait(scene, run_jobs, driver):
    scene.search(driver)
    goes(driver, "off_duty")
    seen(driver, CHICAGO, hours=1)
    dropped_hours_ago(10)

    goes(driver, "available")
    run_jobs(**scene.changes)

    assert rows_of(WaitingDriver) == []


@pytest.mark.parametrize("why", ["they have a load", "they went off duty again"])
def test_a_driver_who_is_not_free_by_then_does_not_wait(scene, run_jobs, driver, why):
    goes(driver, "off_duty")
    goes(driver, "available")
    if why == "they have a load":
        scene.assigned(driver, scene.load())
    else:
        goes(driver, "off_duty")

    run_jobs(only="search.begin_waiting", **scene.changes)

    assert rows_of(WaitingDriver) == []


def test_nobody_begins_to_wait_by_another_edit(scene, driver):
    edit(driver, scene, availability="available", max_deadhead_m=100_000)
    goes(driver, "resting")
    goes(driver, "off_duty")

    assert queued("search.begin_waiting") == []


def test_a_driver_whose_place_is_not_known_is_not_looked_for_until_it_is(
    scene, run_jobs, driver
):
    """From where they were 13 hours ago they may have driven almost anywhere."""
    goes(driver, "off_duty")
    seen(driver, NEW_YORK, hours=13)
    goes(driver, "available")
    run_jobs(**scene.changes)
    post(scene)
    run_jobs(**scene.changes)
    assert searches(driver) == []

    seen(driver, NEW_YORK)
    load_id = post(scene, weight_kg=9_000)
    run_jobs(**scene.changes)

    assert [o.load_id for o in open_offers(driver)] == [load_id]


def test_a_driver_without_any_place_does_not_wait(scene, run_jobs, driver):
    goes(driver, "off_duty")
    with Session.begin() as session:
        session.execute(
            LastPosition.__table__.delete().where(
                LastPosition.driver_id == UUID(driver.driver_id)
            )
        )
    goes(driver, "available")
    run_jobs(**scene.changes)

    assert rows_of(WaitingDriver) == []


def test_a_position_of_hours_ago_says_more_than_the_drop_before(
    scene, run_jobs, driver
):
    scene.search(driver)
    dropped_hours_ago(4)
    seen(driver, CLEVELAND, hours=3)

    load_id = post(scene, CLEVELAND)
    run_jobs(**scene.changes)

    (offer,) = open_offers(driver)
    assert offer.load_id == load_id
    assert offer.figures["deadhead_m"] < 50_000
