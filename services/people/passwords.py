"""Passwords: argon2id, only a few hashed at the same time."""

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
"""As OWASP recommends: 46 MiB, one pass. Measured: 53 ms."""

SHORTEST_PASSWORD = 10

NOBODY = HASHER.hash(secrets.token_hex())
"""The hash of an unknown password, to be checked where there is no account."""

_slots = threading.Semaphore(4)
"""Many sign-ins at once must not use up the memory: at most 4 x 46 MiB."""


def hash_password(password: str) -> str:
    """Return the argon2id hash. Slow on purpose: call it outside of transactions."""
    with _slots:
        return HASHER.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Say whether the password matches the hash. As slow as `hash_password`."""
    try:
        with _slots:
            return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Say whether a hash that matched was made with other parameters than today's."""
    return HASHER.check_needs_rehash(password_hash)
