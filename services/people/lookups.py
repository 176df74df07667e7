"""Find a row before the caller is signed in; only ids are returned."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.people.phones import e164
from services.people.tokens import fingerprint


class Found(NamedTuple):
    """The ids of a row and of its company."""

    org_id: UUID
    id: UUID


def member_of_login(session: Session, login: str) -> Found | None:
    """Return the active member with this login; None if there is none.

    login: as people write it, with capitals in an e-mail, dots or spaces in a phone.
    """
    return _enter(session, "enter_by_login", canonical(login))


def family_of_token(session: Session, family_id: UUID) -> Found | None:
    """Return the sign-in that a refresh token names; None if there is none."""
    return _enter(session, "enter_by_family", str(family_id))


def invitation_of_token(session: Session, token: str) -> Found | None:
    """Return the invitation with this token, in any state; None if there is none."""
    return _enter(session, "enter_by_invitation", fingerprint(token))


def reset_of_token(session: Session, token: str) -> Found | None:
    """Return the reset with this token, in any state; None if there is none."""
    return _enter(session, "enter_by_reset", fingerprint(token))


def canonical(login: str) -> str:
    """Return the login in the one form in which it is compared.

    An e-mail is in small letters, a phone number is E.164; other text is only stripped.
    """
    login = login.strip()
    return login.lower() if "@" in login else e164(login) or login


def _enter(session: Session, door: str, key: str) -> Found | None:
    """Find a row with a database function that looks across companies.

    From here on, this transaction acts for the company found, as its members do.
    """
    row = session.execute(
        text(f"select company, subject from {door}(:key)"), {"key": key}
    ).one()
    return Found(row.company, row.subject) if row.company is not None else None
