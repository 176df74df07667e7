"""People of a company: who may be added, with which roles, under which login."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from freight.roles import Role
from models.organisations import OrganisationKind
from services.members import ROLES_OF
from tests.world import PASSWORD, Answer, Caller, World


def person(**fields: Any) -> dict[str, Any]:
    body = {
        "name": "Dana Ortiz",
        "email": "dana@example.com",
        "password": PASSWORD,
        "roles": ["driver"],
    } | fields
    return {name: value for name, value in body.items() if value is not None}


def add(boss: Caller, **fields: Any) -> Answer:
    return boss.post("/v1/members", person(**fields))


class TestAddMember:
    def test_a_driver_also_gets_his_driver_row(self, world: World) -> None:
        boss = world.company()

        made = add(boss, phone="(312) 555-0142", locale="es-MX")

        assert made.status == 201
        assert made["phone"] == "+13125550142"
        assert made["locale"] == "es-MX"
        assert "password" not in str(made.body)
        drivers = boss.get("/v1/drivers")["data"]
        assert [d["member_id"] for d in drivers] == [made["id"]]
        assert drivers[0]["availability"] == "off_duty"

    def test_a_dispatcher_gets_none(self, world: World) -> None:
        boss = world.company()

        add(boss, roles=["dispatcher"])

        assert boss.get("/v1/drivers")["data"] == []

    @pytest.mark.parametrize("kind", OrganisationKind)
    @pytest.mark.parametrize("role", Role)
    def test_a_role_must_make_sense_in_the_company(
        self, world: World, kind: OrganisationKind, role: Role
    ) -> None:
        boss = world.company(kind, Role.ADMIN)

        made = add(boss, roles=[role.value])

        if role in ROLES_OF[kind]:
            assert (made.status, made["roles"]) == (201, [role])
        else:
            assert (made.status, made.code) == (422, "invalid-request")
            assert made["errors"][0]["pointer"] == "#/roles"

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"email": None}, "#/email"),
            ({"email": "dana"}, "#/email"),
            ({"email": "dana\0@example.com"}, "#/email"),
            ({"email": "dana@example.com\n"}, "#/email"),
            ({"email": "d" * 250 + "@example.com"}, "#/email"),
            ({"phone": "0"}, "#/phone"),
            ({"phone": "call me"}, "#/phone"),
            ({"phone": "\0"}, "#/phone"),
            ({"phone": "+1 312 555"}, "#/phone"),
            ({"name": ""}, "#/name"),
            ({"name": "D\0na"}, "#/name"),
            ({"name": "x" * 201}, "#/name"),
            ({"password": "short"}, "#/password"),
            ({"password": "x" * 201}, "#/password"),
            ({"roles": []}, "#/roles"),
            ({"roles": ["king"]}, "#/roles/0"),
            ({"roles": "driver"}, "#/roles"),
            ({"roles": ["driver"] * 7}, "#/roles"),
            ({"locale": "\0"}, "#/locale"),
            ({"org_id": "x"}, "#/org_id"),
        ],
        ids=str,
    )
    def test_a_wrong_field_is_pointed_at(
        self, world: World, fields: dict[str, Any], pointer: str
    ) -> None:
        made = add(world.company(), **fields)

        assert (made.status, made.code) == (422, "invalid-request")
        assert [error["pointer"] for error in made["errors"]] == [pointer]

    def test_a_password_of_any_characters_signs_in(self, world: World) -> None:
        password = "pässwört \0 🔑 \t\n"
        body = person(password=password)
        made = world.company().post("/v1/members", body)
        login = {"login": "dana@example.com", "password": password}

        signed_in = Caller(world.app, "").post("/v1/sessions", login)

        # NUL is no text anywhere in a body; everything else is.
        assert (made.status, signed_in.status) == (422, 422)
        body["password"] = login["password"] = password.replace("\0", "")
        assert world.company().post("/v1/members", body).status == 201
        assert Caller(world.app, "").post("/v1/sessions", login).status == 201


class TestLogins:
    def test_are_one_person_s_in_the_whole_world(self, world: World) -> None:
        add(world.company(), phone="+13125550142")
        other = world.company()

        for fields in (
            {"email": "DANA@example.com"},
            {"email": None, "phone": "312-555-0142"},
            {"email": "new@example.com", "phone": "+1 312 555 0142"},
        ):
            made = add(other, **fields)
            assert (made.status, made.code) == (409, "login-taken")
        assert other.get("/v1/members")["page"]["next_cursor"] is None
        assert len(other.get("/v1/members")["data"]) == 1

    def test_two_at_once_are_one_person_and_one_refusal(self, committed: World) -> None:
        bosses = [committed.company() for _ in range(4)]

        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(add, bosses))

        assert sorted(it.status for it in made) == [201, 409, 409, 409]


class TestListMembers:
    def test_walks_the_company_newest_first(self, world: World) -> None:
        boss = world.company()
        for number in range(4):
            add(boss, email=f"p{number}@example.com")

        names, cursor = [], ""
        while cursor is not None:
            page = boss.get(f"/v1/members?limit=2{cursor}")
            names += [it["email"] for it in page["data"]]
            following = page["page"]["next_cursor"]
            cursor = f"&cursor={following}" if following else None

        assert names[:4] == [f"p{n}@example.com" for n in (3, 2, 1, 0)]
        assert len(names) == 5
