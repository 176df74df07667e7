"""API2, broken authentication: only our own tokens open a route, and guessing a
password reveals nothing."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from runtime.db import Session
from services.people.tokens import Keyring
from tests.api.people.test_access_tokens import (
    Forge,
    claims_of,
    moved,
    with_alg_none,
    with_another_key,
    with_claims,
    with_kid,
    with_the_pem_as_hmac_secret,
)
from tests.owasp.operations import guarded
from tests.owasp.proofs import missing
from tests.world import PASSWORD, Answer, Caller, World

FORGED: dict[str, Forge] = {
    "alg none": with_alg_none,
    "the public key as a shared secret": with_the_pem_as_hmac_secret,
    "another key": with_another_key,
    "no kid": with_kid(None),
    "unknown kid": with_kid("ffffffffffffffff"),
    "another audience": with_claims(aud="another-api"),
    "another issuer": with_claims(iss="somebody"),
    "no company": with_claims(tid=None),
    "expired": moved(exp=-120),
    "not yet valid": moved(nbf=120),
    "issued tomorrow": moved(iat=86_400),
}


@pytest.mark.parametrize("forged", FORGED)
def test_no_forged_token_opens_any_route(
    world: World, keys: Keyring, forged: str
) -> None:
    boss = world.company()
    stranger = Caller(world.app, FORGED[forged](keys, claims_of(boss.token)))
    asked = guarded(world.app)

    opened = [
        str(operation)
        for operation in asked
        if not is_refused(stranger.call(operation.method, operation.with_any_id()))
    ]

    assert opened == []
    assert len(asked) > 50
    assert boss.get("/v1/me").status == 200


def is_refused(answer: Answer) -> bool:
    return (answer.status, answer.code) == (401, "unauthenticated") and (
        answer.headers["WWW-Authenticate"] == "Bearer"
    )


def sign_out(caller: Caller) -> None:
    assert caller.delete("/v1/sessions").status == 204


def be_deactivated(caller: Caller) -> None:
    with Session.begin() as session:
        session.execute(
            text("update members set deactivated_at = now() where id = :id"),
            {"id": caller.member_id},
        )


@pytest.mark.parametrize("end", [sign_out, be_deactivated])
def test_a_token_of_an_ended_sign_in_opens_no_route(
    world: World, end: Callable[[Caller], None]
) -> None:
    boss = world.company()
    leaver = world.caller(boss.member_id, boss.org_id)  # type: ignore[arg-type]
    assert leaver.get("/v1/me").status == 200

    end(leaver)

    opened = [
        str(operation)
        for operation in guarded(world.app)
        if not is_refused(leaver.call(operation.method, operation.with_any_id()))
    ]
    assert opened == []


@pytest.mark.parametrize("scheme", ["Basic", "Token", "DPoP", ""])
def test_a_token_is_read_only_as_a_bearer_token(world: World, scheme: str) -> None:
    token = world.company().token
    header = {"Authorization": f"{scheme} {token}".strip()}

    with world.app.test_client() as client:
        answer = client.get("/v1/me", headers=header)

    assert answer.status_code == 401


def test_a_token_in_the_address_or_a_cookie_is_not_read(world: World) -> None:
    token = world.company().token

    with world.app.test_client() as client:
        client.set_cookie("access_token", token)
        client.set_cookie("Authorization", f"Bearer {token}")
        for path in ("/v1/me", f"/v1/me?access_token={token}&token={token}"):
            assert client.get(path).status_code == 401


def test_a_refresh_token_is_no_access_token(world: World) -> None:
    boss = world.company()
    email = boss.get("/v1/me")["member"]["email"]
    body = {"login": email, "password": PASSWORD}
    tokens = Caller(world.app, "").post("/v1/sessions", body)
    assert Caller(world.app, tokens["access_token"]).get("/v1/me").status == 200

    refused = Caller(world.app, tokens["refresh_token"]).get("/v1/me")

    assert is_refused(refused)


def test_the_other_proofs_exist() -> None:
    lock = "api/people/test_lockouts.py::TestLock::test_"
    unknown = "api/people/test_lockouts.py::TestUnknownAccounts::test_"
    assert (
        missing(
            lock + "five_failures_lock_for_15_minutes_also_the_right_password",
            lock + "twenty_at_once_get_five_tries",
            lock + "another_spelling_of_the_login_is_no_way_around",
            unknown + "a_thousand_look_like_known_ones",
            unknown + "are_locked_like_known_ones",
            unknown + "the_hash_of_an_unknown_login_costs_as_much_as_a_real_one",
            "api/people/test_access_tokens.py::test_any_other_token_is_401",
            "services/people/test_tokens.py::TestReadAccessToken"
            "::test_an_unsigned_one_is_refused",
            "test_security.py::TestAnonymous::test_learns_nothing_from_validation",
        )
        == []
    )
