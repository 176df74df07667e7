"""Companies: founding one, its costs, and what the register says about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from freight.roles import Role
from models.people.organisations import (
    Member,
    Organisation,
    OrganisationKind,
    Verification,
)
from runtime.errors import Invalid, NotFound
from services.kernel import events
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.versions import Precondition
from services.people import members

IN_THE_REGISTER = frozenset(
    {
        OrganisationKind.CARRIER,
        OrganisationKind.PRIVATE_FLEET,
        OrganisationKind.BROKER,
    }
)
"""The kinds that have a USDOT number. Source: FMCSA, "Do I need a USDOT number?", and
the URS for brokers."""

_NUMBER = re.compile(r"[0-9]{1,8}")
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class Company:
    """What is known of a company when it is founded."""

    name: str
    kind: OrganisationKind
    usdot_number: str | None = None
    mc_number: str | None = None
    country: str = "US"


def found(
    session: Session,
    company: Company,
    *,
    admin_name: str,
    admin_email: str,
    password_hash: str,
    roles: Sequence[Role] = (),
) -> Member:
    """Make a company with its first admin; return the admin.

    roles: what the admin gets in addition to the role admin.

    Raises: Invalid, also if a company of this kind has the USDOT number;
    LoginTaken.
    """
    for name in ("usdot_number", "mc_number"):
        number = getattr(company, name)
        if number is not None and not _NUMBER.fullmatch(number):
            raise Invalid(f"#/{name}", f"'{number}' is not 1 to 8 digits.")
    if not _COUNTRY.fullmatch(company.country):
        raise Invalid("#/country", f"'{company.country}' is not of ISO 3166-1.")
    if company.kind in IN_THE_REGISTER and company.usdot_number is None:
        raise Invalid("#/usdot_number", f"A {company.kind} needs a USDOT number.")
    admin = members.checked(
        company.kind,
        name=admin_name,
        email=admin_email,
        phone=None,
        roles=[Role.ADMIN, *roles],
    )
    organisation = Organisation(
        name=company.name,
        kind=company.kind,
        usdot_number=company.usdot_number,
        mc_number=company.mc_number,
        country=company.country,
    )
    try:
        with session.begin_nested():
            session.add(organisation)
            session.flush()
    except IntegrityError as error:
        if "uq_organisations_kind_usdot_number" not in str(error.orig):
            raise
        raise Invalid(
            "#/usdot_number",
            f"A {company.kind} with USDOT number {company.usdot_number} exists.",
        ) from None
    return members.add(
        session, organisation.id, admin, password_hash=password_hash, locale="en"
    )


def verify(
    session: Session,
    org_id: UUID,
    *,
    verification: Verification,
    source: str,
    now: datetime,
) -> Organisation:
    """Keep what the register says about the company, where it was read and when.

    Safe to repeat: each look-up is recorded as an event of its own. UNVERIFIED removes
    source and time.

    Locks: the company. Raises: NotFound.
    """
    organisation = locked(session, org_id)
    organisation.verification = verification
    is_open = verification is Verification.UNVERIFIED
    organisation.verification_source = None if is_open else source
    organisation.verification_at = None if is_open else now
    found = {"verification": verification, "source": source}
    record(session, org_id, "organisation.verified", Cause(now), found)
    session.flush()
    return organisation


def record(
    session: Session,
    org_id: UUID,
    kind: str,
    cause: Cause,
    body: dict[str, Any] | None = None,
) -> None:
    """Write an event about what the operator did to the company."""
    events.record(
        session,
        cause,
        Role.SYSTEM,
        org_id=org_id,
        subject="organisation",
        subject_id=org_id,
        kind=kind,
        body=body,
    )


def edit_own(
    session: Session,
    actor: Actor,
    precondition: Precondition,
    **fields: Any,  # noqa: ANN401 - columns
) -> Organisation:
    """Change the given fields of the actor's company; the others stay.

    Locks: the company. Raises: PreconditionRequired, VersionMismatch.
    """
    # scope: the actor's own company.
    company = session.get_one(
        Organisation, actor.org_id, with_for_update=True, populate_existing=True
    )
    precondition.check(company)
    for name, value in fields.items():
        setattr(company, name, value)
    session.flush()
    return company


def locked(session: Session, org_id: UUID) -> Organisation:
    """Return the company, locked.

    Locks: the company. Raises: NotFound.
    """
    # scope: the operator's command.
    organisation = session.scalar(
        select(Organisation).where(Organisation.id == org_id).with_for_update()
    )
    if organisation is None:
        raise NotFound(f"No company {org_id}.")
    return organisation
