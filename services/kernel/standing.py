"""Whether a company may take part, or is suspended and may only finish its loads."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.people.organisations import Organisation
from runtime.errors import DomainError


class OrganisationSuspended(DomainError):
    """The operator has suspended the company."""

    status = 403
    code = "organisation-suspended"
    title = "The company is suspended"

    def __init__(self) -> None:
        super().__init__("Your company is suspended: ask the operator of this market.")


def is_suspended(session: Session, org_id: UUID) -> bool:
    """Say whether the operator has suspended the company."""
    return bool(session.scalar(select(func.is_suspended(org_id))))


def check_may_finish(session: Session, org_id: UUID, *, deny_within: timedelta) -> None:
    """Raise if the company is suspended and has no load underway to finish.

    A load is underway for the company that carries it and for the one that posted it;
    an interrupted one for its poster and for the company whose truck has the freight;
    a delivered one for its poster, while they may deny the delivery.

    deny_within: how long after a delivery they may.

    Raises: OrganisationSuspended.
    """
    if is_suspended(session, org_id) and not session.scalar(
        select(func.has_load_underway(org_id, deny_within))
    ):
        raise OrganisationSuspended


def check_standing(session: Session, org_id: UUID) -> None:
    """Raise if the operator has suspended the company.

    Raises: OrganisationSuspended.
    """
    # scope: the company of a member who is signing in.
    organisation = session.get_one(Organisation, org_id)
    if organisation.suspended_at is not None:
        raise OrganisationSuspended
