"""E-mail addresses: which are one mailbox, and how many letters it gets."""

import hmac
from contextlib import suppress

from sqlalchemy.orm import Session

from services.kernel.characters import is_unseen
from services.kernel.limits import Allowance, Rule, take
from services.people.tokens import Keyring

LETTERS = Rule(quota=5, window_s=24 * 3600)
"""To one mailbox, of one kind."""


def has_unseen(email: str) -> bool:
    """Say whether the address contains a character that shows nothing.

    It would read like another address.
    """
    return any(map(is_unseen, email))


def mailbox(email: str) -> str:
    """Return one spelling of the addresses that reach the same mailbox.

    Without what follows a plus, without quotes (RFC 5321 4.1.2), with the domain as
    DNS has it.
    """
    name, _, domain = email.lower().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    name, _, _ = name.strip('"').replace("\\", "").partition("+")
    return f"{name}@{domain}"


def take_letter(session: Session, keys: Keyring, rule: str, words: str) -> Allowance:
    """Count a letter against `LETTERS`, by a text that names the mailbox.

    rule: its name; letters of each name are counted apart.

    Locks: the key's row, until the transaction ends.
    """
    key = hmac.digest(keys.refresh[0], words.encode(), "sha256").hex()
    return take(session, rule, key, LETTERS)
