"""What keeps a search from starting, and the situation it starts from."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from models.loads.stops import Stop
from runtime.db import Session
from services.search import run
from tests.services.search.test_run import edit
from tests.services.stage import (
    Stage,
    open_offers,
)
from tests.world import CLEVELAND, utcnow


@pytest.fixture
def stage(world):
    return Stage(world)


class TestObstacles:
    def outcome(self, stage, driver):
        stage.load()
        search = stage.search(driver)
        assert open_offers(driver) == []
        assert (search.situation, search.ranked, search.counts) == ({}, [], {})
        listed = driver.get("/v1/backhaul-searches")["data"]
        assert [it["outcome"] for it in listed] == [search.outcome]
        return search.outcome

    def test_a_busy_driver(self, stage):
        driver = stage.driver()
        stage.assigned(driver, stage.load(pickup=CLEVELAND))

        assert self.outcome(stage, driver) == "driver_busy"

    @pytest.mark.parametrize("availability", ["off_duty", "resting"])
    def test_a_driver_who_wants_no_load(self, stage, availability):
        driver = stage.driver()
        edit(driver, stage, availability=availability)

        assert self.outcome(stage, driver) == "driver_off_duty"

    @pytest.mark.parametrize(
        "gap", [{"truck_id": None}, {"home_lat": None, "home_lon": None}], ids=str
    )
    def test_a_driver_of_whom_too_little_is_known(self, stage, gap):
        driver = stage.driver()
        edit(driver, stage, **gap)

        assert self.outcome(stage, driver) == "driver_incomplete"

    def test_a_driver_who_gets_a_load_while_we_search(self, committed, monkeypatch):
        stage = Stage(committed)
        stage.load()
        driver = stage.driver()
        planned = stage.load(pickup=CLEVELAND)
        honest = run.candidates_in

        def slow(session, area, **scope):
            monkeypatch.undo()
            stage.assigned(driver, planned)
            return honest(session, area, **scope)

        monkeypatch.setattr(run, "candidates_in", slow)

        search = stage.search(driver)

        assert search.outcome == "driver_busy"
        assert open_offers(driver) == []
        assert search.counts["ranked"] == 2 - 1

    def test_a_home_on_the_other_side_of_the_earth(self, stage):
        stage.load()
        driver = stage.driver()
        edit(driver, stage, home_lat=-33.87, home_lon=151.21)

        assert self.outcome(stage, driver) == "home_out_of_reach"


class TestTheSituation:
    def test_a_trucks_own_cost_is_not_called_a_default(self, stage):
        stage.load()
        driver = stage.driver(cost_empty_cents_per_km=90, cost_loaded_cents_per_km=120)

        situation = stage.search(driver).situation

        assert situation["cost_empty_is_default"] is False
        assert situation["cost_empty_cents_per_km"] == 90
        assert situation["cost_loaded_cents_per_km"] == 120

    @pytest.mark.parametrize(
        ("truck", "driver", "is_allowed"),
        [(True, True, True), (True, False, False), (False, True, False)],
    )
    def test_hazmat_needs_truck_and_driver(self, stage, truck, driver, is_allowed):
        stage.load(has_hazmat=True)
        it = stage.driver(is_hazmat_allowed=truck)
        edit(it, stage, has_hazmat_endorsement=driver)

        search = stage.search(it)

        assert search.situation["is_hazmat_allowed"] is is_allowed
        assert search.counts["ranked"] == int(is_allowed)

    def test_a_late_report_does_not_start_the_truck_in_the_past(self, stage):
        stage.load()
        driver = stage.driver()
        stop_id = stage.drop()
        early, now = utcnow() - timedelta(hours=5), utcnow()
        with Session.begin() as session:
            session.execute(
                update(Stop)
                .where(Stop.id == stop_id)
                .values(status="completed", arrived_at=early, completed_at=early)
            )
            search = run.search_home(
                session,
                stage.rules,
                stop_id=stop_id,
                driver_id=UUID(driver.driver_id),
                now=now,
            )

        assert search.situation["free_at"] == now.isoformat()

    def test_home_by_is_kept_and_obeyed(self, stage):
        stage.load()
        driver = stage.driver()
        edit(driver, stage, home_by_at=(utcnow() + timedelta(hours=5)).isoformat())

        search = stage.search(driver)

        assert search.outcome == "nothing_found"
        stages = {it["stage"]: it["excluded"] for it in search.counts["stages"]}
        assert stages["home_by"] == {"home_too_late": 1}
