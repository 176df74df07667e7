"""The company's costs and countries: who sets them, what they may be, who sees them."""

from typing import Any

import pytest
from sqlalchemy import text

from freight.costs import COST_CENTS_PER_KM, HOUR_CENTS
from freight.roles import Role
from runtime.db import Session
from tests.world import Caller, World

PATH = "/v1/organisation"
COSTS = {"cost_cents_per_km": 96.9, "hour_cents": 2_500}


class TestCosts:
    def test_are_our_defaults_until_they_are_set_and_say_so(self, boss: Caller) -> None:
        shown = boss.get(PATH)

        assert shown["cost_cents_per_km"] == pytest.approx(COST_CENTS_PER_KM)
        assert shown["hour_cents"] == HOUR_CENTS
        assert (shown["cost_is_default"], shown["hour_is_default"]) == (True, True)

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.DISPATCHER])
    def test_are_set_by_admin_and_dispatcher_and_kept(
        self, world: World, boss: Caller, role: Role
    ) -> None:
        desk = world.member(boss, role)

        changed = desk.patch(PATH, COSTS)

        own = {"cost_is_default": False, "hour_is_default": False}
        assert changed.status == 200
        assert changed.body.items() >= (COSTS | own).items()
        assert boss.get(PATH).body == changed.body
        assert boss.patch(PATH, {"hour_cents": 0})["cost_cents_per_km"] == 96.9
        back = boss.patch(PATH, dict.fromkeys(COSTS))
        assert (back["cost_is_default"], back["hour_is_default"]) == (True, True)

    def test_are_not_of_a_driver(self, world: World, boss: Caller) -> None:
        driver = world.member(boss, Role.DRIVER)

        assert driver.get(PATH).code == "missing-permission"
        assert driver.patch(PATH, COSTS).code == "missing-permission"
        assert "cost_cents_per_km" not in driver.get("/v1/me")["organisation"]

    @pytest.mark.parametrize(
        ("fields", "pointer", "words"),
        [
            ({"cost_cents_per_km": 0}, "cost_cents_per_km", "from 10 to 1,000"),
            ({"cost_cents_per_km": 9.99}, "cost_cents_per_km", "from 10 to 1,000"),
            ({"cost_cents_per_km": 100_000}, "cost_cents_per_km", "from 10 to 1,000"),
            ({"cost_cents_per_km": "97"}, "cost_cents_per_km", "number"),
            ({"cost_cents_per_km": float("nan")}, "cost_cents_per_km", ""),
            ({"hour_cents": -1}, "hour_cents", "from 0 to 20,000"),
            ({"hour_cents": 20_001}, "hour_cents", "from 0 to 20,000"),
            ({"hour_cents": 10.5}, "hour_cents", "integer"),
            ({"name": "Another"}, "name", ""),
        ],
        ids=str,
    )
    def test_out_of_range_are_refused_with_the_range(
        self, boss: Caller, fields: dict[str, Any], pointer: str, words: str
    ) -> None:
        before = boss.get(PATH).body

        refused = boss.patch(PATH, fields)

        assert (refused.status, refused.code) == (422, "invalid-request")
        (error,) = refused["errors"]
        assert error["pointer"] == f"#/{pointer}"
        assert words in error["detail"]
        assert boss.get(PATH).body == before

    @pytest.mark.parametrize("cents", [10, 1_000])
    def test_at_the_edges_of_the_range_are_taken(
        self, boss: Caller, cents: int
    ) -> None:
        assert boss.patch(PATH, {"cost_cents_per_km": cents}).status == 200

    def test_are_changed_only_as_they_were_seen(self, boss: Caller) -> None:
        seen = boss.get(PATH).headers["ETag"]
        boss.patch(PATH, COSTS)

        late = boss.patch(PATH, {"hour_cents": 1}, If_Match=seen)
        blind = boss.patch(PATH, {"hour_cents": 1}, If_Match="")

        assert (late.status, blind.status) == (412, 428)
        assert boss.get(PATH)["hour_cents"] == 2_500

    def test_of_one_company_are_not_those_of_another(
        self, world: World, boss: Caller
    ) -> None:
        boss.patch(PATH, COSTS)

        other = world.company()

        assert other.get(PATH)["cost_is_default"] is True
        assert other.get(PATH)["id"] != boss.get(PATH)["id"]

    def test_are_all_that_the_app_may_write_of_a_company(self, world: World) -> None:
        with Session() as session:
            written = session.scalars(
                text(
                    "select attname::text from pg_attribute"
                    " where attrelid = 'organisations'::regclass and attnum > 0"
                    " and has_column_privilege('backhaul_app', attrelid, attnum,"
                    " 'update') order by 1"
                )
            ).all()

        assert written == ["cost_cents_per_km", "countries", "hour_cents", "version"]


class TestCountries:
    def test_are_none_until_they_are_set_and_kept_once_in_order(
        self, boss: Caller
    ) -> None:
        assert boss.get(PATH)["countries"] is None

        changed = boss.patch(PATH, {"countries": ["US", "MX", "CA", "US"]})

        assert changed["countries"] == ["CA", "MX", "US"]
        assert boss.patch(PATH, COSTS)["countries"] == ["CA", "MX", "US"]
        assert boss.get(PATH)["countries"] == ["CA", "MX", "US"]
        assert boss.patch(PATH, {"countries": None})["countries"] is None

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.DISPATCHER])
    def test_are_set_by_admin_and_dispatcher(
        self, world: World, boss: Caller, role: Role
    ) -> None:
        desk = world.member(boss, role)

        assert desk.patch(PATH, {"countries": ["CA"]})["countries"] == ["CA"]

    def test_are_not_set_by_a_driver(self, world: World, boss: Caller) -> None:
        driver = world.member(boss, Role.DRIVER)

        refused = driver.patch(PATH, {"countries": ["CA", "US"]})

        assert refused.code == "missing-permission"
        assert boss.get(PATH)["countries"] is None

    @pytest.mark.parametrize(
        ("countries", "pointer"),
        [
            ([], "#/countries"),
            (["us"], "#/countries/0"),
            (["US", "USA"], "#/countries/1"),
            ("US", "#/countries"),
            (["US"] * 21, "#/countries"),
        ],
        ids=str,
    )
    def test_out_of_form_are_pointed_at(
        self, boss: Caller, countries: Any, pointer: str
    ) -> None:
        refused = boss.patch(PATH, {"countries": countries})

        assert (refused.status, refused.code) == (422, "invalid-request")
        assert [error["pointer"] for error in refused["errors"]] == [pointer]
        assert boss.get(PATH)["countries"] is None

    def test_of_one_company_are_not_those_of_another(
        self, world: World, boss: Caller
    ) -> None:
        boss.patch(PATH, {"countries": ["CA", "US"]})

        assert world.company().get(PATH)["countries"] is None

    def test_change_while_a_load_is_carried_which_goes_on(
        self, world: World, boss: Caller
    ) -> None:
        driver = world.driver(boss)
        planned = world.assign(boss, driver, world.load(world.shipper()))

        assert boss.patch(PATH, {"countries": ["CA"]}).status == 200

        carried = driver.get(f"/v1/assignments/{planned['id']}")
        assert carried["status"] == "active"
