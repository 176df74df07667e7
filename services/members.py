"""Companies and their people."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import Conflict, Invalid
from freight.roles import Role
from models.drivers import Driver
from models.organisations import Member, Organisation, OrganisationKind
from services.actors import Actor
from services.passwords import hash_password
from services.phones import e164

ROLES_OF: dict[OrganisationKind, frozenset[Role]] = {
    OrganisationKind.CARRIER: frozenset({Role.DRIVER, Role.DISPATCHER, Role.ADMIN}),
    OrganisationKind.PRIVATE_FLEET: frozenset(
        {Role.DRIVER, Role.DISPATCHER, Role.SHIPPER, Role.ADMIN}
    ),
    OrganisationKind.SHIPPER: frozenset({Role.SHIPPER, Role.ADMIN}),
    OrganisationKind.BROKER: frozenset({Role.BROKER, Role.ADMIN}),
}
"""Which roles make sense in which company."""


class LoginTaken(Conflict):
    """Another account has this e-mail or phone."""

    code = "login-taken"
    title = "That login is in use"


def visible_members(actor: Actor) -> Select[Member]:
    """Return the members the actor may know of: those of his company."""
    return select(Member).where(Member.org_id == actor.org_id).order_by(Member.id)


def create_organisation(
    session: Session,
    *,
    name: str,
    kind: OrganisationKind,
    admin_name: str,
    admin_email: str,
    password: str,
    roles: Sequence[Role] = (),
) -> Member:
    """Make a company with its first admin, who may hold further roles; return him.

    Raises: Invalid, LoginTaken.
    """
    organisation = Organisation(name=name, kind=kind)
    session.add(organisation)
    session.flush()
    return _add(
        session,
        organisation,
        name=admin_name,
        email=admin_email,
        phone=None,
        password=password,
        roles=sorted({Role.ADMIN, *roles}),
        locale="en",
    )


def add_member(
    session: Session,
    actor: Actor,
    *,
    name: str,
    password: str,
    roles: Sequence[Role],
    email: str | None = None,
    phone: str | None = None,
    locale: str = "en",
) -> Member:
    """Add a person to the actor's company; a driver also gets his driver row.

    phone: any way of writing it; kept as E.164.

    Raises: Invalid, LoginTaken.
    """
    organisation = session.get_one(Organisation, actor.org_id)
    return _add(
        session,
        organisation,
        name=name,
        email=email,
        phone=_kept(phone) if phone else None,
        password=password,
        roles=roles,
        locale=locale,
    )


def _kept(phone: str) -> str:
    number = e164(phone)
    if number is None:
        raise Invalid("#/phone", f"'{phone}' is not a phone number.")
    return number


def _add(
    session: Session,
    organisation: Organisation,
    *,
    name: str,
    email: str | None,
    phone: str | None,
    password: str,
    roles: Sequence[Role],
    locale: str,
) -> Member:
    if not email and not phone:
        raise Invalid("#/email", "Give an e-mail or a phone to sign in with.")
    strange = set(roles) - ROLES_OF[organisation.kind]
    if strange or not roles:
        allowed = ", ".join(sorted(ROLES_OF[organisation.kind]))
        raise Invalid("#/roles", f"A {organisation.kind} has the roles: {allowed}.")
    member_id = session.scalar(
        insert(Member)
        .values(
            org_id=organisation.id,
            name=name,
            email=email.lower() if email else None,
            phone=phone,
            password_hash=hash_password(password),
            roles=sorted(set(roles)),
            locale=locale,
        )
        .on_conflict_do_nothing()
        .returning(Member.id)
    )
    if member_id is None:
        raise LoginTaken("Another account signs in with this e-mail or phone.")
    if Role.DRIVER in roles:
        session.add(Driver(org_id=organisation.id, member_id=member_id))
        session.flush()
    return session.get_one(Member, member_id)


def organisation_of(session: Session, actor: Actor) -> Organisation:
    """Return the actor's company."""
    return session.get_one(Organisation, actor.org_id)


def dispatchers_of(session: Session, org_id: UUID) -> list[UUID]:
    """Return the ids of the company's dispatchers."""
    return list(
        session.scalars(
            select(Member.id).where(
                Member.org_id == org_id,
                Member.roles.contains([Role.DISPATCHER.value]),
                Member.deactivated_at.is_(None),
            )
        )
    )


def count_organisations(session: Session) -> int:
    """Return how many companies there are."""
    return session.scalar(select(func.count()).select_from(Organisation)) or 0
