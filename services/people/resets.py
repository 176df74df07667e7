"""New passwords: changed with the old password, or reset by mail."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from jobs import Job, enqueue
from models.people.credentials import PasswordReset
from models.people.organisations import Member, Organisation
from notifications.letters import Letter, LetterKind, compose
from runtime.errors import Gone, Unauthenticated
from services.kernel import tenancy
from services.kernel.actors import Actor
from services.people import families, lockouts, lookups
from services.people.encryption import CannotDecrypt, decrypt, encrypt
from services.people.mailboxes import mailbox, take_letter
from services.people.one_time_tokens import link, opened
from services.people.tokens import Keyring, fingerprint, one_time_tokens

OPEN_FOR = timedelta(hours=1)
NOT_AGAIN_FOR = timedelta(minutes=5)
"""A stranger who asks again and again must not flood a member's mailbox."""

PURPOSE = "password_reset"


class ResetOver(Gone):
    """Used, too old or never made: the answer does not say which."""

    code = "reset-over"
    title = "The password reset is not valid"


def password_hash_of(session: Session, actor: Actor) -> str:
    """Return the hash of the actor's password."""
    # scope: the actor's own row.
    return session.get_one(Member, actor.member_id).password_hash


def locked_member(session: Session, actor: Actor, checked_hash: str) -> Member:
    """Return the actor's own row, whose password was checked against this hash.

    Locks: the member. Raises: Unauthenticated if the password was changed meanwhile.
    """
    # scope: the actor's own row.
    member = session.get_one(Member, actor.member_id, with_for_update=True)
    if member.password_hash != checked_hash:
        raise Unauthenticated("The password was changed meanwhile: sign in again.")
    return member


def change(
    session: Session,
    actor: Actor,
    *,
    old_hash: str,
    new_hash: str,
    family_id: UUID,
    now: datetime,
) -> None:
    """Set the actor's new password, and end all their sign-ins but this one.

    Open resets end as well.

    old_hash: the hash that the old password was checked against.
    family_id: of this sign-in.

    Locks: the member, their families. Raises: Unauthenticated if the password was
    changed meanwhile.
    """
    member = locked_member(session, actor, old_hash)
    member.password_hash = new_hash
    families.end_families(
        session, member.id, "password changed", now, except_id=family_id
    )
    _end_open(session, member.id, now)


def ask(session: Session, keys: Keyring, login: str) -> None:
    """Queue a job that makes a reset for this login.

    Whether the login has an account is not looked up here, so the answer is the same
    for every login. The job's arguments contain the login encrypted.
    """
    enqueue(session, Job.RESETS_BEGIN, login=encrypt(keys.cipher, login))


def begin(
    session: Session, keys: Keyring, encrypted_login: str, *, now: datetime
) -> bool:
    """Make a reset for the login's member, and queue its letter (a job).

    Does nothing if no member has the login, the member has no e-mail, the last reset
    is less than five minutes old, the mailbox has had its resets of the day, or the
    login cannot be decrypted. Earlier resets stay open: a stranger who asks must not
    end the member's own. Returns whether a reset was made.

    Locks: the member, the count of the mailbox.
    """
    # scope: ids only, before the caller is signed in.
    try:
        login = decrypt(keys.cipher, encrypted_login)
    except CannotDecrypt:
        return False
    found = lookups.member_of_login(session, login)
    if found is None:
        return False
    member = session.get_one(Member, found.id, with_for_update=True)
    is_recent = select(PasswordReset.id).where(
        PasswordReset.member_id == member.id,
        PasswordReset.created_at > now - NOT_AGAIN_FOR,
    )
    if member.email is None or session.scalar(is_recent.limit(1)):
        return False
    words = f"reset of {mailbox(member.email)}"
    if not take_letter(session, keys, "resets", words).is_allowed:
        return False
    reset_id = uuid7()
    session.add(
        PasswordReset(
            id=reset_id,
            org_id=member.org_id,
            member_id=member.id,
            token_hash=fingerprint(one_time_tokens(keys, PURPOSE, reset_id)[0]),
            created_at=now,
            expires_at=now + OPEN_FOR,
        )
    )
    enqueue(session, Job.RESETS_MAIL, reset_id=str(reset_id))
    return True


def letter(
    session: Session, keys: Keyring, reset_id: UUID, *, app_url: str, now: datetime
) -> Letter | None:
    """Return the letter that brings the token, None if there is none to send (a job).

    There is none if the reset is over, the member has no e-mail, or the key that made
    the token is no longer in force.
    """
    # scope: a job, for one reset.
    reset = session.get(PasswordReset, reset_id)
    if reset is None or not _is_open(reset, now):
        return None
    member = session.get_one(Member, reset.member_id)
    where = link(keys, PURPOSE, reset.id, reset.token_hash, app_url=app_url)
    if where is None or member.email is None:
        return None
    return compose(
        LetterKind.PASSWORD_RESET,
        reset.id,
        to=member.email,
        locale=member.locale,
        link=where,
        company=session.get_one(Organisation, reset.org_id).name,
    )


def check_open(session: Session, token: str, *, now: datetime) -> None:
    """Raise unless the token is of an open reset.

    Call it before a password is hashed for the token.

    Raises: ResetOver.
    """
    _open_one(session, token, now, is_locked=False)


def complete(session: Session, *, token: str, new_hash: str, now: datetime) -> None:
    """Set the new password, end all sign-ins of the member and unlock their logins.

    The second factor stays. The token works once; all other resets of the member end.

    Locks: the member, the reset, their families, their other resets. Raises: ResetOver.
    """
    # scope: the member of a token.
    found = _open_one(session, token, now, is_locked=False)
    # The member first: two resets of one member are used one after the other.
    member = session.get_one(Member, found.member_id, with_for_update=True)
    reset = _open_one(session, token, now, is_locked=True)
    if member.deactivated_at is not None:
        raise ResetOver("Ask for a new reset.")
    tenancy.act_as_member(session, member.id)
    member.password_hash = new_hash
    reset.used_at = now
    families.end_families(session, member.id, "password reset", now)
    _end_open(session, member.id, now)
    for login in (member.email, member.phone):
        if login is not None:
            lockouts.forgive(session, lockouts.of_login(login))


def _open_one(
    session: Session, token: str, now: datetime, *, is_locked: bool
) -> PasswordReset:
    found = lookups.reset_of_token(session, token)
    reset = opened(session, PasswordReset, found, is_locked=is_locked)
    if reset is None or not _is_open(reset, now):
        raise ResetOver("Ask for a new reset.")
    return reset


def _is_open(reset: PasswordReset, now: datetime) -> bool:
    return reset.used_at is None and reset.expires_at > now


def _end_open(session: Session, member_id: UUID, now: datetime) -> None:
    # scope: the resets of one member whom the caller has found.
    session.execute(
        update(PasswordReset)
        .where(PasswordReset.member_id == member_id, PasswordReset.used_at.is_(None))
        .values(used_at=now)
    )
