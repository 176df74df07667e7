"""Which waiting drivers a load finds, and what it knows of their trucks."""

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import update

from freight.columns import seconds_of
from freight.waiting import longest_s
from geo.distance import haversine_m
from geo.points import Point
from models.fleet.drivers import Driver
from models.fleet.trucks import Truck
from models.offers.offers import Offer
from models.people.organisations import Organisation
from models.search.waiting import WaitingDriver
from runtime.db import Session
from services.search import run
from tests.services import scene as staging
from tests.services.scene import decline, open_offers, rows_of
from tests.services.search.test_waiting import change, let_a_minute_pass, post, searches
from tests.services.search.test_waiting_edited import truck_of, trucks_for
from tests.world import CLEVELAND, GARY, HOUSTON, NEW_YORK, ROADS, utcnow


@pytest.fixture
def driver(scene):
    """A driver who found nothing at their drop in New York, and waits."""
    made = scene.driver()
    scene.search(made)
    return made


def seen(driver, place) -> None:
    with Session.begin() as session:
        staging.last_seen(session, driver, place, corrected_at=utcnow())


INDIANAPOLIS, SAINT_LOUIS = Point(39.77, -86.16), Point(38.63, -90.20)


class TestTheDriversOwnLimit:
    def test_is_how_far_they_go_empty(self, scene, driver):
        change(Driver, driver.driver_id, max_deadhead_m=50_000)

        trucks = trucks_for(scene, post(scene))

        assert trucks.max_deadhead_m.tolist() == [50_000]

    @pytest.mark.parametrize(
        ("limit_m", "is_found"), [(None, False), (100_000, False), (900_000, True)]
    )
    def test_decides_who_is_near(self, scene, driver, limit_m, is_found):
        """Cleveland is 650 km from New York; our own limit is 400."""
        change(Driver, driver.driver_id, max_deadhead_m=limit_m)

        assert len(trucks_for(scene, post(scene, CLEVELAND))) == is_found


class TestCosts:
    def test_are_the_trucks_own(self, scene, driver):
        own = {"cost_empty_cents_per_km": 50.0, "cost_loaded_cents_per_km": 70.0}
        change(Truck, truck_of(driver), hour_cents=3_100, **own)
        change(Organisation, scene.carrier.org_id, cost_cents_per_km=90, hour_cents=9)

        trucks = trucks_for(scene, post(scene))

        assert trucks.cost_empty_cents_per_km.tolist() == [50]
        assert trucks.cost_loaded_cents_per_km.tolist() == [70]
        assert trucks.hour_cents.tolist() == [3_100]

    def test_are_else_those_of_the_company(self, scene, driver):
        change(
            Organisation, scene.carrier.org_id, cost_cents_per_km=90, hour_cents=2_900
        )

        trucks = trucks_for(scene, post(scene))

        assert trucks.cost_empty_cents_per_km.tolist() == [90]
        assert trucks.cost_loaded_cents_per_km.tolist() == [90]
        assert trucks.hour_cents.tolist() == [2_900]


class TestALoad:
    def test_that_they_declined_does_not_find_them(self, scene, run_jobs, driver):
        load_id = self.offered(scene, run_jobs, driver)
        decline(driver, open_offers(driver)[0].id)

        assert len(trucks_for(scene, load_id)) == 0

    def test_that_they_hold_does_not_find_them(self, scene, run_jobs, driver):
        assert len(trucks_for(scene, self.offered(scene, run_jobs, driver))) == 0

    def test_whose_offer_was_superseded_finds_them(self, scene, run_jobs, driver):
        load_id = self.offered(scene, run_jobs, driver)
        with Session.begin() as session:
            session.execute(update(Offer).values(status="superseded"))

        assert len(trucks_for(scene, load_id)) == 1

    def test_that_is_to_be_judged_for_them_does_not_find_them(self, scene, driver):
        load_id, other = post(scene), post(scene, weight_kg=9_000)
        with Session.begin() as session:
            session.execute(update(WaitingDriver).values(load_ids=[load_id]))

        assert len(trucks_for(scene, load_id)) == 0
        assert len(trucks_for(scene, other)) == 1

    def offered(self, scene, run_jobs, driver) -> UUID:
        load_id = post(scene)
        run_jobs(**scene.changes)
        assert [o.load_id for o in open_offers(driver)] == [load_id]
        return load_id

    def test_finds_a_driver_who_was_done_on_another_day(self, scene, run_jobs, driver):
        self.offered(scene, run_jobs, driver)
        decline(driver, open_offers(driver)[0].id, "done_for_today")
        later = post(scene, weight_kg=9_000)
        assert len(trucks_for(scene, later)) == 0

        scene.search(driver)

        assert len(trucks_for(scene, post(scene, weight_kg=5_000))) == 1

    @pytest.mark.parametrize(
        ("model", "values"),
        [
            (Truck, {"equipment": "flatbed"}),
            (Driver, {"home_lat": None, "home_lon": None}),
        ],
        ids=["another type of truck", "no home on file"],
    )
    def test_does_not_find_who_cannot_take_it(self, scene, driver, model, values):
        row_id = truck_of(driver) if model is Truck else driver.driver_id
        change(model, row_id, **values)

        assert len(trucks_for(scene, post(scene))) == 0


class TestWishes:
    def test_count_if_they_are_soft_and_of_a_lane(self, scene, driver):
        lane = {"kind": "lane", "from_state": "NJ", "is_hard": False, "cents": 5_000}
        others = [
            lane | {"is_hard": True, "to_state": "IL"},
            {"kind": "no_nights", "is_hard": False, "cents": 700},
        ]
        change(Driver, driver.driver_id, preferences=[lane, *others])

        trucks = trucks_for(scene, post(scene))

        assert trucks.wishes_cents.tolist() == [5_000]


class TestWhenTheyAreFree:
    @pytest.mark.parametrize("hours", [-5, 5])
    def test_is_not_before_now(self, scene, driver, hours):
        free_at = utcnow() + timedelta(hours=hours)
        with Session.begin() as session:
            session.execute(update(WaitingDriver).values(free_at=free_at))

        (found_s,) = trucks_for(scene, post(scene)).free_at.tolist()

        wanted_s = seconds_of(max(free_at, utcnow()))
        assert found_s == pytest.approx(wanted_s, abs=60)

    def test_is_now_in_a_search_of_loads_that_came(self, scene, run_jobs, driver):
        with Session.begin() as session:
            before = utcnow() - timedelta(hours=5)
            session.execute(update(WaitingDriver).values(free_at=before))
        now = utcnow()
        post(scene)

        run_jobs(**scene.changes)

        _, woken = searches(driver)
        assert datetime.fromisoformat(woken.situation["free_at"]) >= now


def test_a_search_of_what_came_says_nothing_of_the_rest(scene, run_jobs, driver):
    """It judged one load; for a step deck there would be another one."""
    change(Truck, truck_of(driver), hour_cents=20_000)
    change(Driver, driver.driver_id, home_lat=GARY.lat, home_lon=GARY.lon)
    post(scene, price_cents=500_000, equipment=["step_deck"])
    post(scene, price_cents=60_000)

    run_jobs(**scene.changes)

    _, woken = searches(driver)
    assert (woken.outcome, woken.relaxations) == ("nothing_found", [])


class TestALoadThatIsNotStraightOnTheWayHome:
    """By air, before any road is asked for."""

    @pytest.mark.parametrize(
        ("delivery", "is_found"), [(INDIANAPOLIS, True), (SAINT_LOUIS, False)]
    )
    def test_is_found_if_the_detour_may_be_allowed(
        self, scene, driver, delivery, is_found
    ):
        found = trucks_for(scene, post(scene, delivery=delivery))

        assert len(found) == is_found

    def test_is_found_for_a_truck_that_has_moved_away_from_home(self, scene):
        driver = scene.driver()
        scene.search(driver, at=CLEVELAND)
        seen(driver, NEW_YORK)

        assert len(trucks_for(scene, post(scene))) == 1


class TestWhereTheyAre:
    def test_is_not_where_they_were_before_the_drop(self, scene, driver):
        before = utcnow() - timedelta(minutes=10)
        with Session.begin() as session:
            staging.last_seen(session, driver, HOUSTON, corrected_at=before)

        assert len(trucks_for(scene, post(scene, HOUSTON))) == 0
        assert len(trucks_for(scene, post(scene))) == 1

    def test_makes_the_way_home_longer_by_what_a_road_may_be(self, scene, driver):
        """In Cleveland they are on their way home: nothing says how much is left."""
        (row,) = rows_of(WaitingDriver)
        seen(driver, CLEVELAND)

        trucks = trucks_for(scene, post(scene, CLEVELAND))

        more_m = 2 * ceil(haversine_m(NEW_YORK, CLEVELAND))
        assert trucks.baseline_m.tolist() == [row.baseline_m + more_m]
        assert trucks.baseline_s.tolist() == [row.baseline_s + longest_s(more_m)]

    def test_is_where_the_truck_was_seen_last(self, scene, driver):
        there, here = post(scene, HOUSTON), post(scene)
        assert len(trucks_for(scene, there)) == 0
        assert len(trucks_for(scene, here)) == 1

        seen(driver, HOUSTON)

        assert len(trucks_for(scene, there)) == 1
        assert len(trucks_for(scene, here)) == 0

    def test_is_noted_by_a_search_of_loads_that_came(self, scene, run_jobs, driver):
        (before,) = rows_of(WaitingDriver)
        seen(driver, CLEVELAND)
        post(scene, CLEVELAND, price_cents=150_000)
        let_a_minute_pass(driver)

        run_jobs(**scene.changes)

        assert len(searches(driver)) == 2
        (row,) = rows_of(WaitingDriver)
        assert (before.point, row.point) == (NEW_YORK, CLEVELAND)
        assert row.baseline_m < before.baseline_m / 2
        trucks = trucks_for(scene, post(scene, CLEVELAND))
        assert trucks.baseline_m.tolist() == [row.baseline_m]
        assert np.allclose(trucks.place.lat, ROADS.places([CLEVELAND]).lat)


class TestWaitingEnds:
    """By a search that finds that the driver may not be offered anything."""

    @pytest.mark.parametrize(
        ("why", "outcome", "ends"),
        [
            ("they have a load", "driver_busy", True),
            ("they go off duty", "driver_off_duty", True),
            ("they rest", "driver_off_duty", True),
            ("they lose their truck", "driver_incomplete", False),
            ("their company is suspended", "company_suspended", False),
        ],
    )
    def test_unless_others_may_mend_it(
        self, scene, run_jobs, driver, why, outcome, ends
    ):
        post(scene)
        run_jobs(only="search.wake", **scene.changes)
        match why:
            case "they have a load":
                scene.assigned(driver, scene.load(weight_kg=9_000))
            case "they go off duty":
                change(Driver, driver.driver_id, availability="off_duty")
            case "they rest":
                change(Driver, driver.driver_id, availability="resting")
            case "they lose their truck":
                change(Driver, driver.driver_id, truck_id=None)
            case "their company is suspended":
                change(Organisation, scene.carrier.org_id, suspended_at=utcnow())

        job = {"driver_id": UUID(driver.driver_id), "now": utcnow()}
        with Session.begin() as session:
            found = run.search_woken(session, scene.rules, **job)

        assert found.outcome == outcome
        assert open_offers(driver) == []
        assert len(rows_of(WaitingDriver)) == (0 if ends else 1)
