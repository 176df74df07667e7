"""Access tokens (JWT, ES256) and refresh tokens that descend from one sign-in."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from hmac import compare_digest
from uuid import UUID

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import MultiFernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.types import Options
from uuid_utils.compat import uuid7

from runtime.errors import Unauthenticated
from services.people.encryption import SHORTEST_KEY, cipher

ISSUER = "backhaul"
AUDIENCE = "backhaul-api"
LEEWAY_S = 60
INVALID = "The access token is not valid."
KEPT_SIGNATURES = 4096
"""So many of the last used tokens are not verified again: 5.6 MB in a process."""

REQUIRED = ["iss", "aud", "sub", "tid", "fid", "exp", "iat", "nbf", "jti"]
OPTIONS: Options = {
    "require": REQUIRED,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}
"""The times of a token are ours to compare, each time it is shown."""


def key_id(public: ec.EllipticCurvePublicKey) -> str:
    """Return the first 16 hex digits of the public key's SHA-256."""
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()[:16]


@dataclass(frozen=True)
class Lives:
    """How long tokens are valid.

    idle: the longest time between two refreshes.
    repeat: how long after its making a refresh token is given again to a phone without
        a key.
    """

    access: timedelta
    refresh: timedelta
    idle: timedelta
    repeat: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class Keyring:
    """The keys in force and their predecessors.

    The first of each signs, derives or encrypts; all of them are accepted.
    """

    private: ec.EllipticCurvePrivateKey
    refresh: tuple[bytes, ...] = field(repr=False)
    cipher: MultiFernet = field(repr=False)
    lives: Lives
    previous: ec.EllipticCurvePrivateKey | None = None

    @cached_property
    def kid(self) -> str:
        """The id of the key that signs."""
        return key_id(self.private.public_key())

    @cached_property
    def public_keys(self) -> dict[str, ec.EllipticCurvePublicKey]:
        """The keys that verify, by their ids."""
        all_keys = [self.private] + ([self.previous] if self.previous else [])
        return {key_id(key.public_key()): key.public_key() for key in all_keys}


@dataclass(frozen=True)
class Secrets:
    """The three secrets that are in force together. A previous one may be empty."""

    jwt_pem: str = field(repr=False)
    refresh: str = field(repr=False)
    encryption: str = field(repr=False)


NO_SECRETS = Secrets("", "", "")


def make_keyring(
    current: Secrets, lives: Lives, previous: Secrets = NO_SECRETS
) -> Keyring:
    """Return the keyring of these secrets.

    Raises: ValueError if a PEM is not a P-256 private key, or a key is short.
    """
    private = _p256("JWT_PRIVATE_KEY", current.jwt_pem)
    _check_length("REFRESH_KEY", current.refresh)
    _check_length("ENCRYPTION_KEY", current.encryption)
    if previous.refresh:
        _check_length("REFRESH_PREVIOUS_KEY", previous.refresh)
    if previous.encryption:
        _check_length("ENCRYPTION_PREVIOUS_KEY", previous.encryption)
    return Keyring(
        private,
        tuple(key.encode() for key in (current.refresh, previous.refresh) if key),
        cipher([key for key in (current.encryption, previous.encryption) if key]),
        lives,
        _p256("JWT_PREVIOUS_KEY", previous.jwt_pem) if previous.jwt_pem else None,
    )


def _check_length(name: str, key: str) -> None:
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"{name} is shorter than {SHORTEST_KEY} characters")


def _p256(name: str, pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # TypeError: the key is encrypted.
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(
        key.curve, ec.SECP256R1
    ):
        raise ValueError(
            f"{name} is not a P-256 (ES256) private key in PEM, unencrypted"
        )
    return key


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says: member, company, sign-in and device.

    device_id: None in a browser.
    """

    member_id: UUID
    org_id: UUID
    family_id: UUID
    device_id: UUID | None = None


def access_token(keys: Keyring, subject: Claims, *, now: datetime) -> str:
    """Return a JWT that is valid for `keys.lives.access` from `now`."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(subject.member_id),
        "tid": str(subject.org_id),
        "fid": str(subject.family_id),
        "jti": uuid7().hex,
        "iat": now,
        "nbf": now,
        "exp": now + keys.lives.access,
    }
    if subject.device_id is not None:
        claims["did"] = str(subject.device_id)
    return jwt.encode(claims, keys.private, "ES256", headers={"kid": keys.kid})


def read_access_token(keys: Keyring, token: str, *, now: datetime) -> Claims:
    """Return the claims of a token that is valid at `now`.

    Raises: Unauthenticated.
    """
    try:
        signed = _signed(keys, token)
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
        raise Unauthenticated(INVALID) from None
    now_s = now.timestamp()
    if signed.until_s <= now_s - LEEWAY_S:
        raise Unauthenticated(
            "The access token has expired: refresh it.",
            # Not the sign-in's own key: a copy of an old token must not use up the
            # quota of its phone, nor that of the phone's newest token.
            counted_as=f"{signed.claims.family_id} until {signed.until_s}",
        )
    if signed.from_s > now_s + LEEWAY_S:
        raise Unauthenticated(INVALID)
    return signed.claims


@dataclass(frozen=True, slots=True)
class _Signed:
    """What one of our keys signed. Valid from `from_s` until before `until_s`, in
    seconds since 1970."""

    claims: Claims
    from_s: int
    until_s: int


@lru_cache(maxsize=KEPT_SIGNATURES)
def _signed(keys: Keyring, token: str) -> _Signed:
    """Return what is true of a token at any time.

    Kept, as a phone shows the same token for minutes, and verifying the signature is
    the dearest step of a quick answer. Tokens that are refused are not kept.

    Raises: Unauthenticated; InvalidTokenError, ValueError, TypeError or OverflowError
    if a claim is wrong.
    """
    kid = jwt.get_unverified_header(token).get("kid")
    public = keys.public_keys.get(kid) if isinstance(kid, str) else None
    if public is None:
        raise Unauthenticated("The access token's key is not known.")
    said = jwt.decode(
        token,
        public,
        algorithms=["ES256"],
        audience=AUDIENCE,
        issuer=ISSUER,
        options=OPTIONS,
    )
    did = said.get("did")
    member_id, org_id, family_id = (
        UUID(str(said[name])) for name in ("sub", "tid", "fid")
    )
    device_id = UUID(str(did)) if did is not None else None
    return _Signed(
        Claims(member_id, org_id, family_id, device_id),
        max(int(said["iat"]), int(said["nbf"])),
        int(said["exp"]),
    )


def refresh_token(keys: Keyring, family_id: UUID, seed: str, generation: int) -> str:
    """Return the family's token of that generation, always the same one.

    Source: derived, not stored, so that a phone that lost the answer gets it again
    (RFC 9700 rotation without forced log-outs).
    """
    return _derived(keys.refresh[0], family_id, seed, generation)


def is_refresh_token(
    keys: Keyring, token: str, *, family_id: UUID, seed: str, generation: int
) -> bool:
    """Say whether `token` is the family's of that generation, by any key in force."""
    # A list, so that every key is compared and the time does not tell which one fits.
    return any(
        [
            compare_digest(
                _derived(key, family_id, seed, generation).encode(), token.encode()
            )
            for key in keys.refresh
        ]
    )


def _derived(key: bytes, family_id: UUID, seed: str, generation: int) -> str:
    tail = _mac(key, f"{family_id}.{generation}.{seed}")
    return f"{family_id}.{generation}.{tail}"


def one_time_tokens(keys: Keyring, purpose: str, row_id: UUID) -> list[str]:
    """Return the token of an invitation or a reset, by each key in force.

    Derived, so that a letter can be written later and no job contains a secret. The
    first is the one to give out; only its `fingerprint` is stored.
    """
    return [_mac(key, f"{purpose}.{row_id}") for key in keys.refresh]


def fingerprint(token: str) -> str:
    """Return the SHA-256 of a token in hex, as it is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def _mac(key: bytes, words: str) -> str:
    mac = hmac.new(key, words.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()
