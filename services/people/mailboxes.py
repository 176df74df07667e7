"""E-mail addresses: which are one mailbox, and how many letters it gets."""

import hmac
from contextlib import suppress
from unicodedata import category

from sqlalchemy.orm import Session

from services.kernel.limits import Allowance, Rule, take
from services.people.tokens import Keyring

LETTERS = Rule(quota=5, window_s=24 * 3600)
"""To one mailbox, of one kind."""

UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
SELECTORS = ("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef")
"""Categories of characters that show nothing; those that show nothing in categories
that do; and the ranges of variation selectors. Source: Default_Ignorable_Code_Point."""


def has_unseen(email: str) -> bool:
    """Say whether the address contains a character that shows nothing.

    It would read like another address.
    """
    return any(
        category(character) in UNSEEN_CATEGORIES
        or character in UNSEEN
        or any(first <= character <= last for first, last in SELECTORS)
        for character in email
    )


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
