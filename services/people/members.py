"""Companies and their people."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from freight.roles import Role
from models.fleet.drivers import Driver
from models.people.organisations import Member, Organisation, OrganisationKind
from runtime.errors import Conflict, Invalid
from services.kernel.actors import Actor
from services.people.mailboxes import has_unseen
from services.people.phones import dialable

ROLES_OF: dict[OrganisationKind, frozenset[Role]] = {
    OrganisationKind.CARRIER: frozenset({Role.DRIVER, Role.DISPATCHER, Role.ADMIN}),
    OrganisationKind.PRIVATE_FLEET: frozenset(
        {Role.DRIVER, Role.DISPATCHER, Role.SHIPPER, Role.ADMIN}
    ),
    OrganisationKind.SHIPPER: frozenset({Role.SHIPPER, Role.ADMIN}),
    OrganisationKind.BROKER: frozenset({Role.BROKER, Role.ADMIN}),
}
"""Which roles the members of each kind of company may have."""


class LoginTaken(Conflict):
    """Another account has this e-mail or phone."""

    code = "login-taken"
    title = "That login is in use"


def visible_members(actor: Actor) -> Select[Member]:
    """Return the members the actor may know of: those of the actor's company."""
    return select(Member).where(Member.org_id == actor.org_id).order_by(Member.id)


@dataclass(frozen=True, slots=True)
class Person:
    """A person as they are stored: e-mail in small letters, phone as E.164."""

    name: str
    email: str | None
    phone: str | None
    roles: list[Role]


def checked(
    kind: OrganisationKind,
    *,
    name: str,
    email: str | None,
    phone: str | None,
    roles: Sequence[Role],
) -> Person:
    """Return the person as they are stored, once name, login and roles are checked.

    kind: of the company; it decides which roles are allowed.
    phone: in any notation.

    Raises: Invalid.
    """
    email = email.strip() if email else None
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise Invalid("#/email", "That is not an e-mail address.")
    if email and has_unseen(email):
        raise Invalid("#/email", "The e-mail address has characters that show nothing.")
    if not name.strip():
        raise Invalid("#/name", "Give a name.")
    if not email and not phone:
        raise Invalid("#/email", "Give an e-mail or a phone to sign in with.")
    strange = set(roles) - ROLES_OF[kind]
    if strange or not roles:
        allowed = ", ".join(sorted(ROLES_OF[kind]))
        raise Invalid("#/roles", f"Members of a {kind} can have the roles: {allowed}.")
    number = dialable(phone) if phone else None
    if phone and number is None:
        raise Invalid(
            "#/phone",
            f"'{phone}' cannot be dialled: give it with its area code, or with + and"
            " the country code.",
        )
    return Person(name, email.lower() if email else None, number, sorted(set(roles)))


def refuse_colleague(session: Session, org_id: UUID, person: Person) -> None:
    """Raise if a member of this company has the same e-mail or phone.

    Members of other companies are not checked, so the inviter learns nothing of them.
    If one has the same login, the invited person is told so when accepting.

    Raises: LoginTaken.
    """
    # scope: the company that the caller names.
    same = []
    if person.email is not None:
        same.append(func.lower(Member.email) == person.email)
    if person.phone is not None:
        same.append(Member.phone == person.phone)
    if session.scalar(
        select(Member.id).where(Member.org_id == org_id, or_(*same)).limit(1)
    ):
        raise LoginTaken("A colleague signs in with this e-mail or phone.")


def add(
    session: Session, org_id: UUID, person: Person, *, password_hash: str, locale: str
) -> Member:
    """Add a person to a company; a driver also gets a driver row.

    Raises: LoginTaken.
    """
    # scope: the row that this function has just written.
    member_id = session.scalar(
        insert(Member)
        .values(
            org_id=org_id,
            name=person.name,
            email=person.email,
            phone=person.phone,
            password_hash=password_hash,
            roles=person.roles,
            locale=locale,
        )
        .on_conflict_do_nothing()
        .returning(Member.id)
    )
    if member_id is None:
        raise LoginTaken("Another account signs in with this e-mail or phone.")
    if Role.DRIVER in person.roles:
        session.add(Driver(org_id=org_id, member_id=member_id))
        session.flush()
    return session.get_one(Member, member_id)


def organisation_of(session: Session, actor: Actor) -> Organisation:
    """Return the actor's company."""
    # scope: the actor's own company.
    return session.get_one(Organisation, actor.org_id)


def dispatchers_of(session: Session, org_id: UUID) -> list[UUID]:
    """Return the ids of the company's dispatchers who are still active."""
    # scope: ids only, of the company a job names.
    return list(
        session.scalars(
            select(Member.id).where(
                Member.org_id == org_id,
                Member.roles.contains([Role.DISPATCHER.value]),
                Member.deactivated_at.is_(None),
            )
        )
    )
