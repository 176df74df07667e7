"""Encrypt secrets that must be read again; the key is not in the database."""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

SHORTEST_KEY = 32
"""In characters. The keys we make are 64 hex digits: 256 bits."""


class CannotDecrypt(Exception):
    """Encrypted with a key that is no longer in force, or not by us."""


def cipher(keys: Sequence[str]) -> MultiFernet:
    """Return a cipher that encrypts with the first key and decrypts with any key."""
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
            for key in keys
        ]
    )


def encrypt(box: MultiFernet, text: str) -> str:
    """Return the text encrypted: without the key it cannot be read or changed."""
    return box.encrypt(text.encode()).decode()


def decrypt(box: MultiFernet, encrypted: str) -> str:
    """Return the text that was encrypted.

    Raises: CannotDecrypt.
    """
    try:
        return box.decrypt(encrypted.encode()).decode()
    except InvalidToken:
        raise CannotDecrypt from None
