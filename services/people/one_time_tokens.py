"""The row that a one-time token opens, and the link in the letter that brings it."""

from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from models.people.credentials import Invitation, PasswordReset
from services.people.lookups import Found
from services.people.tokens import Keyring, fingerprint, one_time_tokens

Opened = TypeVar("Opened", Invitation, PasswordReset)


def opened(
    session: Session, model: type[Opened], found: Found | None, *, is_locked: bool
) -> Opened | None:
    """Return the row that a look-up by token has found, as it is now.

    Locks: the row, if `is_locked`.
    """
    # scope: the row that the caller's token opens.
    if found is None:
        return None
    return session.get(
        model, found.id, with_for_update=is_locked, populate_existing=True
    )


def link(
    keys: Keyring, purpose: str, row_id: UUID, token_hash: str, *, app_url: str
) -> str | None:
    """Return the link that a letter contains: to the app's page, with the token.

    Without an `app_url` it is the bare token. The token is derived again; None if no
    key in force made it.
    """
    for token in one_time_tokens(keys, purpose, row_id):
        if fingerprint(token) == token_hash:
            page = purpose.replace("_", "-")
            return f"{app_url}/{page}#{token}" if app_url else token
    return None
