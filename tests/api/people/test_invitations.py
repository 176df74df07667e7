"""Invitations: who may be invited, in which roles, and accepting once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from freight.roles import Role
from models.people.organisations import OrganisationKind
from runtime.db import Session
from services.people.mailboxes import mailbox
from services.people.members import ROLES_OF
from services.people.tokens import fingerprint
from tests.world import PASSWORD, SOME_ID, Answer, Caller, World


def person(**fields: Any) -> dict[str, Any]:
    body = {
        "name": "Dana Ortiz",
        "email": "dana@example.com",
        "roles": ["driver"],
    } | fields
    return {name: value for name, value in body.items() if value is not None}


def invite(boss: Caller, **fields: Any) -> Answer:
    return boss.post("/v1/invitations", person(**fields))


def sign_in(world: World, login: str = "dana@example.com", **body: Any) -> Answer:
    sent = {"login": login, "password": PASSWORD} | body
    return Caller(world.app, "").post("/v1/sessions", sent)


def execute(statement: str) -> None:
    with Session.begin() as session:
        session.execute(text(statement))


class TestInvite:
    def test_is_open_for_72_hours(self, boss: Caller) -> None:
        made = invite(boss, phone="(312) 555-0142", locale="es-MX")

        assert made.status == 201
        invitation = made["invitation"]
        assert (invitation["email"], invitation["phone"]) == (
            "dana@example.com",
            "+13125550142",
        )
        assert (invitation["locale"], invitation["roles"]) == ("es-MX", ["driver"])
        assert invitation["invited_by"] == str(boss.member_id)
        with Session() as session:
            seconds = session.scalar(
                text(
                    "select extract(epoch from max(expires_at - created_at))"
                    " from invitations"
                )
            )
        assert float(seconds or 0) / 3600 == pytest.approx(72, abs=0.01)

    def test_a_company_writes_to_an_address_at_most_five_times_a_day(
        self, boss: Caller
    ) -> None:
        names = ["dana@example.com", "DANA@example.com", "Dana+loads@example.com"]
        for n in range(5):
            assert invite(boss, email=names[n % 3]).status == 201

        refused = [invite(boss, email=name) for name in (*names, "dana+5@example.com")]

        assert {(answer.status, answer.code) for answer in refused} == {
            (429, "rate-limited")
        }
        assert int(refused[0].headers["Retry-After"]) > 3600
        assert len(boss.get("/v1/invitations")["data"]) == 5
        assert invite(boss, email=None, phone="312-555-0142").status == 201
        assert invite(boss, email="sam@example.com").status == 201
        assert invite(boss, email="da.na@example.com").status == 201

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ('"dana"@example.com', "dana@example.com"),
            (r'"d\ana"@example.com', "dana@example.com"),
            ("dana@\uff45xample.com", "dana@example.com"),
            ("dana@example\u3002com", "dana@example.com"),
            ("dana@bücher.example", "dana@xn--bcher-kva.example"),
            ("+1@example.com", "+2@example.com"),
        ],
    )
    def test_two_spellings_are_one_mailbox(self, one: str, other: str) -> None:
        assert mailbox(one) == mailbox(other)

    @pytest.mark.parametrize(
        "email",
        [
            "vic@example.com\u200b",
            "vic@ex\u00adample.com",
            "vi\u3164c@example.com",
            "vi\ufe0fc@example.com",
            "vic@example\u2060.com",
        ],
        ids=ascii,
    )
    def test_an_address_with_characters_that_show_nothing_is_refused(
        self, boss: Caller, email: str
    ) -> None:
        refused = invite(boss, email=email)

        assert (refused.status, refused["errors"][0]["pointer"]) == (422, "#/email")
        assert boss.get("/v1/invitations")["data"] == []

    @pytest.mark.parametrize(
        "email", ["vic@b\u00fccher.example", "jos\u00e9@example.com"]
    )
    def test_an_address_in_another_script_is_taken(
        self, boss: Caller, email: str
    ) -> None:
        assert invite(boss, email=email)["invitation"]["email"] == email

    def test_what_another_company_sends_does_not_stop_the_addresss_own(
        self, world: World, boss: Caller
    ) -> None:
        stranger = world.company()
        for _ in range(5):
            assert invite(stranger).status == 201
        assert invite(stranger).status == 429

        assert [invite(boss).status for _ in range(6)] == [201] * 5 + [429]

    def test_the_token_is_shown_once_and_kept_as_its_hash(self, boss: Caller) -> None:
        token = invite(boss)["token"]

        assert token not in str(boss.get("/v1/invitations").body)
        with Session() as session:
            row = session.execute(text("select * from invitations")).mappings().one()
            jobs = session.execute(text("select args from procrastinate_jobs")).all()
        assert row["token_hash"] == fingerprint(token)
        assert token not in str(row) + str(jobs)

    @pytest.mark.parametrize("kind", OrganisationKind)
    @pytest.mark.parametrize("role", Role)
    def test_a_role_must_fit_the_kind_of_company(
        self, world: World, kind: OrganisationKind, role: Role
    ) -> None:
        made = invite(world.company(kind, Role.ADMIN), roles=[role.value])

        if role in ROLES_OF[kind]:
            assert (made.status, made["invitation"]["roles"]) == (201, [role])
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
            ({"phone": "555-0142"}, "#/phone"),
            ({"phone": "+1 911 555 0142"}, "#/phone"),
            ({"phone": "+1 312 155 0142"}, "#/phone"),
            ({"phone": "+44 0000 000000"}, "#/phone"),
            ({"name": ""}, "#/name"),
            ({"name": "D\0na"}, "#/name"),
            ({"name": "x" * 201}, "#/name"),
            ({"roles": []}, "#/roles"),
            ({"roles": ["king"]}, "#/roles/0"),
            ({"roles": "driver"}, "#/roles"),
            ({"roles": ["driver"] * 7}, "#/roles"),
            ({"locale": "\0"}, "#/locale"),
            # Fields that the inviting member may not set.
            ({"password": PASSWORD}, "#/password"),
            ({"org_id": "x"}, "#/org_id"),
            ({"id": SOME_ID}, "#/id"),
            ({"token": "x"}, "#/token"),
            ({"expires_at": "2199-01-01T00:00:00Z"}, "#/expires_at"),
            ({"accepted_at": "2026-01-01T00:00:00Z"}, "#/accepted_at"),
            ({"member_id": SOME_ID}, "#/member_id"),
            ({"invited_by": SOME_ID}, "#/invited_by"),
        ],
        ids=str,
    )
    def test_a_wrong_field_is_pointed_at(
        self, boss: Caller, fields: dict[str, Any], pointer: str
    ) -> None:
        made = invite(boss, **fields)

        assert (made.status, made.code) == (422, "invalid-request")
        assert [error["pointer"] for error in made["errors"]] == [pointer]

    def test_a_colleagues_login_is_taken(self, world: World, boss: Caller) -> None:
        world.accept(invite(boss, phone="+13125550142")["token"])

        for fields in ({}, {"email": None, "phone": "312-555-0142"}):
            answer = invite(boss, **fields)
            assert (answer.status, answer.code) == (409, "login-taken")

    def test_does_not_tell_that_a_person_works_elsewhere(
        self, world: World, boss: Caller
    ) -> None:
        world.accept(invite(boss)["token"])

        made = invite(world.company())

        assert made.status == 201

    def test_needs_the_permission_to_manage_people(
        self, world: World, boss: Caller
    ) -> None:
        dispatcher = world.member(boss, Role.DISPATCHER)

        for answer in (
            invite(dispatcher),
            dispatcher.get("/v1/invitations"),
            dispatcher.delete(f"/v1/invitations/{uuid7()}"),
        ):
            assert answer.code == "missing-permission"


class TestAccept:
    def test_sets_the_password_enrols_the_phone_and_signs_in(
        self, world: World, boss: Caller
    ) -> None:
        phone = str(uuid7())
        token = invite(boss, locale="es-MX")["token"]

        tokens = world.accept(token, device_id=phone)

        assert tokens.status == 201
        dana = Caller(world.app, tokens["access_token"])
        me = dana.get("/v1/me")
        assert me["member"]["id"] == tokens["member_id"]
        assert me["organisation"]["id"] == str(boss.org_id)
        assert (me["member"]["locale"], me["member"]["roles"]) == ("es-MX", ["driver"])
        enrolled = dana.get("/v1/devices")["data"]
        assert [(device["id"], device["enrolment"]) for device in enrolled] == [
            (phone, "approved")
        ]
        refreshed = Caller(world.app, "").post(
            "/v1/sessions/refresh",
            {"refresh_token": tokens["refresh_token"], "device_id": phone},
        )
        assert refreshed.status == 200
        assert sign_in(world).status == 201
        listed = boss.get("/v1/invitations")["data"]
        assert [row["member_id"] for row in listed] == [tokens["member_id"]]

    @pytest.mark.parametrize(("role", "drivers"), [("driver", 1), ("dispatcher", 0)])
    def test_a_driver_also_gets_a_driver_row(
        self, world: World, boss: Caller, role: str, drivers: int
    ) -> None:
        tokens = world.accept(invite(boss, roles=[role])["token"])

        found = boss.get("/v1/drivers")["data"]

        assert [row["member_id"] for row in found] == [tokens["member_id"]] * drivers
        assert {row["availability"] for row in found} <= {"off_duty"}

    def test_without_a_phone_enrols_no_device(self, world: World, boss: Caller) -> None:
        tokens = world.accept(invite(boss, roles=["dispatcher"])["token"])

        dana = Caller(world.app, tokens["access_token"])
        assert dana.get("/v1/devices")["data"] == []

    def test_works_once(self, world: World, boss: Caller) -> None:
        token = invite(boss)["token"]
        assert world.accept(token).status == 201

        again = world.accept(token, password="another password")

        assert (again.status, again.code) == (410, "invitation-over")
        assert sign_in(world).status == 201

    def test_four_at_once_make_one_person(self, committed: World) -> None:
        token = invite(committed.company())["token"]

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: committed.accept(token), range(4)))

        assert sorted(answer.status for answer in answers) == [201, 410, 410, 410]

    def test_an_ended_invitation_is_answered_like_one_that_never_existed(
        self, world: World, boss: Caller
    ) -> None:
        used, withdrawn, late = (
            invite(boss, email=f"{n}@example.com") for n in range(3)
        )
        world.accept(used["token"])
        boss.delete(f"/v1/invitations/{withdrawn['invitation']['id']}")
        execute(
            "update invitations set expires_at = now() where email = '2@example.com'"
        )

        answers = [
            world.accept(token)
            for token in (used["token"], withdrawn["token"], late["token"], "x" * 43)
        ]

        bodies = [
            {k: v for k, v in answer.body.items() if k != "trace_id"}
            for answer in answers
        ]
        assert bodies[0]["code"] == "invitation-over"
        assert bodies == [bodies[0]] * 4

    @pytest.mark.parametrize("age", ["71 hours 59 minutes", "72 hours 1 minute"])
    def test_works_until_72_hours_are_over(
        self, world: World, boss: Caller, age: str
    ) -> None:
        token = invite(boss)["token"]
        execute(f"update invitations set expires_at = expires_at - interval '{age}'")

        assert world.accept(token).status == (201 if age < "72" else 410)

    def test_a_login_belongs_to_one_person_of_all_companies(
        self, world: World, boss: Caller
    ) -> None:
        first, second = invite(boss), invite(world.company(), email="DANA@example.com")
        assert world.accept(first["token"]).status == 201

        taken = world.accept(second["token"])

        assert (taken.status, taken.code) == (409, "login-taken")
        # The invitation stays open: the person may leave the other company first.
        assert world.accept(second["token"]).code == "login-taken"

    def test_of_several_companies_at_once_one_gets_the_person(
        self, committed: World
    ) -> None:
        tokens = [invite(committed.company())["token"] for _ in range(4)]

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(committed.accept, tokens))

        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]

    def test_on_another_persons_phone_leaves_the_invitation_open(
        self, world: World, boss: Caller
    ) -> None:
        phone = str(uuid7())
        world.accept(invite(boss)["token"], device_id=phone)
        token = invite(boss, email="sam@example.com")["token"]

        assert world.accept(token, device_id=phone).code == "id-taken"
        assert world.accept(token, device_id=str(uuid7())).status == 201

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"password": "short"}, "#/password"),
            ({"password": "x" * 201}, "#/password"),
            ({"password": "nul \0 in it"}, "#/password"),
            ({"token": ""}, "#/token"),
            ({"token": "x" * 101}, "#/token"),
            ({"device_id": "phone"}, "#/device_id"),
            ({"roles": ["admin"]}, "#/roles"),
            ({"member_id": SOME_ID}, "#/member_id"),
            ({"email": "me@example.com"}, "#/email"),
        ],
        ids=str,
    )
    def test_a_wrong_field_is_pointed_at(
        self, world: World, boss: Caller, fields: dict[str, Any], pointer: str
    ) -> None:
        token = invite(boss)["token"]

        answer = world.accept(**{"token": token} | fields)

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert [error["pointer"] for error in answer["errors"]] == [pointer]
        assert world.accept(token).status == 201

    def test_a_password_of_any_characters_signs_in(
        self, world: World, boss: Caller
    ) -> None:
        password = "pässwört 🔑 \t\n"

        world.accept(invite(boss)["token"], password=password)

        assert sign_in(world, password=password).status == 201
        assert sign_in(world).status == 401
