"""Limit how often a password can be guessed: five attempts, then wait 15 minutes."""

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
    """Too many attempts at this login, whether or not it has an account."""

    status = 429
    code = "account-locked"
    title = "Too many failed sign-ins"


def of_login(login: str) -> str:
    """Return the name under which the attempts at a login are counted.

    Other counts, such as that of a member's codes, have names with other prefixes.
    """
    return f"login:{canonical(login)}"


def count_attempt(session: Session, guarded: str, *, now: datetime) -> None:
    """Count an attempt before it is checked, so that many at once get no extra tries.

    guarded: what is counted: a name from `of_login`, or one with another prefix.

    The login's text is counted, not its account. A login without an account is locked
    in the same way, and the e-mail and phone of one person are counted separately, so
    a lock does not reveal that they belong together.

    Locks: the row of `guarded`. Raises: AccountLocked, for 15 minutes from the fifth.
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
    """Delete the counted attempts, after a success. Safe to repeat."""
    session.execute(
        delete(SignInFailure).where(SignInFailure.login_hash == fingerprint(guarded))
    )


def prune(session: Session, *, now: datetime) -> int:
    """Delete the attempts that no longer lock anything (a job); return how many."""
    gone = session.scalars(
        delete(SignInFailure)
        .where(SignInFailure.last_at <= now - LOCKED_FOR)
        .returning(SignInFailure.login_hash)
    )
    return len(gone.all())
