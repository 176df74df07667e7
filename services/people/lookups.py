"""Finding a row before anybody is signed in: what comes back are ids, nothing else."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.people.phones import e164
from services.people.tokens import fingerprint


class Found(NamedTuple):
    """A row and its company."""

    org_id: UUID
    id: UUID


def member_of_login(session: Session, login: str) -> Found | None:
    """Return the active member who signs in so; None if there is none.

    login: as people write it: capitals in an e-mail, dots or spaces in a phone.
    """
    return _enter(session, "enter_by_login", canonical(login))


def family_of_token(session: Session, family_id: UUID) -> Found | None:
    """Return the sign-in that a refresh token names."""
    return _enter(session, "enter_by_family", str(family_id))


def invitation_of_token(session: Session, token: str) -> Found | None:
    """Return the invitation whose token this is, in whatever state."""
    return _enter(session, "enter_by_invitation", fingerprint(token))


def reset_of_token(session: Session, token: str) -> Found | None:
    """Return the password reset whose token this is, in whatever state."""
    return _enter(session, "enter_by_reset", fingerprint(token))


def canonical(login: str) -> str:
    """Return the one way to write a login: an e-mail in small letters, E.164, or the
    text as it is when it is neither."""
    login = login.strip()
    return login.lower() if "@" in login else e164(login) or login


def _enter(session: Session, door: str, key: str) -> Found | None:
    """Ask a database function, which looks across companies. From here on this
    transaction acts for the company it found, as its own member would."""
    row = session.execute(
        text(f"select company, subject from {door}(:key)"), {"key": key}
    ).one()
    return Found(row.company, row.subject) if row.company is not None else None
