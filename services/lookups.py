"""Finding a row before anybody is signed in: what comes back are ids, nothing else."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from models.credentials import Invitation, PasswordReset
from models.organisations import Member, RefreshFamily
from services.phones import e164
from services.tokens import fingerprint


class Found(NamedTuple):
    """A row and its company."""

    org_id: UUID
    id: UUID


def member_of_login(session: Session, login: str) -> Found | None:
    """Return the active member who signs in so; None if there is none.

    login: as people write it: capitals in an e-mail, dots or spaces in a phone.
    """
    return _found(
        session.execute(
            select(Member.org_id, Member.id).where(
                _signs_in_as(login), Member.deactivated_at.is_(None)
            )
        ).one_or_none()
    )


def family_of_token(session: Session, family_id: UUID) -> Found | None:
    """Return the sign-in that a refresh token names."""
    return _found(
        session.execute(
            select(RefreshFamily.org_id, RefreshFamily.id).where(
                RefreshFamily.id == family_id
            )
        ).one_or_none()
    )


def invitation_of_token(session: Session, token: str) -> Found | None:
    """Return the invitation whose token this is, in whatever state."""
    return _found(
        session.execute(
            select(Invitation.org_id, Invitation.id).where(
                Invitation.token_hash == fingerprint(token)
            )
        ).one_or_none()
    )


def reset_of_token(session: Session, token: str) -> Found | None:
    """Return the password reset whose token this is, in whatever state."""
    return _found(
        session.execute(
            select(PasswordReset.org_id, PasswordReset.id).where(
                PasswordReset.token_hash == fingerprint(token)
            )
        ).one_or_none()
    )


def canonical(login: str) -> str:
    """Return the one way to write a login: an e-mail in small letters, E.164, or the
    text as it is when it is neither."""
    login = login.strip()
    return login.lower() if "@" in login else e164(login) or login


def _signs_in_as(login: str) -> ColumnElement[bool]:
    login = canonical(login)
    if "@" in login:
        return func.lower(Member.email) == login
    return Member.phone == login


def _found(row: Row[UUID, UUID] | None) -> Found | None:
    return Found(row[0], row[1]) if row is not None else None
