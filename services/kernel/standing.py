"""Whether a company may take part, or is suspended."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.people.organisations import Organisation
from runtime.errors import DomainError


class OrganisationSuspended(DomainError):
    """The operator has suspended the company."""

    status = 403
    code = "organisation-suspended"
    title = "The company is suspended"

    def __init__(self) -> None:
        super().__init__("Your company is suspended: ask the operator of this market.")


def is_standing(org_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """Return the condition that a row's company is not suspended.

    org_id: the column that names the company.
    """
    # A database function, because a carrier may not read the poster's company.
    return ~func.is_suspended(org_id)


def is_suspended(session: Session, org_id: UUID) -> bool:
    """Say whether the operator has suspended the company."""
    return bool(session.scalar(select(func.is_suspended(org_id))))


def check_standing(session: Session, org_id: UUID) -> None:
    """Raise if the operator has suspended the company.

    Raises: OrganisationSuspended.
    """
    # scope: the company of a member who is signing in.
    organisation = session.get_one(Organisation, org_id)
    if organisation.suspended_at is not None:
        raise OrganisationSuspended
