"""Access tokens: only ours, only now; refresh tokens: derived, always the same."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from uuid_utils.compat import uuid7

from errors import Unauthenticated
from services.tokens import (
    AUDIENCE,
    ISSUER,
    REQUIRED,
    Claims,
    Keyring,
    access_token,
    make_keyring,
    read_access_token,
    refresh_token,
)

MEMBER, COMPANY, FAMILY = uuid7(), uuid7(), uuid7()


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def ring(private_pem: str | None = None, refresh: str = "r" * 32) -> Keyring:
    private_pem = private_pem or pem(ec.generate_private_key(ec.SECP256R1()))
    return make_keyring(private_pem, refresh, access_ttl_s=900, refresh_ttl_s=3600)


@pytest.fixture(scope="module")
def keys() -> Keyring:
    return ring()


def payload(now: datetime | None = None, **changes: Any) -> dict[str, Any]:
    now = now or datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(MEMBER),
        "tid": str(COMPANY),
        "fid": str(FAMILY),
        "jti": "x",
        "iat": now,
        "exp": now + timedelta(minutes=15),
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed(keys: Keyring, claims: dict[str, Any], **headers: Any) -> str:
    return jwt.encode(
        claims, keys.private, "ES256", headers={"kid": keys.kid} | headers
    )


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refused(keys: Keyring, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        read_access_token(keys, token)
    return caught.value.detail


class TestAccessToken:
    def test_says_who_for_how_long_and_by_which_key(self, keys: Keyring) -> None:
        now = datetime.now(UTC)

        token = access_token(
            keys, member_id=MEMBER, org_id=COMPANY, family_id=FAMILY, now=now
        )

        claims = jwt.decode(token, options={"verify_signature": False})
        assert jwt.get_unverified_header(token)["kid"] == keys.kid
        assert jwt.get_unverified_header(token)["alg"] == "ES256"
        assert set(REQUIRED) <= set(claims)
        assert (claims["iss"], claims["aud"]) == (ISSUER, AUDIENCE)
        assert (claims["sub"], claims["tid"]) == (str(MEMBER), str(COMPANY))
        assert claims["exp"] - claims["iat"] == 900
        assert read_access_token(keys, token) == Claims(MEMBER, COMPANY, FAMILY)

    def test_has_an_id_of_its_own(self, keys: Keyring) -> None:
        tokens = {
            access_token(
                keys,
                member_id=MEMBER,
                org_id=COMPANY,
                family_id=FAMILY,
                now=datetime.now(UTC),
            )
            for _ in range(3)
        }

        assert len(tokens) == 3


class TestReadAccessToken:
    @pytest.mark.parametrize("name", REQUIRED)
    def test_a_missing_claim_is_refused(self, keys: Keyring, name: str) -> None:
        assert refused(keys, signed(keys, payload(**{name: None})))

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "somebody"},
            {"aud": "other-api"},
            {"aud": []},
            {"sub": "nobody"},
            {"sub": 7},
            {"fid": "nothing"},
            {"fid": 7},
            {"fid": None},
            {"exp": datetime.now(UTC) - timedelta(minutes=2)},
            {"exp": "never"},
            {"nbf": datetime.now(UTC) + timedelta(days=1)},
            {"iat": datetime.now(UTC) + timedelta(days=1)},
        ],
        ids=str,
    )
    def test_a_wrong_claim_is_refused(
        self, keys: Keyring, changes: dict[str, Any]
    ) -> None:
        assert refused(keys, signed(keys, payload(**changes)))

    def test_an_expired_one_is_told_to_refresh(self, keys: Keyring) -> None:
        old = payload(datetime.now(UTC) - timedelta(hours=1))

        assert "refresh" in refused(keys, signed(keys, old))

    def test_clocks_may_differ_by_a_minute(self, keys: Keyring) -> None:
        just_over = datetime.now(UTC) - timedelta(seconds=30)

        read_access_token(keys, signed(keys, payload(exp=just_over)))

    def test_another_key_is_refused(self, keys: Keyring) -> None:
        other = ring()

        assert refused(keys, signed(other, payload()))
        # Even when it claims to be ours.
        assert refused(keys, signed(other, payload(), kid=keys.kid))

    @pytest.mark.parametrize("kid", ["", "x", "../../etc/passwd"])
    def test_an_unknown_kid_is_refused(self, keys: Keyring, kid: str) -> None:
        assert refused(keys, signed(keys, payload(), kid=kid))

    @pytest.mark.parametrize("alg", ["none", "None", "NONE"])
    def test_an_unsigned_one_is_refused(self, keys: Keyring, alg: str) -> None:
        now = int(datetime.now(UTC).timestamp())
        claims = payload(iat=now, exp=now + 900)
        head = b64(json.dumps({"alg": alg, "kid": keys.kid, "typ": "JWT"}).encode())
        body = b64(json.dumps(claims).encode())

        assert refused(keys, f"{head}.{body}.")

    def test_the_public_key_is_no_shared_secret(self, keys: Keyring) -> None:
        now = int(datetime.now(UTC).timestamp())
        head = b64(json.dumps({"alg": "HS256", "kid": keys.kid}).encode())
        body = b64(json.dumps(payload(iat=now, exp=now + 900)).encode())
        public = keys.private.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        mac = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()

        assert refused(keys, f"{head}.{body}.{b64(mac)}")

    def test_a_changed_one_is_refused(self, keys: Keyring) -> None:
        head, _, tail = signed(keys, payload()).split(".")
        now = int(datetime.now(UTC).timestamp())
        forged = b64(json.dumps(payload(sub=str(uuid7()), iat=now, exp=now)).encode())

        assert refused(keys, f"{head}.{forged}.{tail}")

    @pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "\0", "é", "x" * 9999])
    def test_what_is_no_token_is_refused(self, keys: Keyring, text: str) -> None:
        assert refused(keys, text)


class TestRefreshToken:
    def test_is_the_same_each_time(self, keys: Keyring) -> None:
        first = refresh_token(keys, FAMILY, "seed", 3)

        assert refresh_token(keys, FAMILY, "seed", 3) == first
        assert first.startswith(f"{FAMILY}.3.")

    def test_differs_by_generation_family_seed_and_key(self, keys: Keyring) -> None:
        other = UUID(int=1)
        tokens = {
            refresh_token(keys, FAMILY, "seed", 3),
            refresh_token(keys, FAMILY, "seed", 4),
            refresh_token(keys, FAMILY, "dees", 3),
            refresh_token(keys, other, "seed", 3),
            refresh_token(ring(refresh="s" * 32), FAMILY, "seed", 3),
        }

        assert len({token.split(".")[2] for token in tokens}) == 5

    def test_one_family_and_generation_is_not_another_s(self, keys: Keyring) -> None:
        """Seed 1 of generation 23 must not be seed 12 of generation 3."""
        a, b = (refresh_token(keys, FAMILY, s, g) for s, g in (("1", 23), ("12", 3)))

        assert a.split(".")[2] != b.split(".")[2]


class TestMakeKeyring:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            pem(ec.generate_private_key(ec.SECP384R1())),
            ec.generate_private_key(ec.SECP256R1())
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"password"),
            )
            .decode(),
        ],
        ids=["empty", "nonsense", "P-384", "encrypted"],
    )
    def test_refuses_what_is_no_p256_key(self, text: str) -> None:
        with pytest.raises(ValueError, match="JWT_PRIVATE_KEY is not a P-256"):
            ring(text or "\n")

    def test_refuses_a_short_refresh_key(self) -> None:
        with pytest.raises(ValueError, match="REFRESH_KEY is shorter"):
            ring(refresh="r" * 31)

    def test_shows_no_key(self, keys: Keyring) -> None:
        assert "rrr" not in repr(keys)
        assert "PRIVATE" not in repr(keys)
