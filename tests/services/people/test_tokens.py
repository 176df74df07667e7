"""Access tokens: only our own, only in time. Refresh tokens: always the same."""

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

from runtime.errors import Unauthenticated
from services.people import tokens
from services.people.tokens import (
    AUDIENCE,
    INVALID,
    ISSUER,
    KEPT_SIGNATURES,
    LEEWAY_S,
    NO_SECRETS,
    REQUIRED,
    Claims,
    Keyring,
    Lives,
    Secrets,
    access_token,
    fingerprint,
    is_refresh_token,
    make_keyring,
    one_time_tokens,
    read_access_token,
    refresh_token,
)

MEMBER, COMPANY, FAMILY, DEVICE = uuid7(), uuid7(), uuid7(), uuid7()
SUBJECT = Claims(MEMBER, COMPANY, FAMILY, DEVICE)


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


LIVES = Lives(timedelta(minutes=15), timedelta(hours=1), timedelta(minutes=30))


def ring(
    private_pem: str | None = None,
    refresh: str = "r" * 32,
    previous: Secrets = NO_SECRETS,
) -> Keyring:
    private_pem = private_pem or pem(ec.generate_private_key(ec.SECP256R1()))
    return make_keyring(Secrets(private_pem, refresh, "s" * 32), LIVES, previous)


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
        "nbf": now,
        "exp": now + timedelta(minutes=15),
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed(keys: Keyring, claims: dict[str, Any], **headers: Any) -> str:
    return jwt.encode(
        claims, keys.private, "ES256", headers={"kid": keys.kid} | headers
    )


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read(keys: Keyring, token: str, at: datetime | None = None) -> Claims:
    return read_access_token(keys, token, now=at or datetime.now(UTC))


def refused(keys: Keyring, token: str, at: datetime | None = None) -> str:
    with pytest.raises(Unauthenticated) as caught:
        read(keys, token, at)
    return caught.value.detail


class TestAccessToken:
    def test_says_who_for_how_long_and_by_which_key(self, keys: Keyring) -> None:
        now = datetime.now(UTC)

        token = access_token(keys, SUBJECT, now=now)

        claims = jwt.decode(token, options={"verify_signature": False})
        assert jwt.get_unverified_header(token)["kid"] == keys.kid
        assert jwt.get_unverified_header(token)["alg"] == "ES256"
        assert set(REQUIRED) <= set(claims)
        assert (claims["iss"], claims["aud"]) == (ISSUER, AUDIENCE)
        assert (claims["sub"], claims["tid"]) == (str(MEMBER), str(COMPANY))
        assert claims["did"] == str(DEVICE)
        assert claims["exp"] - claims["iat"] == 900
        assert read(keys, token) == SUBJECT

    def test_a_browsers_names_no_device(self, keys: Keyring) -> None:
        subject = Claims(MEMBER, COMPANY, FAMILY)

        token = access_token(keys, subject, now=datetime.now(UTC))

        assert "did" not in jwt.decode(token, options={"verify_signature": False})
        assert read(keys, token) == subject

    def test_has_an_id_of_its_own(self, keys: Keyring) -> None:
        now = datetime.now(UTC)
        tokens = {access_token(keys, SUBJECT, now=now) for _ in range(3)}

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
            {"tid": "nowhere"},
            {"tid": 7},
            {"did": "nothing"},
            {"did": 7},
            {"iss": ISSUER.upper()},
            pytest.param({"exp": datetime.now(UTC) - timedelta(minutes=2)}, id="late"),
            *({"exp": "never"}, {"exp": []}, {"nbf": "now"}, {"iat": {}}),
            {"exp": float("inf")},
            pytest.param({"nbf": datetime.now(UTC) + timedelta(days=1)}, id="early"),
            pytest.param({"iat": datetime.now(UTC) + timedelta(days=1)}, id="to come"),
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

        read(keys, signed(keys, payload(exp=just_over)))

    def test_one_whose_signature_is_remembered_still_expires(
        self, keys: Keyring
    ) -> None:
        now = datetime.now(UTC)
        token = access_token(keys, SUBJECT, now=now)
        second = timedelta(seconds=1)
        ends = now.replace(microsecond=0) + LIVES.access + LEEWAY_S * second
        begins = now.replace(microsecond=0) - LEEWAY_S * second

        for _ in range(2):
            assert read(keys, token, ends - second) == SUBJECT
            assert "refresh" in refused(keys, token, ends)
            assert read(keys, token, begins) == SUBJECT
            assert refused(keys, token, begins - second) == INVALID

    def test_one_whose_signature_is_remembered_is_refused_with_other_keys(
        self, keys: Keyring
    ) -> None:
        token = access_token(keys, SUBJECT, now=datetime.now(UTC))
        assert read(keys, token) == SUBJECT

        assert refused(ring(), token)
        # Changed in its last character, it is another token.
        assert refused(keys, token[:-1] + ("A" if token[-1] != "A" else "Q"))

    def test_a_signature_is_verified_once_and_the_last_used_are_remembered(
        self, keys: Keyring
    ) -> None:
        token = access_token(keys, SUBJECT, now=datetime.now(UTC))
        verified = tokens._signed.cache_info().misses

        for _ in range(3):
            assert read(keys, token) == SUBJECT

        assert tokens._signed.cache_info().misses == verified + 1
        assert tokens._signed.cache_info().maxsize == KEPT_SIGNATURES

    def test_another_key_is_refused(self, keys: Keyring) -> None:
        other = ring()

        assert refused(keys, signed(other, payload()))
        # Also when the token names our key's id.
        assert refused(keys, signed(other, payload(), kid=keys.kid))

    def test_the_previous_key_still_verifies_and_no_older_one(self) -> None:
        pems = [pem(ec.generate_private_key(ec.SECP256R1())) for _ in range(3)]
        oldest, older = ring(pems[0]), ring(pems[1])
        now = datetime.now(UTC)

        rotated = ring(pems[2], previous=Secrets(pems[1], "", ""))

        assert rotated.kid == ring(pems[2]).kid
        mine = access_token(rotated, SUBJECT, now=now)
        assert jwt.get_unverified_header(mine)["kid"] == rotated.kid
        for signer in (rotated, older):
            token = access_token(signer, SUBJECT, now=now)
            assert read(rotated, token) == SUBJECT
        assert refused(rotated, access_token(oldest, SUBJECT, now=now))
        # A process that has only the previous key refuses tokens of the new one.
        assert refused(older, mine)

    @pytest.mark.parametrize("kid", ["", "x", "../../etc/passwd"])
    def test_an_unknown_kid_is_refused(self, keys: Keyring, kid: str) -> None:
        assert refused(keys, signed(keys, payload(), kid=kid))

    @pytest.mark.parametrize("alg", ["none", "None", "NONE"])
    def test_an_unsigned_one_is_refused(self, keys: Keyring, alg: str) -> None:
        now = int(datetime.now(UTC).timestamp())
        claims = payload(iat=now, nbf=now, exp=now + 900)
        head = b64(json.dumps({"alg": alg, "kid": keys.kid, "typ": "JWT"}).encode())
        body = b64(json.dumps(claims).encode())

        assert refused(keys, f"{head}.{body}.")

    def test_the_public_key_is_no_shared_secret(self, keys: Keyring) -> None:
        now = int(datetime.now(UTC).timestamp())
        head = b64(json.dumps({"alg": "HS256", "kid": keys.kid}).encode())
        body = b64(json.dumps(payload(iat=now, nbf=now, exp=now + 900)).encode())
        public = keys.private.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        mac = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()

        assert refused(keys, f"{head}.{body}.{b64(mac)}")

    def test_a_changed_one_is_refused(self, keys: Keyring) -> None:
        head, _, tail = signed(keys, payload()).split(".")
        now = int(datetime.now(UTC).timestamp())
        forged = b64(
            json.dumps(payload(sub=str(uuid7()), iat=now, nbf=now, exp=now)).encode()
        )

        assert refused(keys, f"{head}.{forged}.{tail}")

    @pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "\0", "é", "x" * 9999])
    def test_a_text_that_is_no_token_is_refused(self, keys: Keyring, text: str) -> None:
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

    def test_seed_and_generation_are_not_mixed_up(self, keys: Keyring) -> None:
        """Seed 1 of generation 23 must not be seed 12 of generation 3."""
        a, b = (refresh_token(keys, FAMILY, s, g) for s, g in (("1", 23), ("12", 3)))

        assert a.split(".")[2] != b.split(".")[2]

    def test_the_previous_keys_are_understood_too(self, keys: Keyring) -> None:
        old = ring(refresh="o" * 32)
        rotated = ring(refresh="n" * 32, previous=Secrets("", "o" * 32, ""))
        third = ring(refresh="x" * 32, previous=Secrets("", "n" * 32, ""))
        row: dict[str, Any] = {"family_id": FAMILY, "seed": "seed", "generation": 3}

        before = refresh_token(old, FAMILY, "seed", 3)
        after = refresh_token(rotated, FAMILY, "seed", 3)

        assert before != after
        assert is_refresh_token(rotated, before, **row)
        assert is_refresh_token(rotated, after, **row)
        assert not is_refresh_token(old, after, **row)
        assert not is_refresh_token(third, before, **row)
        assert not is_refresh_token(rotated, before, **row | {"generation": 4})


class TestOneTimeTokens:
    def test_differ_by_purpose_and_row_and_are_kept_as_fingerprints(
        self, keys: Keyring
    ) -> None:
        tokens = [
            *one_time_tokens(keys, "invitation", FAMILY),
            *one_time_tokens(keys, "reset", FAMILY),
            *one_time_tokens(keys, "invitation", MEMBER),
        ]

        assert len(set(tokens)) == len(tokens) == 3
        assert min(len(token) for token in tokens) == 43
        assert fingerprint(tokens[0]) == hashlib.sha256(tokens[0].encode()).hexdigest()

    def test_can_be_derived_again_after_a_rotation(self) -> None:
        old = ring(refresh="o" * 32)
        rotated = ring(refresh="n" * 32, previous=Secrets("", "o" * 32, ""))

        again = one_time_tokens(rotated, "invitation", FAMILY)

        assert one_time_tokens(old, "invitation", FAMILY)[0] == again[1]


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
    def test_refuses_a_key_that_is_not_p256(self, text: str) -> None:
        with pytest.raises(ValueError, match="JWT_PRIVATE_KEY is not a P-256"):
            ring(text or "\n")

    def test_refuses_a_short_refresh_key(self) -> None:
        with pytest.raises(ValueError, match="REFRESH_KEY is shorter"):
            ring(refresh="r" * 31)

    @pytest.mark.parametrize(
        ("current", "previous", "words"),
        [
            (("r" * 32, "s" * 31), ("", "", ""), "ENCRYPTION_KEY is shorter"),
            (("r" * 32, "s" * 32), ("x", "", ""), "JWT_PREVIOUS_KEY is not a P-256"),
            (("r" * 32, "s" * 32), ("", "x", ""), "REFRESH_PREVIOUS_KEY is shorter"),
            (("r" * 32, "s" * 32), ("", "", "x"), "ENCRYPTION_PREVIOUS_KEY is shorter"),
        ],
        ids=str,
    )
    def test_names_the_key_that_is_wrong(
        self, current: tuple[str, str], previous: tuple[str, str, str], words: str
    ) -> None:
        good = pem(ec.generate_private_key(ec.SECP256R1()))

        with pytest.raises(ValueError, match=words):
            make_keyring(Secrets(good, *current), LIVES, Secrets(*previous))

    def test_shows_no_key(self, keys: Keyring) -> None:
        secrets = Secrets("PRIVATE", "r" * 32, "s" * 32)

        for shown in (repr(keys), repr(secrets)):
            assert "rrr" not in shown
            assert "sss" not in shown
            assert "PRIVATE" not in shown
