"""Deleting rows some time after they ended, in batches, oldest first."""

# scope: jobs, for all companies.

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from models.offers.offers import Offer
from models.offers.pushes import Push
from models.people.credentials import Invitation, PasswordReset
from models.people.organisations import RefreshFamily
from models.search.searches import BackhaulSearch
from runtime.config import Settings
from services.kernel.batches import delete_batch

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept after their end.

    idle: a sign-in that is not refreshed for this long has ended.
    """

    credentials: timedelta = timedelta(days=30)
    pushes: timedelta = timedelta(days=30)
    searches: timedelta = timedelta(days=180)
    idle: timedelta = timedelta(days=30)

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        """Return the times that the operator has set."""
        return cls(
            timedelta(days=settings.KEEP_CREDENTIALS_DAYS),
            timedelta(days=settings.KEEP_PUSHES_DAYS),
            timedelta(days=settings.KEEP_SEARCHES_DAYS),
            timedelta(seconds=settings.REFRESH_IDLE_S),
        )


def prune_credentials(
    session: Session, kept: Retention, *, now: datetime, most: int = BATCH
) -> int:
    """Delete invitations, password resets and sign-ins that ended long ago (a job).

    What was done with them stays in the audit log and the events. Safe to repeat;
    returns how many were deleted, at most `most` of each.
    """
    until = now - kept.credentials
    return sum(
        _delete_ended(session, model, until, is_over, most)
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
    """Delete pushes that ended long ago (a job); a push that is still owed stays.

    Safe to repeat; returns how many were deleted, at most `most`.
    """
    until = now - kept.pushes
    return _delete_ended(session, Push, until, Push.ended_at < until, most)


def prune_searches(
    session: Session, kept: Retention, *, now: datetime, most: int = BATCH
) -> int:
    """Delete old searches that offered nothing (a job).

    An offer's search stays as long as the offer. The drop is not searched again,
    because its stop is completed already. Safe to repeat; returns how many were
    deleted, at most `most`.
    """
    until = now - kept.searches
    has_no_offer = ~exists().where(Offer.search_id == BackhaulSearch.id)
    is_old = BackhaulSearch.searched_at < until
    return _delete_ended(session, BackhaulSearch, until, is_old & has_no_offer, most)


def _delete_ended(
    session: Session,
    model: type[Any],
    until: datetime,
    is_over: ColumnElement[bool],
    most: int,
) -> int:
    # An id begins with the time at which the row was made (UUIDv7), and no row ends
    # before it was made: so the primary key's index leads to the oldest rows.
    newest = UUID(int=int(until.timestamp() * 1000) << 80)
    over = (
        select(model.id)
        .where(model.id < newest, is_over)
        .order_by(model.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return delete_batch(session, model, over)
