"""Signing in, staying signed in through lost answers, and ending it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from freight.roles import Role
from runtime.db import Session
from services.people import passwords
from tests.api.people.conftest import Counting
from tests.over_http import HttpWorld
from tests.world import PASSWORD, Answer, Caller, World


@pytest.fixture
def kind_of_world() -> type[World]:
    """An account is made as a person makes it: their login is kept as one."""
    return HttpWorld


def anonymous(world: World) -> Caller:
    return Caller(world.app, "")


def sign_in(world: World, login: str, password: str = PASSWORD) -> Answer:
    body = {"login": login, "password": password}
    return anonymous(world).post("/v1/sessions", body)


def refresh(world: World, token: str) -> Answer:
    return anonymous(world).post("/v1/sessions/refresh", {"refresh_token": token})


def me(world: World, tokens: Answer) -> Answer:
    return Caller(world.app, tokens["access_token"]).get("/v1/me")


def execute(statement: str, **values: Any) -> None:
    with Session.begin() as session:
        session.execute(text(statement), values)


@pytest.fixture
def dana(world: World) -> dict[str, str]:
    """A driver who signs in by e-mail and by phone."""
    member = world.member(
        world.company(),
        Role.DRIVER,
        name="Dana",
        email="Dana.Ortiz@Example.com",
        phone="+1 312 555 0142",
    )
    return {"id": str(member.member_id)}


class TestSignIn:
    @pytest.mark.parametrize(
        "login",
        [
            "dana.ortiz@example.com",
            "DANA.ORTIZ@EXAMPLE.COM",
            "  dana.ortiz@example.com ",
            "+13125550142",
            "+1 (312) 555-0142",
            "312.555.0142",
            "1 312 555 0142",
            "tel:+1-312-555-0142",
        ],
    )
    def test_by_email_or_phone_however_written(
        self, world: World, dana: dict[str, str], login: str
    ) -> None:
        answer = sign_in(world, login)

        assert answer.status == 201
        assert answer["member_id"] == dana["id"]
        assert (answer["token_type"], answer["expires_in_s"]) == ("Bearer", 900)
        assert me(world, answer)["member"]["id"] == dana["id"]

    @pytest.mark.parametrize(
        ("login", "password"),
        [
            ("dana.ortiz@example.com", "wrong"),
            ("dana.ortiz@example.com", PASSWORD.upper()),
            ("nobody@example.com", PASSWORD),
            ("+1 312 555 0199", PASSWORD),
            ("no phone and no e-mail", PASSWORD),
            ("@", PASSWORD),
            ("%@example.com", PASSWORD),
            ("dana.ortiz@example.com' or 1=1 --", PASSWORD),
        ],
    )
    def test_a_refusal_does_not_say_what_was_wrong(
        self, world: World, dana: dict[str, str], login: str, password: str
    ) -> None:
        answer = sign_in(world, login, password)

        assert (answer.status, answer.code) == (401, "wrong-credentials")
        assert answer["detail"] == "The login or the password is wrong."

    @pytest.mark.parametrize("login", ["dana.ortiz@example.com", "nobody@example.com"])
    def test_an_unknown_login_takes_as_long_as_a_wrong_password(
        self, world: World, dana: dict[str, str], hasher: Counting, login: str
    ) -> None:
        """The check of a password is what takes long: there is one in both cases."""
        assert sign_in(world, login, "wrong").status == 401

        assert hasher.asked == 1

    @pytest.mark.parametrize(
        "body",
        [
            {"login": "a@example.com\0", "password": "x"},
            {"login": "a@example.com", "password": "\ud800"},
            {"login": "\ud800", "password": "x"},
            {"login": "", "password": "x"},
            {"login": "a@example.com", "password": ""},
            {"login": "a@example.com", "password": "x" * 201},
            {"login": 7, "password": True},
            {"login": {"$ne": 1}, "password": ["x"]},
            {},
        ],
        ids=str,
    )
    def test_nonsense_is_invalid(self, world: World, body: dict[str, Any]) -> None:
        answer = anonymous(world).post("/v1/sessions", body)

        assert (answer.status, answer.code) == (422, "invalid-request")

    def test_a_member_who_left_is_unknown(
        self, world: World, dana: dict[str, str]
    ) -> None:
        before = sign_in(world, "dana.ortiz@example.com")
        execute(
            "update members set deactivated_at = now() where id = :id", id=dana["id"]
        )

        assert sign_in(world, "dana.ortiz@example.com").code == "wrong-credentials"
        assert me(world, before).code == "unauthenticated"
        assert refresh(world, before["refresh_token"]).code == "unauthenticated"


class TestRefresh:
    def test_gives_a_new_pair(self, world: World, dana: dict[str, str]) -> None:
        first = sign_in(world, "dana.ortiz@example.com")

        second = refresh(world, first["refresh_token"])

        assert second.status == 200
        assert second["refresh_token"] != first["refresh_token"]
        assert me(world, second).status == 200

    def test_a_lost_answer_can_be_fetched_again(
        self, world: World, dana: dict[str, str]
    ) -> None:
        """However late the retry: a phone in a dead zone is not signed out."""
        first = sign_in(world, "dana.ortiz@example.com")
        lost = [refresh(world, first["refresh_token"]) for _ in range(3)]

        assert {answer.status for answer in lost} == {200}
        assert len({answer["refresh_token"] for answer in lost}) == 1
        assert refresh(world, lost[0]["refresh_token"]).status == 200

    def test_an_old_token_ends_the_whole_sign_in(
        self, world: World, dana: dict[str, str]
    ) -> None:
        first = sign_in(world, "dana.ortiz@example.com")
        second = refresh(world, first["refresh_token"])
        third = refresh(world, second["refresh_token"])
        elsewhere = sign_in(world, "dana.ortiz@example.com")

        stolen = refresh(world, first["refresh_token"])

        assert (stolen.status, stolen.code) == (401, "refresh-token-reused")
        assert refresh(world, third["refresh_token"]).code == "unauthenticated"
        assert me(world, third).code == "unauthenticated"
        # The driver's other phone stays signed in.
        assert me(world, elsewhere).status == 200

    def test_a_token_from_the_future_is_not_valid(
        self, world: World, dana: dict[str, str]
    ) -> None:
        first = sign_in(world, "dana.ortiz@example.com")
        family, generation, tail = first["refresh_token"].split(".")

        ahead = refresh(world, f"{family}.{int(generation) + 1}.{tail}")

        assert ahead.code == "unauthenticated"
        assert refresh(world, first["refresh_token"]).status == 200

    @pytest.mark.parametrize(
        "change",
        [
            lambda token: token[:-1],
            lambda token: token + "A",
            lambda token: token[:-1] + "é",
            lambda token: token.replace(".", ".-", 1),
            lambda token: token.replace(".", "." + "9" * 200, 1),
            lambda token: token.upper(),
            lambda token: token.rpartition(".")[0] + ".",
            lambda token: "." + token,
            lambda token: "..",
            lambda token: "\u0661.\u0661.\u0661",
        ],
    )
    def test_a_forged_token_is_not_valid(
        self, world: World, dana: dict[str, str], change: Callable[[str], str]
    ) -> None:
        token = sign_in(world, "dana.ortiz@example.com")["refresh_token"]

        answer = refresh(world, change(token))

        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert refresh(world, token).status == 200

    def test_ends_when_its_time_is_over(
        self, world: World, dana: dict[str, str]
    ) -> None:
        first = sign_in(world, "dana.ortiz@example.com")
        execute("update refresh_families set expires_at = now() - interval '1 second'")

        assert refresh(world, first["refresh_token"]).code == "unauthenticated"

    def test_an_access_token_is_no_refresh_token(
        self, world: World, dana: dict[str, str]
    ) -> None:
        first = sign_in(world, "dana.ortiz@example.com")

        assert refresh(world, first["access_token"][:300]).status == 401
        assert Caller(world.app, first["refresh_token"]).get("/v1/me").status == 401


class TestSignOut:
    def test_ends_this_sign_in_and_no_other(
        self, world: World, dana: dict[str, str]
    ) -> None:
        here = sign_in(world, "dana.ortiz@example.com")
        there = sign_in(world, "+13125550142")

        out = Caller(world.app, here["access_token"]).delete("/v1/sessions")

        assert out.status == 204
        assert me(world, here).code == "unauthenticated"
        assert refresh(world, here["refresh_token"]).code == "unauthenticated"
        assert me(world, there).status == 200


class TestBearer:
    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
    def test_the_scheme_is_read_as_the_standard_says(
        self, world: World, dana: dict[str, str], scheme: str
    ) -> None:
        token = sign_in(world, "+13125550142")["access_token"]

        answer = anonymous(world).get("/v1/me", Authorization=f"{scheme} {token}")

        assert answer.status == 200

    @pytest.mark.parametrize("value", ["", "Bearer", "Basic eDp5", "Token x", "x"])
    def test_anything_else_is_no_token(self, world: World, value: str) -> None:
        answer = anonymous(world).get("/v1/me", Authorization=value)

        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_sign_in_keeps_no_connection_while_it_hashes(
    committed: World, engine: Engine
) -> None:
    in_use = []
    slow = passwords.HASHER

    class Watching:
        def verify(self, password_hash: str, password: str) -> bool:
            in_use.append(engine.pool.checkedout())  # type: ignore[attr-defined]
            return slow.verify(password_hash, password)

    stranger = Caller(committed.app, "")
    passwords.HASHER = Watching()  # type: ignore[assignment]
    try:
        stranger.post("/v1/sessions", {"login": "a@b.example", "password": "wrong"})
    finally:
        passwords.HASHER = slow

    assert in_use == [0]
