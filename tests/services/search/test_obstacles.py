"""What keeps a search from starting, and the situation it starts from."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from models.loads.stops import Stop
from runtime.db import Session
from services.search import run
from tests.services.scene import (
    Scene,
    open_offers,
)
from tests.services.search.drops import edit
from tests.world import CLEVELAND, utcnow


class TestObstacles:
    def outcome(self, scene, driver):
        scene.load()
        search = scene.search(driver)
        assert open_offers(driver) == []
        assert (search.situation, search.ranked, search.counts) == ({}, [], {})
        listed = driver.get("/v1/backhaul-searches")["data"]
        assert [row["outcome"] for row in listed] == [search.outcome]
        return search.outcome

    def test_a_busy_driver(self, scene):
        driver = scene.driver()
        scene.assigned(driver, scene.load(pickup=CLEVELAND))

        assert self.outcome(scene, driver) == "driver_busy"

    @pytest.mark.parametrize("availability", ["off_duty", "resting"])
    def test_a_driver_who_wants_no_load(self, scene, availability):
        driver = scene.driver()
        edit(driver, scene, availability=availability)

        assert self.outcome(scene, driver) == "driver_off_duty"

    @pytest.mark.parametrize(
        "gap", [{"truck_id": None}, {"home_lat": None, "home_lon": None}], ids=str
    )
    def test_a_driver_with_incomplete_data(self, scene, gap):
        driver = scene.driver()
        edit(driver, scene, **gap)

        assert self.outcome(scene, driver) == "driver_incomplete"

    def test_a_driver_who_gets_a_load_while_we_search(self, committed, monkeypatch):
        scene = Scene(committed)
        scene.load()
        driver = scene.driver()
        planned = scene.load(pickup=CLEVELAND)
        honest = run.candidates

        def slow(session, load_ids, **of_market):
            monkeypatch.undo()
            scene.assigned(driver, planned)
            return honest(session, load_ids, **of_market)

        monkeypatch.setattr(run, "candidates", slow)

        search = scene.search(driver)

        assert search.outcome == "driver_busy"
        assert open_offers(driver) == []
        assert search.counts["ranked"] == 1

    def test_a_home_on_the_other_side_of_the_earth(self, scene):
        scene.load()
        driver = scene.driver()
        edit(driver, scene, home_lat=-33.87, home_lon=151.21)

        assert self.outcome(scene, driver) == "home_out_of_reach"


class TestTheSituation:
    def test_a_trucks_own_cost_is_not_called_a_default(self, scene):
        scene.load()
        driver = scene.driver(cost_empty_cents_per_km=90, cost_loaded_cents_per_km=120)

        situation = scene.search(driver).situation

        assert situation["cost_empty_is_default"] is False
        assert situation["cost_empty_cents_per_km"] == 90
        assert situation["cost_loaded_cents_per_km"] == 120

    @pytest.mark.parametrize(
        ("truck", "driver", "is_allowed"),
        [(True, True, True), (True, False, False), (False, True, False)],
    )
    def test_hazmat_needs_truck_and_driver(self, scene, truck, driver, is_allowed):
        scene.load(has_hazmat=True)
        member = scene.driver(is_hazmat_allowed=truck)
        edit(member, scene, has_hazmat_endorsement=driver)

        search = scene.search(member)

        assert search.situation["is_hazmat_allowed"] is is_allowed
        assert search.counts["ranked"] == int(is_allowed)

    def test_a_late_report_does_not_start_the_truck_in_the_past(self, scene):
        scene.load()
        driver = scene.driver()
        stop_id = scene.drop()
        early, now = utcnow() - timedelta(hours=5), utcnow()
        with Session.begin() as session:
            session.execute(
                update(Stop)
                .where(Stop.id == stop_id)
                .values(status="completed", arrived_at=early, completed_at=early)
            )
            search = run.search_home(
                session,
                scene.rules,
                stop_id=stop_id,
                driver_id=UUID(driver.driver_id),
                now=now,
            )

        assert search.situation["free_at"] == now.isoformat()

    def test_home_by_is_kept_and_obeyed(self, scene):
        scene.load()
        driver = scene.driver()
        edit(driver, scene, home_by_at=(utcnow() + timedelta(hours=5)).isoformat())

        search = scene.search(driver)

        assert search.outcome == "nothing_found"
        stages = {
            stage["stage"]: stage["excluded"] for stage in search.counts["stages"]
        }
        assert stages["home_by"] == {"home_too_late": 1}
