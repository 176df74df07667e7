"""Phones: registered repeatedly, passed to another person, dead and alive."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from freight.roles import Role
from runtime.db import Session
from services.people.devices import MOST_PHONES
from tests.api.people.phones import new_id
from tests.services.scene import see_it_wait
from tests.waiting import LONGEST_S
from tests.world import SOME_ID, Answer, Caller, World


def phone(**fields: Any) -> dict[str, Any]:
    return {
        "platform": "android",
        "target_kind": "fid",
        "target": "fid-1",
        "app_version": "1.0",
        "locale": "en",
    } | fields


def register(caller: Caller, device_id: str, **fields: Any) -> Answer:
    return caller.put(f"/v1/devices/{device_id}", phone(**fields))


def alive(caller: Caller) -> list[str]:
    listed = caller.get("/v1/devices?limit=200")["data"]
    return [phone["id"] for phone in listed if phone["dead_at"] is None]


@pytest.fixture
def driver(world: World) -> Caller:
    return world.member(world.company(), Role.DRIVER)


class TestRegister:
    def test_may_be_repeated(self, driver: Caller) -> None:
        device_id = new_id()

        answers = [register(driver, device_id) for _ in range(3)]

        assert {answer.status for answer in answers} == {200}
        assert alive(driver) == [device_id]

    def test_keeps_what_is_new_and_shows_no_target(self, driver: Caller) -> None:
        device_id = new_id()
        register(driver, device_id)

        changed = register(
            driver,
            device_id,
            platform="ios",
            target_kind="token",
            target="secret-token",
            app_version="2.0",
            locale="es-MX",
        )

        assert (changed["platform"], changed["target_kind"]) == ("ios", "token")
        assert (changed["app_version"], changed["locale"]) == ("2.0", "es-MX")
        assert "secret-token" not in str(driver.get("/v1/devices").body)

    def test_a_person_may_have_several(self, driver: Caller) -> None:
        ids = [new_id() for _ in range(3)]
        for number, device_id in enumerate(ids):
            register(driver, device_id, target=f"fid-{number}")

        assert set(alive(driver)) == set(ids)

    def test_pushes_go_to_the_ten_phones_that_registered_last(
        self, driver: Caller
    ) -> None:
        ids = [new_id() for _ in range(MOST_PHONES)]
        for number, device_id in enumerate(ids):
            register(driver, device_id, target=f"fid-{number}")
        assert set(alive(driver)) == set(ids)
        register(driver, ids[0], target="fid-0")
        new = new_id()

        register(driver, new, target="fid-new")

        assert set(alive(driver)) == {new, ids[0], *ids[2:]}
        listed = {row["id"]: row for row in driver.get("/v1/devices?limit=200")["data"]}
        assert listed[ids[1]]["dead_reason"] == "too many phones"
        assert register(driver, ids[1], target="fid-1")["dead_at"] is None
        assert len(alive(driver)) == MOST_PHONES

    def test_a_target_belongs_to_the_device_registered_last(self, world: World) -> None:
        boss = world.company()
        before, after = world.member(boss, Role.DRIVER), world.company()
        mine, yours = new_id(), new_id()
        register(before, mine)

        register(after, yours)

        assert (alive(before), alive(after)) == ([], [yours])
        dead = before.get("/v1/devices")["data"][0]
        assert dead["dead_reason"] == "registered by another device"

    def test_a_reinstalled_app_takes_its_target_along(self, driver: Caller) -> None:
        old, new = new_id(), new_id()
        register(driver, old)

        register(driver, new)

        assert alive(driver) == [new]

    def test_the_same_target_of_two_kinds_is_two_targets(self, driver: Caller) -> None:
        ids = [new_id(), new_id()]
        register(driver, ids[0], target_kind="fid", target="same")
        register(driver, ids[1], target_kind="token", target="same")

        assert set(alive(driver)) == set(ids)

    def test_a_dead_one_comes_alive_when_registered_again(self, driver: Caller) -> None:
        device_id = new_id()
        register(driver, device_id)
        assert driver.delete(f"/v1/devices/{device_id}").status == 204
        assert alive(driver) == []

        back = register(driver, device_id)

        assert (back["dead_at"], back["dead_reason"]) == (None, None)
        assert alive(driver) == [device_id]

    def test_a_dead_ones_target_may_be_taken_and_taken_back(
        self, driver: Caller
    ) -> None:
        first, second = new_id(), new_id()
        register(driver, first)
        register(driver, second)
        register(driver, first)

        assert alive(driver) == [first]

    def test_another_persons_id_is_taken(self, world: World, driver: Caller) -> None:
        device_id = new_id()
        register(driver, device_id)
        colleague = world.company()

        answer = register(colleague, device_id, target="fid-2")

        assert (answer.status, answer.code) == (409, "id-taken")
        assert alive(driver) == [device_id]
        assert alive(colleague) == []

    def test_a_refused_one_takes_no_target(self, world: World, driver: Caller) -> None:
        """A stranger who uses one of my ids must not take my other phone's target."""
        mine, other = new_id(), new_id()
        register(driver, mine, target="fid-1")
        register(driver, other, target="fid-2")

        refused = register(world.company(), mine, target="fid-2")

        assert refused.code == "id-taken"
        assert set(alive(driver)) == {mine, other}

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"platform": "fax"}, "#/platform"),
            ({"target_kind": "pigeon"}, "#/target_kind"),
            ({"target": ""}, "#/target"),
            ({"target": "a b"}, "#/target"),
            ({"target": "a\0"}, "#/target"),
            ({"target": "é"}, "#/target"),
            ({"target": "x" * 2001}, "#/target"),
            ({"app_version": ""}, "#/app_version"),
            ({"locale": "x" * 21}, "#/locale"),
            ({"member_id": SOME_ID}, "#/member_id"),
            ({"org_id": SOME_ID}, "#/org_id"),
            ({"enrolment": "approved"}, "#/enrolment"),
            ({"dead_at": None}, "#/dead_at"),
        ],
        ids=str,
    )
    def test_a_wrong_field_is_pointed_at(
        self, driver: Caller, fields: dict[str, Any], pointer: str
    ) -> None:
        answer = register(driver, new_id(), **fields)

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert [error["pointer"] for error in answer["errors"]] == [pointer]

    def test_the_longest_target_fits_the_index(self, driver: Caller) -> None:
        # Random text, so that PostgreSQL cannot compress it.
        target = "".join(uuid7().hex for _ in range(63))[:2000]

        assert register(driver, new_id(), target=target).status == 200


class TestAtOnce:
    def test_the_same_registration_many_times_is_one_device(
        self, committed: World
    ) -> None:
        driver = committed.company()
        device_id = new_id()

        answers = at_once(8, lambda n: register(driver, device_id))

        assert [answer.status for answer in answers] == [200] * 8
        assert alive(driver) == [device_id]

    def test_a_target_registered_by_many_phones_rings_one(
        self, committed: World
    ) -> None:
        drivers = [committed.company() for _ in range(4)]

        answers = at_once(4, lambda n: register(drivers[n], new_id()))

        assert [answer.status for answer in answers] == [200] * 4
        assert sum(len(alive(driver)) for driver in drivers) == 1

    def test_an_id_registered_by_two_people_goes_to_one(self, committed: World) -> None:
        people = [committed.company() for _ in range(2)]
        device_id = new_id()

        answers = at_once(2, lambda n: register(people[n], device_id, target=f"f{n}"))

        assert sorted(answer.status for answer in answers) == [200, 409]

    def test_phones_that_swap_targets_do_not_lock_each_other(
        self, committed: World
    ) -> None:
        driver = committed.company()
        ids = [new_id(), new_id()]

        answers = at_once(
            12,
            lambda n: register(driver, ids[n % 2], target=f"fid-{(n // 2 + n) % 2}"),
        )

        assert {answer.status for answer in answers} == {200}

    def test_a_second_registration_waits_for_the_first_and_sees_it(
        self, committed: World
    ) -> None:
        mine, yours = committed.company(), committed.company()
        first, second = new_id(), new_id()
        register(mine, first)

        with ThreadPoolExecutor(1) as pool, Session() as session, session.begin():
            session.execute(text("select id from devices for update"))
            late = pool.submit(register, yours, second)
            see_it_wait(late)
            session.rollback()
            assert late.result(timeout=LONGEST_S).status == 200

        assert (alive(mine), alive(yours)) == ([], [second])


def at_once(count: int, act: Callable[[int], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


class TestForget:
    def test_may_be_repeated(self, driver: Caller) -> None:
        device_id = new_id()
        register(driver, device_id)

        answers = [driver.delete(f"/v1/devices/{device_id}") for _ in range(2)]

        assert [answer.status for answer in answers] == [204, 204]
        assert driver.get("/v1/devices")["data"][0]["dead_reason"] == "signed out"

    def test_an_unknown_one_is_not_found(self, driver: Caller) -> None:
        assert driver.delete(f"/v1/devices/{new_id()}").code == "not-found"
