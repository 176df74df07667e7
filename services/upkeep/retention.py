"""What is over is forgotten after a while, in batches, oldest first."""

# scope: jobs, for all companies.

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from models.offers.offers import Offer
from models.offers.pushes import Push
from models.people.credentials import Invitation, PasswordReset
from models.people.organisations import RefreshFamily
from models.search.searches import BackhaulSearch
from runtime.config import Settings

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each is kept after its end. `idle`: a sign-in that nobody refreshes for
    so long has ended."""

    credentials: timedelta = timedelta(days=30)
    pushes: timedelta = timedelta(days=30)
    searches: timedelta = timedelta(days=180)
    idle: timedelta = timedelta(days=30)

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        """Return what the operator has set."""
        return cls(
            timedelta(days=settings.KEEP_CREDENTIALS_DAYS),
            timedelta(days=settings.KEEP_PUSHES_DAYS),
            timedelta(days=settings.KEEP_SEARCHES_DAYS),
            timedelta(seconds=settings.REFRESH_IDLE_S),
        )


def prune_credentials(
    session: Session, kept: Retention, *, now: datetime, most: int = BATCH
) -> int:
    """Forget invitations, password resets and sign-ins that ended long ago (a job).

    What was done with them stays in the audit log and the events. Safe to repeat;
    returns how many were forgotten.
    """
    until = now - kept.credentials
    return sum(
        _forget(session, model, until, is_over, most)
        for model, is_over in (
            (
                Invitation,
                func.least(
                    Invitation.accepted_at,
                    Invitation.withdrawn_at,
                    Invitation.expires_at,
                )
                < until,
            ),
            (
                PasswordReset,
                func.least(PasswordReset.used_at, PasswordReset.expires_at) < until,
            ),
            (
                RefreshFamily,
                or_(
                    func.least(RefreshFamily.revoked_at, RefreshFamily.expires_at)
                    < until,
                    RefreshFamily.last_used_at < until - kept.idle,
                ),
            ),
        )
    )


def prune_pushes(
    session: Session, kept: Retention, *, now: datetime, most: int = BATCH
) -> int:
    """Forget pushes that ended long ago (a job). One that is still owed stays.

    Safe to repeat; returns how many were forgotten.
    """
    until = now - kept.pushes
    return _forget(session, Push, until, Push.ended_at < until, most)


def prune_searches(
    session: Session, kept: Retention, *, now: datetime, most: int = BATCH
) -> int:
    """Forget old searches that offered nothing (a job); an offer's search stays as
    long as the offer.

    The drop is not searched again: its stop is completed. Safe to repeat; returns how
    many were forgotten.
    """
    until = now - kept.searches
    was_in_vain = ~exists().where(Offer.search_id == BackhaulSearch.id)
    is_old = BackhaulSearch.searched_at < until
    return _forget(session, BackhaulSearch, until, is_old & was_in_vain, most)


def _forget(
    session: Session,
    model: type[Any],
    until: datetime,
    is_over: ColumnElement[bool],
    most: int,
) -> int:
    # An id begins with the time it was made at, and nothing ends before it was made:
    # the primary key leads to the oldest rows.
    newest = UUID(int=int(until.timestamp() * 1000) << 80)
    over = (
        select(model.id)
        .where(model.id < newest, is_over)
        .order_by(model.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = session.execute(
        delete(model)
        .where(model.id.in_(over.scalar_subquery()))
        .execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
