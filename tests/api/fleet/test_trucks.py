"""Trucks: made under the client's id, replaced whole, with defaults marked as such."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from freight.costs import COST_CENTS_PER_KM
from freight.equipment import Equipment
from freight.roles import Role
from runtime.db import Session
from tests.services.scene import see_it_wait
from tests.waiting import LONGEST_S
from tests.world import Answer, Caller, World


def put(caller: Caller, truck_id: str, **fields: Any) -> Answer:
    body = {"unit_number": "T-1", "equipment": "van"} | fields
    return caller.put(f"/v1/trucks/{truck_id}", body)


def make(caller: Caller, truck_id: str) -> Answer:
    body = {"unit_number": "T-1", "equipment": "van"}
    return caller.put(f"/v1/trucks/{truck_id}", body, If_Match="")


def new_id() -> str:
    return str(uuid7())


class TestPutTruck:
    def test_a_cost_that_is_not_given_is_the_default_and_says_so(
        self, world: World
    ) -> None:
        made = put(world.company(), new_id())

        assert made["cost_empty_cents_per_km"] == pytest.approx(COST_CENTS_PER_KM)
        assert made["cost_loaded_cents_per_km"] == pytest.approx(COST_CENTS_PER_KM)
        assert made["cost_empty_is_default"] is True
        assert made["cost_loaded_is_default"] is True

    def test_a_given_cost_is_marked_as_the_companys(self, world: World) -> None:
        made = put(
            world.company(),
            new_id(),
            cost_empty_cents_per_km=10,
            cost_loaded_cents_per_km=123.5,
        )

        assert made["cost_empty_cents_per_km"] == 10
        assert made["cost_loaded_cents_per_km"] == 123.5
        assert made["cost_empty_is_default"] is False
        assert made["cost_loaded_is_default"] is False

    @pytest.mark.parametrize("equipment", Equipment)
    def test_accepts_every_equipment(self, world: World, equipment: Equipment) -> None:
        assert put(world.company(), new_id(), equipment=equipment.value).status == 200

    def test_may_be_repeated_and_replaces_the_whole(self, world: World) -> None:
        boss, truck_id = world.company(), new_id()
        put(boss, truck_id, payload_kg=20_000, is_hazmat_allowed=True)

        again = put(boss, truck_id, unit_number="T-2", equipment="reefer")

        assert again.status == 200
        assert boss.get(f"/v1/trucks/{truck_id}").body == again.body
        assert (again["unit_number"], again["equipment"]) == ("T-2", "reefer")
        assert (again["payload_kg"], again["is_hazmat_allowed"]) == (None, False)
        assert len(boss.get("/v1/trucks")["data"]) == 1

    def test_a_unit_number_is_unique_within_a_company(self, world: World) -> None:
        boss, truck_id = world.company(), new_id()
        put(boss, truck_id)

        taken = put(boss, new_id())

        assert (taken.status, taken.code) == (409, "unit-taken")
        assert len(boss.get("/v1/trucks")["data"]) == 1
        assert put(world.company(), new_id()).status == 200

    def test_a_rename_to_a_taken_number_changes_nothing(self, world: World) -> None:
        boss, first, second = world.company(), new_id(), new_id()
        put(boss, first)
        put(boss, second, unit_number="T-2")

        assert put(boss, second, payload_kg=1).code == "unit-taken"
        kept = boss.get(f"/v1/trucks/{second}")
        assert (kept["unit_number"], kept["payload_kg"]) == ("T-2", None)

    def test_another_companys_id_is_not_found(self, world: World) -> None:
        truck_id = new_id()
        put(world.company(), truck_id)

        assert put(world.company(), truck_id).code == "not-found"

    def test_a_driver_sees_the_trucks_and_changes_none(self, world: World) -> None:
        boss, truck_id = world.company(), new_id()
        put(boss, truck_id)
        driver = world.member(boss, Role.DRIVER)

        assert driver.get(f"/v1/trucks/{truck_id}").status == 200
        assert put(driver, truck_id).code == "missing-permission"


class TestAtOnce:
    def test_the_same_truck_put_by_many_dispatchers_is_one_truck(
        self, committed: World
    ) -> None:
        boss, truck_id = committed.company(), new_id()

        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(lambda _: make(boss, truck_id), range(6)))

        assert sorted(answer.status for answer in made) == [200] + [428] * 5
        assert len(boss.get("/v1/trucks")["data"]) == 1

    def test_a_second_put_waits_and_replaces_nothing(self, committed: World) -> None:
        boss, truck_id = committed.company(), new_id()

        with ThreadPoolExecutor(1) as pool:
            with Session.begin() as session:
                session.execute(
                    text(
                        "insert into trucks (id, org_id, unit_number, equipment,"
                        " is_hazmat_allowed) values (:id, :org, 'T-0', 'van', false)"
                    ),
                    {"id": truck_id, "org": boss.org_id},
                )
                late = pool.submit(make, boss, truck_id)
                see_it_wait(late)
            answer = late.result(timeout=LONGEST_S)

        assert answer.code == "precondition-required"
        assert boss.get(f"/v1/trucks/{truck_id}")["unit_number"] == "T-0"

    def test_a_unit_number_put_by_two_dispatchers_goes_to_one_truck(
        self, committed: World
    ) -> None:
        boss = committed.company()

        with ThreadPoolExecutor(2) as pool:
            made = list(pool.map(lambda _: put(boss, new_id()), range(2)))

        assert sorted(answer.status for answer in made) == [200, 409]
        assert len(boss.get("/v1/trucks")["data"]) == 1
