"""Guessing passwords: five attempts, then a quarter of an hour."""

from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import case, delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.people.credentials import SignInFailure
from runtime.errors import DomainError
from services.people.lookups import canonical
from services.people.tokens import fingerprint

MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)


class AccountLocked(DomainError):
    """Too many attempts at this login, whether or not it is anybody's."""

    status = 429
    code = "account-locked"
    title = "Too many failed sign-ins"


def of_login(login: str) -> str:
    """Return what the attempts at a login are counted under. Other guards have names
    that no login can be written as."""
    return f"login:{canonical(login)}"


def count_attempt(session: Session, guarded: str, *, now: datetime) -> None:
    """Count an attempt before it is judged, so that many at once get no more tries.

    guarded: of `of_login`, or another guard's name.

    A login is counted by how it is written, not by whom it names: one that is
    nobody's is locked just the same, and two of one person do not betray each other.

    Locks: the login's row. Raises: AccountLocked, for 15 minutes from the fifth.
    """
    key, free_since = fingerprint(guarded), now - LOCKED_FOR
    kept = SignInFailure
    is_old = kept.last_at <= free_since
    counted = session.scalar(
        insert(kept)
        .values(login_hash=key, failures=1, last_at=now)
        .on_conflict_do_update(
            index_elements=[kept.login_hash],
            set_={
                "failures": case((is_old, 1), else_=kept.failures + 1),
                "last_at": now,
            },
            where=or_(is_old, kept.failures < MOST_FAILURES),
        )
        .returning(kept.failures)
    )
    if counted is not None:
        return
    last_at = session.scalar(select(kept.last_at).where(kept.login_hash == key)) or now
    wait = last_at + LOCKED_FOR - now
    raise AccountLocked(
        "Wait before the next attempt, or reset the password.",
        headers={"Retry-After": str(ceil(wait.total_seconds()))},
    )


def forgive(session: Session, guarded: str) -> None:
    """Forget the attempts of whoever has succeeded. Safe to repeat."""
    session.execute(
        delete(SignInFailure).where(SignInFailure.login_hash == fingerprint(guarded))
    )


def prune(session: Session, *, now: datetime) -> int:
    """Delete the attempts that lock nobody any more (a job); return how many."""
    gone = session.scalars(
        delete(SignInFailure)
        .where(SignInFailure.last_at <= now - LOCKED_FOR)
        .returning(SignInFailure.login_hash)
    )
    return len(gone.all())
