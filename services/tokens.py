"""Access tokens (JWT, ES256) and refresh tokens that descend from one sign-in."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from uuid_utils.compat import uuid7

from errors import Unauthenticated

ISSUER = "backhaul"
AUDIENCE = "backhaul-api"
LEEWAY_S = 60
REQUIRED = ["iss", "aud", "sub", "tid", "fid", "exp", "iat", "jti"]


@dataclass(frozen=True)
class Keyring:
    """The signing key and the key refresh tokens are derived with."""

    private: ec.EllipticCurvePrivateKey
    refresh: bytes = field(repr=False)
    access_ttl: timedelta
    refresh_ttl: timedelta

    @property
    def kid(self) -> str:
        """The key's id: the first 16 hex digits of its public part's SHA-256."""
        public = self.private.public_key().public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        return hashlib.sha256(public).hexdigest()[:16]


def make_keyring(
    private_pem: str, refresh_key: str, *, access_ttl_s: int, refresh_ttl_s: int
) -> Keyring:
    """Read the keys.

    Raises: ValueError if the PEM is not a P-256 private key, or a key is short.
    """
    try:
        private = serialization.load_pem_private_key(private_pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # TypeError: the key is encrypted.
        private = None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(
        private.curve, ec.SECP256R1
    ):
        raise ValueError(
            "JWT_PRIVATE_KEY is not a P-256 (ES256) private key in PEM, unencrypted"
        )
    if len(refresh_key) < 32:
        raise ValueError("REFRESH_KEY is shorter than 32 characters")
    return Keyring(
        private,
        refresh_key.encode(),
        timedelta(seconds=access_ttl_s),
        timedelta(seconds=refresh_ttl_s),
    )


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says."""

    member_id: UUID
    org_id: UUID
    family_id: UUID


def access_token(
    keys: Keyring, *, member_id: UUID, org_id: UUID, family_id: UUID, now: datetime
) -> str:
    """Return a JWT for `keys.access_ttl` from `now`."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(member_id),
        "tid": str(org_id),
        "fid": str(family_id),
        "jti": uuid7().hex,
        "iat": now,
        "exp": now + keys.access_ttl,
    }
    return jwt.encode(claims, keys.private, "ES256", headers={"kid": keys.kid})


def read_access_token(keys: Keyring, token: str) -> Claims:
    """Return the claims of a valid token.

    Raises: Unauthenticated.
    """
    try:
        if jwt.get_unverified_header(token).get("kid") != keys.kid:
            raise Unauthenticated("The access token's key is not known.")
        claims = jwt.decode(
            token,
            keys.private.public_key(),
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": REQUIRED},
        )
        return Claims(
            UUID(str(claims["sub"])), UUID(str(claims["tid"])), UUID(str(claims["fid"]))
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The access token has expired: refresh it.") from None
    except (jwt.InvalidTokenError, ValueError):
        raise Unauthenticated("The access token is not valid.") from None


def refresh_token(keys: Keyring, family_id: UUID, seed: str, generation: int) -> str:
    """Return the family's token of that generation, always the same one.

    Source: derived, not stored, so that a phone that lost the answer gets it again
    (RFC 9700 rotation without forced log-outs).
    """
    words = f"{family_id}.{generation}.{seed}"
    mac = hmac.new(keys.refresh, words.encode(), hashlib.sha256)
    tail = base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()
    return f"{family_id}.{generation}.{tail}"
