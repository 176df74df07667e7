"""Drivers: home, limits, truck, availability."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from freight.roles import Role
from tests.world import CHICAGO, NEW_YORK, SOME_ID, Caller, World


def path(driver: Caller) -> str:
    return f"/v1/drivers/{driver.driver_id}"


class TestEditDriver:
    def test_changes_what_is_given_and_nothing_else(self, driver: Caller) -> None:
        before = driver.get(path(driver)).body
        changes = {
            "home_label": "Gary, IN",
            "home_by_at": "2026-12-24T18:00:00.000Z",
            "max_deadhead_m": 160_000.0,
            "min_pay_cents_per_km": 0.0,
            "availability": "resting",
        }

        after = driver.patch(path(driver), changes)

        assert after.body == before | changes
        assert driver.patch(path(driver), {}).body == after.body

    def test_null_removes_a_limit(self, driver: Caller) -> None:
        driver.patch(path(driver), {"max_deadhead_m": 1, "home_label": "x"})

        after = driver.patch(path(driver), {"max_deadhead_m": None, "home_label": None})

        assert (after["max_deadhead_m"], after["home_label"]) == (None, None)

    def test_times_with_an_offset_are_kept_as_utc(self, driver: Caller) -> None:
        body = {"home_by_at": "2026-12-24T18:00:00-06:00"}

        answer = driver.patch(path(driver), body)

        assert answer["home_by_at"] == "2026-12-25T00:00:00.000Z"

    def test_a_driver_is_shown_with_their_truck(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        truck_id = world.truck(boss, equipment="reefer")

        after = boss.patch(path(driver), {"truck_id": truck_id})
        without = boss.patch(path(driver), {"truck_id": None})

        assert (after["truck"]["id"], after["truck"]["equipment"]) == (
            truck_id,
            "reefer",
        )
        assert without["truck"] is None

    def test_an_unknown_truck_changes_nothing(self, driver: Caller) -> None:
        before = driver.get(path(driver)).body
        body = {"truck_id": str(uuid7()), "home_label": "elsewhere"}

        answer = driver.patch(path(driver), body)

        assert answer.code == "not-found"
        assert driver.get(path(driver)).body == before

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"home_lat": -87.6298, "home_lon": 41.8781}, "#/home_lat"),
            ({"home_lat": 91, "home_lon": 0}, "#/home_lat"),
            ({"home_lat": 41, "home_lon": -181}, "#/home_lon"),
            ({"home_lat": 0, "home_lon": 0}, "#/home_lat"),
            ({"home_lat": float("nan"), "home_lon": 1}, "#/home_lat"),
            ({"home_lat": 1, "home_lon": float("inf")}, "#/home_lon"),
            ({"home_lat": "41", "home_lon": -87}, "#/home_lat"),
            ({"home_lat": 41.9}, "#/home_lat"),
            ({"home_lon": -87.6}, "#/home_lat"),
            ({"home_lat": None, "home_lon": -87.6}, "#/home_lat"),
            ({"home_by_at": "2026-12-24T18:00:00"}, "#/home_by_at"),
            ({"home_by_at": "tomorrow"}, "#/home_by_at"),
            ({"home_by_at": 1_700_000_000}, "#/home_by_at"),
            ({"home_by_at": "0001-01-01T00:00:00+23:59"}, "#/home_by_at"),
            ({"home_by_at": "9999-12-31T23:59:59-10:00"}, "#/home_by_at"),
            ({"home_label": "a\0"}, "#/home_label"),
            ({"max_deadhead_m": -1}, "#/max_deadhead_m"),
            ({"max_deadhead_m": 1e10}, "#/max_deadhead_m"),
            ({"min_pay_cents_per_km": float("nan")}, "#/min_pay_cents_per_km"),
            ({"availability": "asleep"}, "#/availability"),
            ({"availability": None}, "#/availability"),
            ({"has_hazmat_endorsement": None}, "#/has_hazmat_endorsement"),
            ({"truck_id": "7"}, "#/truck_id"),
            ({"member_id": SOME_ID}, "#/member_id"),
        ],
        ids=str,
    )
    def test_a_wrong_field_is_pointed_at_and_nothing_changes(
        self, driver: Caller, fields: dict[str, Any], pointer: str
    ) -> None:
        before = driver.get(path(driver)).body

        answer = driver.patch(path(driver), fields | {"max_deadhead_m": 5} | fields)

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert [error["pointer"] for error in answer["errors"]] == [pointer]
        assert driver.get(path(driver)).body == before


class TestAvailability:
    def test_on_load_cannot_be_set_without_a_load(self, driver: Caller) -> None:
        answer = driver.patch(path(driver), {"availability": "on_load"})

        assert (answer.status, answer.code) == (409, "driver-busy")

    def test_a_driver_with_a_load_stays_on_load(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        load = world.load(world.shipper(), CHICAGO, NEW_YORK)
        world.assign(boss, driver, load)

        for word in ("available", "resting", "off_duty"):
            answer = driver.patch(path(driver), {"availability": word})
            assert (answer.status, answer.code) == (409, "driver-busy")
        assert driver.patch(path(driver), {"availability": "on_load"}).status == 200
        assert driver.patch(path(driver), {"max_deadhead_m": 1}).status == 200

    @pytest.mark.parametrize("word", ["available", "resting"])
    def test_only_the_driver_ends_their_time_off_duty(
        self, boss: Caller, driver: Caller, word: str
    ) -> None:
        assert boss.patch(path(driver), {"availability": "off_duty"}).status == 200
        before = driver.get(path(driver)).body

        refused = boss.patch(path(driver), {"availability": word, "max_deadhead_m": 7})

        assert (refused.status, refused.code) == (403, "missing-permission")
        assert driver.get(path(driver)).body == before
        same = {"availability": "off_duty", "max_deadhead_m": 7}
        assert boss.patch(path(driver), same).status == 200
        assert driver.patch(path(driver), {"availability": word}).status == 200
        assert boss.patch(path(driver), {"availability": "resting"}).status == 200

    def test_a_dispatcher_who_drives_ends_their_own(self, world: World) -> None:
        fleet = world.company()
        both = world.member(fleet, Role.DRIVER, Role.DISPATCHER)
        own = f"/v1/drivers/{both.get('/v1/me')['driver']['id']}"

        assert both.patch(own, {"availability": "available"}).status == 200


class TestWhoSeesWhom:
    def test_a_driver_sees_only_their_own_row_and_the_desk_sees_all(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        other = world.driver(boss, device=None)

        mine = [row["id"] for row in driver.get("/v1/drivers")["data"]]
        all_of_them = [row["id"] for row in boss.get("/v1/drivers")["data"]]

        assert mine == [driver.driver_id]
        assert all_of_them == [other.driver_id, driver.driver_id]

    def test_a_driver_who_also_dispatches_sees_all(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        both = world.member(boss, Role.DRIVER, Role.DISPATCHER)

        assert both.get(path(driver)).status == 200
        assert both.patch(path(driver), {"home_label": "x"}).status == 200


class TestMe:
    def test_shows_the_member_and_their_permissions(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        me = driver.get("/v1/me")

        assert me["driver"]["id"] == driver.driver_id
        assert me["organisation"]["kind"] == "carrier"
        assert me["assignments"] == []
        assert "stops:report" in me["permissions"]
        assert "members:manage" not in me["permissions"]
        assert boss.get("/v1/me")["driver"] is None
        assert "password_hash" not in str(me.body)

    def test_shows_the_drivers_load_and_its_stops(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        load = world.load(world.shipper(), CHICAGO, NEW_YORK)
        world.assign(boss, driver, load)

        carried = driver.get("/v1/me")["assignments"]

        assert [assignment["load"]["id"] for assignment in carried] == [load["id"]]
        assert [stop["kind"] for stop in carried[0]["load"]["stops"]] == [
            "pickup",
            "delivery",
        ]


class TestFleet:
    def test_shows_where_each_truck_is_and_every_load_it_carries(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        idle = world.driver(boss, device=None, is_seen=False)
        load = world.load(world.shipper(), CHICAGO, NEW_YORK)
        world.assign(boss, driver, load)

        rows = {row["driver"]["id"]: row for row in boss.get("/v1/fleet")["data"]}

        assert set(rows) == {driver.driver_id, idle.driver_id}
        busy = rows[driver.driver_id]
        assert busy["assignments"][0]["load"]["id"] == load["id"]
        assert rows[idle.driver_id]["assignments"] == []
        assert rows[idle.driver_id]["position"] is None

    def test_is_paged_by_cursor(self, world: World, boss: Caller) -> None:
        for _ in range(3):
            world.member(boss, Role.DRIVER)

        first = boss.get("/v1/fleet?limit=2")
        second = boss.get(f"/v1/fleet?limit=2&cursor={first['page']['next_cursor']}")

        ids = [row["driver"]["id"] for row in first["data"] + second["data"]]
        assert len(set(ids)) == 3
        assert second["page"]["next_cursor"] is None
