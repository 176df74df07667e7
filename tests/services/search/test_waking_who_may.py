"""Drivers who wait are woken only for loads that they may carry and want."""

from uuid import UUID

import pytest

from models.fleet.drivers import Driver
from models.fleet.trucks import Truck
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.search import wake
from tests.services.scene import let_time_run_out, offer_row, queued, rows_of
from tests.services.search.test_waiting import change, post, wake_for
from tests.services.search.test_waiting_edited import truck_of
from tests.world import NEWARK

COLD = {"equipment": ["reefer"], "temperature_min_c": -20, "temperature_max_c": -18}


def woken() -> set[str]:
    """Return the drivers for whom a search of the loads that came is owed."""
    return {job.args["driver_id"] for job in queued("search.woken")}


def wish(**fields) -> dict:
    return {"preferences": [{"is_hard": True, "cents": 0} | fields]}


class TestALoadThatADriverCannotOrWillNotTake:
    @pytest.mark.parametrize(
        ("of_driver", "of_truck", "of_load"),
        [
            ({}, {"equipment": "flatbed"}, {}),
            ({}, {"equipment": "reefer"}, {"takes_reefers": False}),
            ({}, {"payload_kg": 14_000}, {}),
            ({}, {"deck_length_m": 9.0}, {"length_m": 12.0}),
            ({}, {"is_hazmat_allowed": True}, {"has_hazmat": True}),
            ({"has_hazmat_endorsement": True}, {}, {"has_hazmat": True}),
            ({"country": "CA"}, {}, {}),
            ({"countries": ["CA"]}, {}, {}),
            (wish(kind="lane", from_state="NJ", to_state="TX"), {}, {}),
            (wish(kind="no_state", state="IL"), {}, {}),
            (wish(kind="no_cities"), {}, {}),
        ],
        ids=[
            *("another type", "no reefers", "too heavy", "too long"),
            *("the driver has no endorsement", "the truck is not allowed"),
            *("cabotage", "another country", "off lane"),
            *("a disliked state", "in a city"),
        ],
    )
    def test_wakes_them_not(self, scene, run_jobs, of_driver, of_truck, of_load):
        self.waiting(scene, of_driver, of_truck)

        post(scene, **of_load)
        assert run_jobs(only="search.wake", **scene.changes) == ["search.wake"]

        assert woken() == set()
        assert len(rows_of(WaitingDriver)) == 1

    @pytest.mark.parametrize(
        ("of_driver", "of_truck", "of_load"),
        [
            ({}, {"equipment": "reefer"}, {"takes_reefers": True}),
            ({}, {"payload_kg": None, "deck_length_m": None}, {"length_m": 12.0}),
            (
                {"has_hazmat_endorsement": True},
                {"is_hazmat_allowed": True},
                {"has_hazmat": True},
            ),
            ({}, {"equipment": "reefer"}, COLD),
            (wish(kind="lane", from_state="NJ", to_state="IL"), {}, {}),
            (wish(kind="no_state", state="TX"), {}, {}),
            # Asked by the search, which knows when they arrive.
            (wish(kind="no_nights"), {}, {}),
            (wish(kind="no_weekends"), {}, {}),
        ],
    )
    def test_but_wakes_those_who_may(
        self, scene, run_jobs, of_driver, of_truck, of_load
    ):
        driver = self.waiting(scene, of_driver, of_truck)

        post(scene, **of_load)
        run_jobs(only="search.wake", **scene.changes)

        assert woken() == {driver.driver_id}

    def waiting(self, scene, of_driver, of_truck):
        driver = scene.driver()
        scene.search(driver)
        truck_id = truck_of(driver)
        if of_driver:
            change(Driver, driver.driver_id, **of_driver)
        if of_truck:
            change(Truck, truck_id, **of_truck)
        return driver


def test_drivers_who_may_not_take_a_load_take_nobodys_place(scene, run_jobs):
    """Nearer trucks to which it would be worth more, many more than are asked at once,
    are too small."""
    scene.changes["OFFERS_PER_LOAD"] = 1
    for driver in scene.drivers(3 * (wake.SPARE + 1)):
        scene.search(driver, at=NEWARK)
        change(Truck, truck_of(driver), payload_kg=9_000)
    able = scene.driver()
    scene.search(able)

    post(scene)
    run_jobs(only="search.wake", **scene.changes)

    assert woken() == {able.driver_id}
    assert queued("search.wake") == []


def test_no_more_are_woken_than_a_load_has_places_and_a_few(scene, run_jobs):
    """Of the first that are asked most are too small, of the next none is."""
    scene.changes["OFFERS_PER_LOAD"] = 1
    for driver in scene.drivers(wake.SPARE):
        scene.search(driver, at=NEWARK)
        change(Truck, truck_of(driver), payload_kg=9_000)
    for driver in scene.drivers(wake.SPARE + 3):
        scene.search(driver)

    post(scene)
    run_jobs(only="search.wake", **scene.changes)

    assert len(woken()) == 1 + wake.SPARE


class TestALoadWhoseOnlyPlaceIsTaken:
    @pytest.fixture
    def taken(self, scene):
        """A load that is offered to one driver, and another who waits."""
        scene.changes["OFFERS_PER_LOAD"] = 1
        other = scene.driver()
        scene.search(other)
        load_id = scene.load()
        (offer_id,) = scene.offered(scene.driver())
        return load_id, offer_id, other

    def test_is_looked_at_once_more_however_often_it_came(self, scene, taken):
        load_id, offer_id, _ = taken
        expires_at = offer_row(offer_id).expires_at

        for _ in range(2):
            with Session.begin() as session:
                assert wake_for(session, scene, load_id) == []

        later = [job for job in queued("search.wake") if job.scheduled_at]
        assert [job.scheduled_at for job in later] == [expires_at]

    def test_has_room_again_when_that_offer_expired(self, scene, taken):
        """It is open until the sweep, but cannot be accepted."""
        load_id, offer_id, other = taken
        let_time_run_out(offer_id)

        with Session.begin() as session:
            assert wake_for(session, scene, load_id) == [UUID(other.driver_id)]
