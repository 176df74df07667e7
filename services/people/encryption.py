"""Secrets that we must read again: encrypted with a key that is not in the database."""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

SHORTEST_KEY = 32
"""Characters of a key. Ours are 64 hex digits: 256 bits."""


class CannotDecrypt(Exception):
    """Encrypted with a key that is no longer in force, or not by us."""


def cipher(keys: Sequence[str]) -> MultiFernet:
    """Return what encrypts with the first of the keys and opens with any of them."""
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
            for key in keys
        ]
    )


def encrypt(box: MultiFernet, text: str) -> str:
    """Return the text encrypted: unreadable and unchangeable without the key."""
    return box.encrypt(text.encode()).decode()


def decrypt(box: MultiFernet, encrypted: str) -> str:
    """Return what was encrypted.

    Raises: CannotDecrypt.
    """
    try:
        return box.decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise CannotDecrypt from None
