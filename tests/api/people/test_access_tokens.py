"""Tokens signed by another key or valid at another time: 401 over HTTP."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.people.tokens import Keyring
from tests.world import Caller, World, utcnow

Claims = dict[str, Any]
Forge = Callable[[Keyring, Claims], str]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(keys: Keyring, claims: Claims, alg: str) -> str:
    head = json.dumps({"alg": alg, "kid": keys.kid, "typ": "JWT"}).encode()
    return f"{b64(head)}.{b64(json.dumps(claims).encode())}"


def with_alg_none(keys: Keyring, claims: Claims) -> str:
    return unsigned(keys, claims, "none") + "."


def with_the_pem_as_hmac_secret(keys: Keyring, claims: Claims) -> str:
    text = unsigned(keys, claims, "HS256")
    public = keys.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"{text}.{b64(hmac.new(public, text.encode(), hashlib.sha256).digest())}"


def with_another_key(keys: Keyring, claims: Claims) -> str:
    other = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, other, "ES256", headers={"kid": keys.kid})


def with_kid(kid: str | None) -> Forge:
    def forge(keys: Keyring, claims: Claims) -> str:
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(claims, keys.private, "ES256", headers=headers)

    return forge


def with_claims(**changes: Any) -> Forge:
    def forge(keys: Keyring, claims: Claims) -> str:
        kept = {k: v for k, v in (claims | changes).items() if v is not None}
        return jwt.encode(kept, keys.private, "ES256", headers={"kid": keys.kid})

    return forge


def moved(**seconds: int) -> Forge:
    """Return a forger of tokens whose times are moved by so many seconds."""

    def forge(keys: Keyring, claims: Claims) -> str:
        now = int(utcnow().timestamp())
        times = {name: now + by for name, by in seconds.items()}
        return with_claims(**times)(keys, claims)

    return forge


def claims_of(token: str) -> Claims:
    claims: Claims = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_our_own_token_is_accepted(world: World, keys: Keyring, boss: Caller) -> None:
    again = with_claims()(keys, claims_of(boss.token))

    assert Caller(world.app, again).get("/v1/me").status == 200


@pytest.mark.parametrize(
    "forge",
    [
        with_alg_none,
        with_the_pem_as_hmac_secret,
        with_another_key,
        with_kid(None),
        with_kid("ffffffffffffffff"),
        with_claims(aud="another-api"),
        with_claims(iss="somebody"),
        with_claims(nbf=None),
        with_claims(exp=None),
        with_claims(tid=None),
        moved(exp=-120),
        moved(nbf=120),
        moved(iat=120),
    ],
    ids=[
        *("alg none", "PEM as HMAC secret", "another key", "no kid", "unknown kid"),
        *("audience", "issuer", "no nbf", "no exp", "no company"),
        *("expired", "not yet valid", "issued tomorrow"),
    ],
)
def test_any_other_token_is_401(
    world: World, keys: Keyring, boss: Caller, forge: Forge
) -> None:
    token = forge(keys, claims_of(boss.token))

    answer = Caller(world.app, token).get("/v1/me")

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_company_that_is_not_the_members_is_401(
    world: World, keys: Keyring, boss: Caller
) -> None:
    other = world.company()

    token = with_claims(tid=str(other.org_id))(keys, claims_of(boss.token))

    assert Caller(world.app, token).get("/v1/me").status == 401
