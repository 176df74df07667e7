"""Passwords: argon2id, a bounded number at a time."""

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
"""OWASP's 46 MiB, one pass: 53 ms here."""

SHORTEST_PASSWORD = 10

NOBODY = HASHER.hash(secrets.token_hex())
"""The hash of a password that nobody knows: for accounts that do not exist."""

_slots = threading.Semaphore(4)
"""A flood of sign-ins must not eat the memory: 4 x 46 MiB at most."""


def hash_password(password: str) -> str:
    """Return the argon2id hash. Slow on purpose: call it outside of transactions."""
    with _slots:
        return HASHER.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Say whether the password opens the hash. As slow as `hash_password`."""
    try:
        with _slots:
            return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Say whether a hash that matched was made with other parameters than today's."""
    return HASHER.check_needs_rehash(password_hash)
