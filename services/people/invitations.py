"""Inviting people into a company; they choose their own passwords."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.roles import Role
from jobs import Job, enqueue
from models.people.credentials import Invitation
from models.people.organisations import Organisation
from notifications.letters import Letter, LetterKind, compose
from runtime.errors import Gone, NotFound
from services.kernel import tenancy
from services.kernel.actors import Actor
from services.kernel.limits import RateLimited
from services.kernel.standing import check_standing
from services.people import enrolments, families, lookups, members, proofs
from services.people.families import Tokens
from services.people.mailboxes import mailbox, take_letter
from services.people.one_time_tokens import link, opened
from services.people.proofs import Proof
from services.people.tokens import Keyring, fingerprint, one_time_tokens

OPEN_FOR = timedelta(hours=72)
PURPOSE = "invitation"


class InvitationOver(Gone):
    """Accepted, withdrawn, too old or never made: the answer does not say which."""

    code = "invitation-over"
    title = "The invitation is not valid"


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation and its token, which is shown only once."""

    invitation: Invitation
    token: str


def visible_invitations(actor: Actor) -> Select[Invitation]:
    """Return the company's invitations, newest first."""
    return (
        select(Invitation)
        .where(Invitation.org_id == actor.org_id)
        .order_by(Invitation.id.desc())
    )


def invite(
    session: Session,
    actor: Actor,
    keys: Keyring,
    *,
    name: str,
    roles: Sequence[Role],
    email: str | None = None,
    phone: str | None = None,
    locale: str = "en",
    now: datetime,
) -> Invited:
    """Invite a person into the actor's company; the invitation is open for 72 hours.

    Any person who has the token may accept, once. If there is an e-mail, a letter
    brings the token there; the inviter gets it as well, to pass it on. An earlier open
    invitation of the same login is withdrawn.

    phone: in any notation; kept as E.164.

    Locks: the company, so that two invitations at once are made one after the other.
    Raises: Invalid, LoginTaken if a colleague has this login, RateLimited.
    """
    # scope: the actor's own company.
    organisation = session.get_one(
        Organisation, actor.org_id, with_for_update={"key_share": True}
    )
    person = members.checked(
        organisation.kind, name=name, email=email, phone=phone, roles=roles
    )
    members.refuse_colleague(session, actor.org_id, person)
    if person.email is not None:
        _spare_mailbox(session, actor, keys, person.email)
    _withdraw_earlier(session, actor, person, now)
    invitation_id = uuid7()
    token = one_time_tokens(keys, PURPOSE, invitation_id)[0]
    invitation = Invitation(
        id=invitation_id,
        org_id=actor.org_id,
        invited_by=actor.member_id,
        name=person.name,
        email=person.email,
        phone=person.phone,
        roles=person.roles,
        locale=locale,
        token_hash=fingerprint(token),
        expires_at=now + OPEN_FOR,
    )
    session.add(invitation)
    session.flush()
    if person.email:
        enqueue(session, Job.INVITATIONS_MAIL, invitation_id=str(invitation_id))
    return Invited(invitation, token)


def _spare_mailbox(session: Session, actor: Actor, keys: Keyring, email: str) -> None:
    # The letters of other companies must not use up the quota of this one.
    words = f"invited by {actor.org_id} {mailbox(email)}"
    allowance = take_letter(session, keys, "invitations", words)
    if not allowance.is_allowed:
        raise RateLimited(allowance)


def _withdraw_earlier(
    session: Session, actor: Actor, person: members.Person, now: datetime
) -> None:
    # scope: the actor's own company.
    same = [
        column == value
        for column, value in (
            (Invitation.email, person.email),
            (Invitation.phone, person.phone),
        )
        if value is not None
    ]
    session.execute(
        update(Invitation)
        .where(
            Invitation.org_id == actor.org_id,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
            or_(*same),
        )
        .values(withdrawn_at=now)
    )


def withdraw(
    session: Session, actor: Actor, invitation_id: UUID, *, now: datetime
) -> None:
    """Withdraw the invitation: its token no longer works. Safe to repeat.

    Locks: the invitation. Raises: NotFound, InvitationOver if it was accepted.
    """
    invitation = session.scalar(
        visible_invitations(actor)
        .where(Invitation.id == invitation_id)
        .with_for_update()
    )
    if invitation is None:
        raise NotFound(f"No invitation {invitation_id} in your company.")
    if invitation.accepted_at is not None:
        raise InvitationOver("The invitation was accepted already.")
    invitation.withdrawn_at = invitation.withdrawn_at or now


def check_open(session: Session, token: str, *, now: datetime) -> None:
    """Raise unless the token is of an open invitation.

    Call it before a password is hashed for the token.

    Raises: InvitationOver.
    """
    _open_one(session, token, now, is_locked=False)


def accept(
    session: Session,
    keys: Keyring,
    *,
    token: str,
    password_hash: str,
    device_id: UUID | None,
    proof: Proof | None = None,
    now: datetime,
) -> Tokens:
    """Make the invited person a member, approve their phone and sign them in.

    A driver also gets a driver row. Cannot be repeated: a client that lost the answer
    signs in with the new password.

    device_id: None in a browser.
    proof: of the key to which the phone and the sign-in are bound, if it has one.

    Locks: the invitation. Raises: InvitationOver, LoginTaken, OrganisationSuspended,
    IdTaken, ProofInvalid.
    """
    if proof is not None:
        proofs.check_token(proof, token)
    invitation = _open_one(session, token, now, is_locked=True)
    check_standing(session, invitation.org_id)
    person = members.Person(
        invitation.name, invitation.email, invitation.phone, list(invitation.roles)
    )
    member = members.add(
        session,
        invitation.org_id,
        person,
        password_hash=password_hash,
        locale=invitation.locale,
    )
    tenancy.act_as_member(session, member.id)
    invitation.accepted_at = now
    invitation.member_id = member.id
    enrolments.admit(session, member, device_id, proof, now=now)
    return families.open_family(
        session, keys, member, device_id=device_id, proof=proof, now=now
    )


def _open_one(
    session: Session, token: str, now: datetime, *, is_locked: bool
) -> Invitation:
    found = lookups.invitation_of_token(session, token)
    invitation = opened(session, Invitation, found, is_locked=is_locked)
    if invitation is None or not _is_open(invitation, now):
        raise InvitationOver("Ask for a new invitation, or sign in.")
    return invitation


def _is_open(invitation: Invitation, now: datetime) -> bool:
    return (
        invitation.accepted_at is None
        and invitation.withdrawn_at is None
        and invitation.expires_at > now
    )


def letter(
    session: Session, keys: Keyring, invitation_id: UUID, *, app_url: str, now: datetime
) -> Letter | None:
    """Return the letter that brings the token, None if there is none to send (a job).

    There is none if the invitation is over or has no e-mail, or if the key that made
    its token is no longer in force.
    """
    # scope: a job, for one invitation.
    invitation = session.get(Invitation, invitation_id)
    if invitation is None or not invitation.email or not _is_open(invitation, now):
        return None
    where = link(keys, PURPOSE, invitation.id, invitation.token_hash, app_url=app_url)
    if where is None:
        return None
    organisation = session.get_one(Organisation, invitation.org_id)
    return compose(
        LetterKind.INVITATION,
        invitation.id,
        to=invitation.email,
        locale=invitation.locale,
        link=where,
        company=organisation.name,
    )
