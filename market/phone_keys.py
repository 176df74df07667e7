"""Keys of made-up phones, and the proofs that they make (DPoP, RFC 9449)."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class PhoneKey:
    """A key pair as a phone's key store makes it."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=_new_key)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as a proof's header carries it."""
        made: dict[str, Any] = ECAlgorithm.to_jwk(self.private.public_key(), True)
        return {name: made[name] for name in ("kty", "crv", "x", "y")}

    @property
    def thumbprint(self) -> str:
        """Source: RFC 7638."""
        return sha256(json.dumps(self.jwk, sort_keys=True, separators=(",", ":")))

    def proof(self, method: str, path: str, **said: object) -> str:
        """Return a new proof for a request.

        said: claims to add, or to replace; None leaves one out. For a `token`, `ath` is
            its hash.
        """
        if (token := said.pop("token", None)) is not None:
            said.setdefault("ath", sha256(str(token)))
        claims = {
            "htm": method,
            "htu": f"https://api.example.com{path}",
            "jti": uuid4().hex,
        } | said
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self.private,
            "ES256",
            headers={"typ": "dpop+jwt", "jwk": self.jwk},
        )


def sha256(text: str) -> str:
    """Return the SHA-256 in base64url, as proofs write it."""
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
