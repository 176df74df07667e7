"""What a search knows of a driver and their truck, and where each figure is from."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from freight.costs import COST_CENTS_PER_KM, HOUR_CENTS
from freight.preferences import Preference, PreferenceKind, RankBy
from geo.points import Point
from models.fleet.drivers import Driver
from runtime.db import Session
from services.judging.situations import (
    CostSource,
    Known,
    company_of,
    situation_of,
    wishes_of,
)
from tests.services.booking.desk import change
from tests.services.scene import Scene
from tests.world import CHICAGO, DENVER, NEW_YORK, Caller, World

WEDNESDAY_NOON = datetime(2026, 7, 15, 17, 0, tzinfo=UTC)
"""Noon in Chicago."""

TORONTO = Point(43.6532, -79.3832)


@pytest.fixture
def driver(scene: Scene) -> Caller:
    return scene.driver()


def known(
    driver: Caller,
    *,
    drop: Point = NEW_YORK,
    home: Point = CHICAGO,
    free_at: datetime = WEDNESDAY_NOON,
) -> Known:
    with Session() as session:
        row = session.scalars(
            select(Driver)
            .where(Driver.id == UUID(driver.driver_id))
            .options(joinedload(Driver.truck))
            .execution_options(populate_existing=True)
        ).one()
        assert row.truck is not None
        company = company_of(session, row)
        return situation_of(
            row, row.truck, company, drop=drop, home=home, free_at=free_at
        )


def mine(driver: Caller) -> str:
    return f"id = '{driver.driver_id}'"


class TestCosts:
    def test_are_ours_if_nobody_says_any(self, driver: Caller) -> None:
        found = known(driver)

        situation = found.situation
        assert situation.cost_empty_cents_per_km == COST_CENTS_PER_KM
        assert situation.cost_loaded_cents_per_km == COST_CENTS_PER_KM
        assert situation.hour_cents == HOUR_CENTS
        record = found.to_record()
        for name in ("cost_empty_source", "cost_loaded_source", "hour_source"):
            assert record[name] == "default"
        assert record["cost_empty_is_default"] is record["cost_loaded_is_default"]
        assert record["cost_empty_is_default"] is True

    def test_are_the_companys_if_the_truck_has_none(self, driver: Caller) -> None:
        change("organisations", "cost_cents_per_km = 47.25, hour_cents = 1500")

        found = known(driver)

        situation = found.situation
        assert situation.cost_empty_cents_per_km == 47.25
        assert situation.cost_loaded_cents_per_km == 47.25
        assert situation.hour_cents == 1_500
        assert {found.cost_empty_source, found.cost_loaded_source} == {
            CostSource.COMPANY
        }
        assert found.hour_source is CostSource.COMPANY
        assert found.to_record()["cost_empty_is_default"] is False

    def test_are_the_trucks_own_before_all_others(self, driver: Caller) -> None:
        change("organisations", "cost_cents_per_km = 47, hour_cents = 1500")
        change("trucks", "cost_empty_cents_per_km = 80, hour_cents = 0")

        found = known(driver)

        situation = found.situation
        assert situation.cost_empty_cents_per_km == 80
        assert situation.cost_loaded_cents_per_km == 47
        assert situation.hour_cents == 0
        assert (found.cost_empty_source, found.cost_loaded_source) == (
            *(CostSource.TRUCK, CostSource.COMPANY),
        )
        assert found.hour_source is CostSource.TRUCK

    @pytest.mark.parametrize("cents", [0, 9.99, 1_000.01, 100_000])
    def test_that_no_truck_has_are_replaced_and_that_is_said(
        self, driver: Caller, cents: float
    ) -> None:
        change("trucks", f"cost_empty_cents_per_km = {cents}")

        found = known(driver)

        assert found.situation.cost_empty_cents_per_km == COST_CENTS_PER_KM
        record = found.to_record()
        assert record["cost_empty_source"] == "implausible"
        assert record["cost_empty_is_default"] is True
        assert record["cost_loaded_source"] == "default"

    @pytest.mark.parametrize("cents", [10, 1_000])
    def test_at_the_ends_of_what_can_be_are_believed(
        self, driver: Caller, cents: float
    ) -> None:
        change("trucks", f"cost_loaded_cents_per_km = {cents}")

        found = known(driver)

        assert found.situation.cost_loaded_cents_per_km == cents
        assert found.cost_loaded_source is CostSource.TRUCK

    def test_of_another_company_are_not_asked(
        self, driver: Caller, world: World
    ) -> None:
        other = world.company()
        change("organisations", "hour_cents = 1", f"id = '{other.org_id}'")

        assert known(driver).situation.hour_cents == HOUR_CENTS


class TestTheCrew:
    def test_is_two_drivers_of_one_truck(self, scene: Scene, driver: Caller) -> None:
        mate = scene.driver()
        assert known(driver).situation.is_crew is False
        same = f"(select truck_id from drivers where {mine(driver)})"

        change("drivers", f"truck_id = {same}", mine(mate))

        assert known(driver).situation.is_crew is True
        assert known(mate).situation.is_crew is True

    @pytest.mark.parametrize(
        ("table", "left", "is_crew"),
        [
            ("drivers", "availability = 'off_duty'", False),
            ("drivers", "availability = 'resting'", True),
            ("members", "deactivated_at = now()", False),
        ],
    )
    def test_is_those_who_are_on_the_truck(
        self, scene: Scene, driver: Caller, table: str, left: str, is_crew: bool
    ) -> None:
        mate = scene.driver()
        same = f"(select truck_id from drivers where {mine(driver)})"
        change("drivers", f"truck_id = {same}", mine(mate))

        mate_id = mate.driver_id if table == "drivers" else mate.member_id
        change(table, left, f"id = '{mate_id}'")

        assert known(driver).situation.is_crew is is_crew

    def test_is_not_made_by_drivers_without_a_truck(
        self, scene: Scene, driver: Caller
    ) -> None:
        for walker in scene.drivers(2):
            change("drivers", "truck_id = null", mine(walker))

        assert known(driver).situation.is_crew is False


class TestCountries:
    @pytest.mark.parametrize(
        ("own", "listed", "of_driver", "allowed"),
        [
            ("null", "null", "US", {"US"}),
            ("'MX'", "null", "MX", {"MX"}),
            ("'MX'", "'{MX,US}'", "MX", {"MX", "US"}),
            ("null", "'{CA,US}'", "US", {"CA", "US"}),
        ],
    )
    def test_are_those_of_the_driver_or_else_their_home_country(
        self, driver: Caller, own: str, listed: str, of_driver: str, allowed: set[str]
    ) -> None:
        change("organisations", "countries = '{CA,MX,US}'")
        change("drivers", f"country = {own}, countries = {listed}")

        situation = known(driver).situation

        assert situation.driver_country == of_driver
        assert situation.countries == allowed

    @pytest.mark.parametrize(
        ("company", "listed", "allowed"),
        [
            ("US", "null", {"US"}),
            ("MX", "null", {"MX"}),
            ("MX", "'{MX,US}'", {"MX", "US"}),
            ("US", "'{CA,US}'", {"CA", "US"}),
            # A country that the company leaves out, be it its own.
            ("US", "'{CA}'", {"CA"}),
            ("US", "'{GB}'", set()),
        ],
    )
    def test_are_those_of_the_company_too_or_else_its_home_country(
        self, driver: Caller, company: str, listed: str, allowed: set[str]
    ) -> None:
        change("organisations", f"country = '{company}', countries = {listed}")
        change("drivers", "country = 'US', countries = '{CA,MX,US}'")

        situation = known(driver).situation

        assert situation.carrier_country == company
        assert situation.countries == allowed

    @pytest.mark.parametrize("home", ["US", "CA"])
    def test_of_a_company_and_a_driver_that_say_nothing_are_their_home(
        self, driver: Caller, home: str
    ) -> None:
        change("organisations", f"country = '{home}'")

        assert known(driver).situation.countries == {home}

    def test_of_another_company_are_not_asked(
        self, world: World, driver: Caller
    ) -> None:
        other = world.company()
        change("organisations", "countries = '{CA,US}'", f"id = '{other.org_id}'")
        change("drivers", "countries = '{CA,US}'")

        assert known(driver).situation.countries == {"US"}

    def test_of_the_way_are_where_it_begins_and_ends(self, driver: Caller) -> None:
        situation = known(driver, drop=TORONTO).situation

        assert (situation.drop_country, situation.home_country) == ("CA", "US")

    def test_at_sea_are_not_known(self, driver: Caller) -> None:
        assert known(driver, drop=Point(30, -50)).situation.drop_country is None


class TestHomeBy:
    EVERY_FRIDAY = (
        'home_every = \'{"weekday": "fri", "at": "18:00", "zone": "America/Denver"}\''
    )
    FRIDAY = datetime(2026, 7, 18, 0, 0, tzinfo=UTC)

    def test_is_no_time_if_the_driver_says_none(self, driver: Caller) -> None:
        assert known(driver).situation.home_by_at is None

    def test_is_the_next_of_every_week_by_the_clock_of_its_zone(
        self, driver: Caller
    ) -> None:
        change("drivers", self.EVERY_FRIDAY)

        assert known(driver).situation.home_by_at == self.FRIDAY
        later = known(driver, free_at=self.FRIDAY.replace(hour=1)).situation
        assert later.home_by_at == self.FRIDAY.replace(day=25)

    @pytest.mark.parametrize(
        ("at", "first"),
        [
            ("2026-07-16T00:00:00Z", datetime(2026, 7, 16, tzinfo=UTC)),
            ("2026-07-30T00:00:00Z", FRIDAY),
        ],
    )
    def test_is_the_first_of_both(
        self, driver: Caller, at: str, first: datetime
    ) -> None:
        change("drivers", f"home_by_at = '{at}', {self.EVERY_FRIDAY}")

        assert known(driver).situation.home_by_at == first

    @pytest.mark.parametrize(("late_h", "counts"), [(23, True), (24, False)])
    def test_of_one_day_is_over_a_day_later(
        self, driver: Caller, late_h: int, counts: bool
    ) -> None:
        change("drivers", f"home_by_at = '{self.FRIDAY.isoformat()}'")

        late = known(driver, free_at=self.FRIDAY + timedelta(hours=late_h)).situation

        assert late.home_by_at == (self.FRIDAY if counts else None)


class TestTheDriver:
    def test_is_asked_for_their_wishes_and_their_order(self, driver: Caller) -> None:
        wish = '{"kind": "no_state", "state": "NY", "is_hard": false, "cents": 5000}'
        change("drivers", f"rank_by = 'home_time', preferences = '[{wish}]'")

        situation = known(driver).situation

        assert situation.rank_by is RankBy.HOME_TIME
        assert situation.preferences == (
            Preference(PreferenceKind.NO_STATE, cents=5_000, state="NY"),
        )
        assert wishes_of([]) == ()

    @pytest.mark.parametrize(
        ("home", "zone"), [(CHICAGO, "America/Chicago"), (DENVER, "America/Denver")]
    )
    def test_lives_by_the_clock_of_their_home(
        self, driver: Caller, home: Point, zone: str
    ) -> None:
        assert known(driver, home=home).situation.zone == zone

    def test_names_their_own_limits(self, driver: Caller) -> None:
        change("drivers", "max_deadhead_m = 5000, min_pay_cents_per_km = 90")

        situation = known(driver).situation

        assert (situation.max_deadhead_m, situation.min_pay_cents_per_km) == (5_000, 90)

    def test_is_known_again_from_the_record(self, driver: Caller) -> None:
        wish: dict[str, Any] = {"kind": "lane", "is_hard": True, "to_state": "IL"}
        with Session.begin() as session:
            row = session.get_one(Driver, UUID(driver.driver_id))
            row.preferences = [wish]
        change("drivers", f"countries = '{{CA,US}}', {TestHomeBy.EVERY_FRIDAY}")
        found = known(driver)

        assert type(found.situation).from_record(found.to_record()) == found.situation
