"""Drivers who wait, and who are edited meanwhile: the empty way home that is known of
them counts only for the home and the crew of which it was."""

from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from models.fleet.drivers import Availability, Driver
from models.people.organisations import Member
from runtime.db import Session
from services.judging.candidates import candidate
from services.search import who_waits
from tests.services.scene import Scene, open_offers
from tests.services.search.drops import edit
from tests.services.search.test_waiting import change, let_a_minute_pass, post
from tests.world import CHICAGO, CLEVELAND, ROADS, utcnow


def trucks_for(scene: Scene, load_id: UUID):
    """Return the trucks that wait and may be offered the load."""
    with Session() as session:
        load = candidate(session, load_id)
        assert load is not None
        found = who_waits.for_loads(
            *(session, {load_id: load}, {load_id: utcnow()}, ROADS),
            parameters=scene.rules.parameters,
            ring_every=scene.rules.offers.ring_every,
            rings_per_day=6,
        )
    return found[load_id].trucks if found else ()


def truck_of(driver) -> UUID | None:
    with Session() as session:
        of_driver = Driver.id == UUID(driver.driver_id)
        return session.scalar(select(Driver.truck_id).where(of_driver))


class TestTheEmptyWayHome:
    @pytest.fixture
    def driver(self, scene):
        return scene.driver()

    @pytest.fixture
    def mate(self, scene):
        """A driver who may join the driver's truck, or leave it."""
        return scene.driver()

    @pytest.mark.parametrize(
        ("begin", "then", "is_known"),
        [
            ("alone", "nothing", True),
            ("alone", "the home is edited", False),
            ("alone", "the mate joins", False),
            ("alone", "they get the mate's truck", False),
            ("together", "nothing", True),
            ("together", "the mate is off duty", False),
            ("together", "the mate is gone", False),
            ("together", "the mate gets no truck", False),
            ("together", "the mate rests", True),
        ],
    )
    def test_is_known_only_of_the_home_and_crew_that_were_searched_for(
        self, scene, driver, mate, begin, then, is_known
    ):
        if begin == "together":
            change(Driver, mate.driver_id, truck_id=truck_of(driver))
        scene.search(driver)
        match then:
            case "the home is edited":
                edit(driver, scene, home_lat=CLEVELAND.lat, home_lon=CLEVELAND.lon)
            case "the mate joins":
                edit(mate, scene, truck_id=str(truck_of(driver)))
            case "they get the mate's truck":
                edit(driver, scene, truck_id=str(truck_of(mate)))
            case "the mate is off duty":
                edit(mate, scene, availability="off_duty")
            case "the mate is gone":
                change(Member, mate.member_id, deactivated_at=utcnow())
            case "the mate gets no truck":
                edit(mate, scene, truck_id=None)
            case "the mate rests":
                change(Driver, mate.driver_id, availability=Availability.RESTING)

        trucks = trucks_for(scene, post(scene))

        assert len(trucks) == 1
        assert np.isfinite(trucks.baseline_m).tolist() == [is_known]
        assert np.isfinite(trucks.baseline_s).tolist() == [is_known]

    def test_is_known_again_after_the_next_search(self, scene, run_jobs, driver):
        scene.search(driver)
        edit(driver, scene, home_lat=CLEVELAND.lat, home_lon=CLEVELAND.lon)
        post(scene, delivery=CLEVELAND)
        run_jobs(**scene.changes)
        assert len(open_offers(driver)) == 1

        trucks = trucks_for(scene, post(scene, delivery=CLEVELAND))

        assert np.isfinite(trucks.baseline_m).tolist() == [True]


def test_a_load_that_is_worth_it_only_for_the_new_home_rings(scene, run_jobs):
    driver = scene.driver(home=CLEVELAND)
    scene.search(driver)
    edit(driver, scene, home_lat=CHICAGO.lat, home_lon=CHICAGO.lon)

    load_id = post(scene, price_cents=90_000)
    let_a_minute_pass(driver)
    run_jobs(**scene.changes)

    assert [o.load_id for o in open_offers(driver)] == [load_id]
