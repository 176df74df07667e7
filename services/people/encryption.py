"""Secrets that we must read again: sealed with a key that is not in the database."""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

SHORTEST_KEY = 32
"""Characters of a key. Ours are 64 hex digits: 256 bits."""


class CannotUnseal(Exception):
    """Sealed with a key that is no longer in force, or not by us."""


def sealer(keys: Sequence[str]) -> MultiFernet:
    """Return what seals with the first of the keys and opens with any of them."""
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
            for key in keys
        ]
    )


def seal(box: MultiFernet, text: str) -> str:
    """Return the text sealed: unreadable and unchangeable without the key."""
    return box.encrypt(text.encode()).decode()


def unseal(box: MultiFernet, sealed: str) -> str:
    """Return what was sealed.

    Raises: CannotUnseal.
    """
    try:
        return box.decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotUnseal from None
