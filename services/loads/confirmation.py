"""Confirmations: until odd figures are confirmed, their load is not offered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from freight.lifecycles import LoadStatus
from freight.roles import POSTERS, Role
from models.loads.loads import Load
from models.people.organisations import Organisation, Verification
from runtime.errors import DomainError, NotFound
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.versions import Precondition
from services.loads import market
from services.loads.loads import lock_own

CONFIRM_FIGURES = "confirm_figures"
"""The last part of the kind of a confirmation's event."""


class NotVerified(DomainError):
    """Only the platform may confirm the figures of a company that is not verified."""

    status = 403
    code = "company-not-verified"
    title = "The company is not verified"


def confirm(session: Session, actor: Actor, load_id: UUID, *, now: datetime) -> Load:
    """Confirm a load's odd figures for its poster, so that it may be offered.

    Safe to repeat. If an edit makes other figures odd, they must be confirmed too.

    Locks: the load. Raises: NotFound; NotVerified if the company is not verified or the
    operator has suspended it.
    """
    # scope: `lock_own` finds the company's load; its company is the actor's own.
    load = lock_own(session, actor, load_id)
    if not load.is_unconfirmed:
        return load
    company = session.get_one(Organisation, actor.org_id)
    is_verified = company.verification is Verification.VERIFIED
    if not is_verified or company.suspended_at is not None:
        raise NotVerified(
            "Correct the figures, have your company verified, or ask the operator of"
            " this market to confirm them."
        )
    _settle(session, load, Cause(now, actor, "desk"))
    return load


def load_for_platform(session: Session, load_id: UUID) -> Load:
    """Lock and return a load, for the operator to look at.

    Locks: the load. Raises: NotFound.
    """
    # scope: the operator's command, for all companies.
    load = session.get(Load, load_id, with_for_update=True)
    if load is None:
        raise NotFound(f"No load {load_id}.")
    return load


def confirm_for_platform(
    session: Session,
    load_id: UUID,
    precondition: Precondition,
    *,
    reason: str,
    now: datetime,
) -> Load:
    """Confirm a load's odd figures, so that it may be offered (the operator's command).

    precondition: the version that the operator has looked at.

    Safe to repeat. Locks: the load. Raises: NotFound, VersionMismatch.
    """
    load = load_for_platform(session, load_id)
    if load.is_unconfirmed:
        precondition.check(load)
        _settle(session, load, Cause(now, reason=reason))
    return load


def _settle(session: Session, load: Load, cause: Cause) -> None:
    load.is_unconfirmed = False
    roles = POSTERS | {Role.DISPATCHER, Role.SYSTEM}
    body = {"warnings": load.warnings}
    moves.record_load(session, load, CONFIRM_FIGURES, cause, roles, body=body)
    session.flush()
    if load.status is LoadStatus.POSTED:
        market.came(session, load)
