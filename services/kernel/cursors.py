"""Cursors: where a walk goes on, in a form that nobody else can write."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.errors import DomainError

FORM = 1
"""Of what a cursor holds. Another one makes older cursors invalid."""

MAC_BYTES = 16
SCOPE_BYTES = 9

LETTERS = "^[A-Za-z0-9_-]+$"
SHORTEST = 46
"""Characters: form, scope and MAC alone are 34 bytes."""


class CursorInvalid(DomainError):
    """Not a cursor of ours."""

    status = 400
    code = "cursor-invalid"
    title = "That is no cursor of ours"


class CursorMismatch(DomainError):
    """A cursor of another list, or of other filters."""

    status = 400
    code = "cursor-mismatch"
    title = "That cursor belongs to another list"


@cache
def derived(secrets: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the key of each secret, which signs cursors and nothing else.

    The first one signs, all are accepted: a secret is changed without breaking a walk.

    Source: RFC 5869 (HKDF).
    """
    return tuple(
        HKDF(SHA256(), length=32, salt=None, info=b"backhaul cursor").derive(secret)
        for secret in secrets
    )


def signed(keys: Sequence[bytes], scope: str, values: Sequence[Any]) -> str:
    """Return a cursor that holds `values` (JSON) and is good for `scope` only."""
    held = [FORM, _scope_hash(scope), *values]
    payload = json.dumps(held, separators=(",", ":")).encode()
    return _text(payload + _mac(keys[0], payload))


def opened(keys: Sequence[bytes], scope: str, cursor: str) -> list[Any]:
    """Return the values that were signed for this scope.

    Raises: CursorInvalid, CursorMismatch.
    """
    try:
        raw = base64.urlsafe_b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        )
    except ValueError:
        raw = b""
    payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    is_ours = any(hmac.compare_digest(_mac(key, payload), mac) for key in keys)
    # Other text may decode to the same bytes: it is not what we gave out.
    if not is_ours or _text(raw) != cursor:
        raise CursorInvalid("Use next_cursor as it was given, or begin anew.")
    form, scope_hash, *values = json.loads(payload)
    if form != FORM:
        raise CursorInvalid("That cursor is of an older release: begin anew.")
    if scope_hash != _scope_hash(scope):
        raise CursorMismatch("Keep the filters throughout a walk, or begin anew.")
    return list(values)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:MAC_BYTES]


def _scope_hash(scope: str) -> str:
    return _text(hashlib.sha256(scope.encode()).digest()[:SCOPE_BYTES])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
