"""Cursors: where the next page of a list begins, signed against forgery."""

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
"""Version of a cursor's contents. A new number makes older cursors invalid."""

MAC_BYTES = 16
SCOPE_BYTES = 9

LETTERS = "^[A-Za-z0-9_-]+$"
SHORTEST = 46
"""Characters: form, scope hash and MAC alone are 34 bytes."""


class CursorInvalid(DomainError):
    """Not a cursor that this server signed, or one of an older form."""

    status = 400
    code = "cursor-invalid"
    title = "The cursor is not valid"


class CursorMismatch(DomainError):
    """A cursor of another list, of other filters or of another company."""

    status = 400
    code = "cursor-mismatch"
    title = "That cursor belongs to another list"


@cache
def derived(secrets: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return one key for each secret; these keys sign cursors and nothing else.

    The first key signs, all are accepted: cursors stay valid when a secret is changed,
    as long as the old secret is still configured.

    Source: RFC 5869 (HKDF).
    """
    return tuple(
        HKDF(SHA256(), length=32, salt=None, info=b"backhaul cursor").derive(secret)
        for secret in secrets
    )


def signed(keys: Sequence[bytes], scope: str, values: Sequence[Any]) -> str:
    """Return a cursor that contains `values` (JSON) and is valid for `scope` only."""
    contents = [FORM, _scope_hash(scope), *values]
    payload = json.dumps(contents, separators=(",", ":")).encode()
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
    # Several texts decode to the same bytes; accept only the one we gave out.
    if not is_ours or _text(raw) != cursor:
        raise CursorInvalid("Send next_cursor as given, or start without a cursor.")
    form, scope_hash, *values = json.loads(payload)
    if form != FORM:
        raise CursorInvalid("The cursor is of an older release: start without one.")
    if scope_hash != _scope_hash(scope):
        raise CursorMismatch(
            "Keep the same filters for every page, or start without a cursor."
        )
    return list(values)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:MAC_BYTES]


def _scope_hash(scope: str) -> str:
    return _text(hashlib.sha256(scope.encode()).digest()[:SCOPE_BYTES])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
