"""Proofs that a phone has its private key: DPoP, RFC 9449, with our own challenges."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.types import Options

from runtime.errors import DomainError
from services.people.tokens import Keyring

LONGEST_PROOF = 2_000
"""Characters. A proof with a P-256 key has some 500."""

MOST_USED_PROOFS = 1_000
"""So many of a token's used proofs are remembered."""

NONCE_FOR = timedelta(minutes=5)
TYPE = "dpop+jwt"
ALGORITHM = "ES256"
COORDINATE_BYTES = 32
"""Of one coordinate of a point on P-256."""

USED = "The proof was used already: make a new one."

OPTIONS: Options = {
    "require": ["htm", "htu", "jti"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
}
"""The times in a proof are the phone's, whose clock may be wrong, so they decide
nothing."""


class ProofInvalid(DomainError):
    """The proof does not fit this request. It ends nothing: the phone makes another."""

    code = "proof-invalid"
    title = "The proof of the phone's key is not valid"


class ProofNonceNeeded(DomainError):
    """A sign-in's proof must contain a nonce of this server, which is in the answer."""

    code = "proof-nonce-needed"
    title = "The proof needs a nonce of this server"

    def __init__(self, nonce: str) -> None:
        super().__init__(
            "Make a new proof with the `nonce` of the DPoP-Nonce header.",
            headers={"DPoP-Nonce": nonce},
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """What a phone has signed for one request.

    thumbprint: of its public key (RFC 7638).
    used: a fingerprint of the proof's id, as it is remembered.
    token_hash: of the token that the request contains; None if the proof names none.
    nonce: of this server, None if the proof has none.
    """

    thumbprint: str
    used: str
    token_hash: str | None
    nonce: str | None


def read_proof(text: str, *, method: str, path: str) -> Proof:
    """Return what the proof says, if its own key signed it for this method and path.

    Of `htu` only the path is compared: the server does not know by which host name the
    phone reaches it, and the Host header says what the caller likes.

    Raises: ProofInvalid.
    """
    try:
        public, said = _verified(text)
        address = urlsplit(str(said["htu"])).path
        used = _digest(said["jti"])
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        raise ProofInvalid("Send a DPoP proof as RFC 9449 says, by ES256.") from None
    if (said["htm"], address) != (method, path):
        raise ProofInvalid("The proof was made for another request.")
    return Proof(
        thumbprint(public),
        used,
        _ascii(said.get("ath")),
        _ascii(said.get("nonce")),
    )


def _verified(text: str) -> tuple[ec.EllipticCurvePublicKey, dict[str, Any]]:
    if len(text) > LONGEST_PROOF:
        raise ValueError("too long")
    header = jwt.get_unverified_header(text)
    key = header["jwk"]
    if header.get("typ") != TYPE or not isinstance(key, dict) or "d" in key:
        raise ValueError("another kind of token, or a private key")
    public = jwt.PyJWK(key, ALGORITHM).key
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(
        public.curve, ec.SECP256R1
    ):
        raise ValueError("another kind of key")
    said = jwt.decode(text, public, algorithms=[ALGORITHM], options=OPTIONS)
    return public, said


def _ascii(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() else None


def thumbprint(public: ec.EllipticCurvePublicKey) -> str:
    """Return the SHA-256 thumbprint of a P-256 key.

    Made of the key's numbers, so that one key has one thumbprint however it was
    written. Source: RFC 7638.
    """
    point = public.public_numbers()
    x, y = (_base64(n.to_bytes(COORDINATE_BYTES)) for n in (point.x, point.y))
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    return _digest(json.dumps(members, separators=(",", ":")))


def check_token(proof: Proof, token: str) -> None:
    """Raise unless the proof names this token.

    So the token is the challenge: a proof is of no use with another token.

    Raises: ProofInvalid.
    """
    if proof.token_hash != _digest(token):
        raise ProofInvalid("The proof's `ath` is not the hash of the token sent.")


def check_nonce(keys: Keyring, proof: Proof, *, now: datetime) -> None:
    """Raise unless the proof contains a nonce that this server gave out lately.

    A nonce is valid for 5 to 10 minutes, and is not stored.

    Raises: ProofNonceNeeded, with a nonce.
    """
    span = int(now.timestamp() // NONCE_FOR.total_seconds())
    # A list, so that every nonce is compared and the time does not tell which one fits.
    is_ours = any(
        [
            compare_digest(_nonce(key, each).encode(), (proof.nonce or "").encode())
            for key in keys.refresh
            for each in (span, span - 1)
        ]
    )
    if not is_ours:
        raise ProofNonceNeeded(_nonce(keys.refresh[0], span))


def _nonce(key: bytes, span: int) -> str:
    mac = hmac.digest(key, f"proof nonce.{span}".encode(), "sha256")
    return _base64(mac)


def remember(used: list[str], proof: Proof) -> list[str]:
    """Return the used proofs and this one, the newest last.

    Raises: ProofInvalid if it was used before.
    """
    if proof.used in used:
        raise ProofInvalid(USED)
    return [*used, proof.used][-MOST_USED_PROOFS:]


def _digest(text: str) -> str:
    return _base64(hashlib.sha256(text.encode()).digest())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
