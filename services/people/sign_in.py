"""Signing in, and the member to whom a token belongs."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.roles import Role
from models.people.organisations import Member, OrganisationKind
from runtime.db import call_alone
from runtime.errors import Unauthenticated
from services.kernel import events, limits
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.limits import Allowance, Asked
from services.kernel.standing import check_may_finish
from services.people import (
    enrolments,
    families,
    lockouts,
    lookups,
    passwords,
    second_factors,
)
from services.people.enrolments import DeviceKeyMismatch
from services.people.families import Tokens
from services.people.proofs import Proof
from services.people.tokens import Claims, Keyring


class WrongCredentials(Unauthenticated):
    """Unknown account or wrong password: the answer does not say which."""

    code = "wrong-credentials"
    title = "Sign-in refused"


class HashChanged(WrongCredentials):
    """The stored hash has changed since the password was checked.

    Either the password was changed, or another sign-in renewed its hash. To find out,
    the caller checks the password again.
    """


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a login.

    org_id, member_id: None if there is no account; then no password matches the hash.
    renewed_hash: a new hash of the checked password, if the stored one is outdated.
    """

    login: str
    org_id: UUID | None
    member_id: UUID | None
    password_hash: str = field(repr=False)
    renewed_hash: str | None = field(default=None, repr=False)


def begin_sign_in(session: Session, login: str, *, now: datetime) -> Account:
    """Count the attempt; return the account of this login, or an empty one.

    The database gets the same queries for both, so that the time taken does not reveal
    whether there is an account.

    Locks: the login's row of attempts. Raises: AccountLocked.
    """
    # scope: before the caller is signed in.
    lockouts.count_attempt(session, lockouts.of_login(login), now=now)
    found = lookups.member_of_login(session, login)
    member = session.get(Member, found.id if found else uuid7())
    if member is None:
        return Account(login, None, None, passwords.NOBODY)
    return Account(login, member.org_id, member.id, member.password_hash)


def check_password(account: Account, password: str) -> Account:
    """Return the account if this is its password; with a renewed hash if needed.

    Slow on purpose, also without an account. Call it outside of transactions, which
    would keep their connections while they wait for a free slot.

    Raises: WrongCredentials.
    """
    is_right = passwords.matches(account.password_hash, password)
    if account.member_id is None or not is_right:
        raise WrongCredentials("The login or the password is wrong.")
    if passwords.is_outdated(account.password_hash):
        return replace(account, renewed_hash=passwords.hash_password(password))
    return account


def sign_in(
    session: Session,
    keys: Keyring,
    account: Account,
    *,
    device_id: UUID | None,
    proof: Proof | None = None,
    totp: str | None = None,
    deny_within: timedelta,
    now: datetime,
) -> Tokens:
    """Begin a sign-in for the account whose password was checked.

    The renewed hash, if there is one, is stored.

    proof: of the key to which the phone and the sign-in are bound; its nonce was
        checked.
    totp: a code of the authenticator app or a recovery code, if there is a factor.
    deny_within: as `check_may_finish` asks.

    Locks: the member, their factor, the device. Raises: HashChanged,
    OrganisationSuspended (with no load underway), SecondFactorRequired,
    DeviceNotApproved, DeviceKeyMismatch, ProofInvalid, IdTaken.
    """
    # scope: the member whose password was checked.
    is_kept = account.renewed_hash is None
    member = session.get_one(
        Member, account.member_id, with_for_update={"read": is_kept}
    )
    if member.deactivated_at or member.password_hash != account.password_hash:
        raise HashChanged("The login or the password is wrong.")
    check_may_finish(session, member.org_id, deny_within=deny_within)
    second_factors.demand(session, member.id, keys, code=totp, now=now)
    enrolments.admit(session, member, device_id, proof, now=now)
    lockouts.forgive(session, lockouts.of_login(account.login))
    if account.renewed_hash is not None:
        member.password_hash = account.renewed_hash
    return families.open_family(
        session, keys, member, device_id=device_id, proof=proof, now=now
    )


def ask_for_device(
    session: Session,
    account: Account,
    device_id: UUID,
    proof: Proof | None = None,
    *,
    now: datetime,
) -> None:
    """Show the phone to the dispatchers, after DeviceNotApproved.

    Safe to repeat. Locks: the device. Raises: IdTaken, DeviceKeyMismatch.
    """
    # scope: the member whose password was checked.
    member = session.get_one(Member, account.member_id)
    lockouts.forgive(session, lockouts.of_login(account.login))
    enrolments.ask(session, member, device_id, proof, now=now)


def record_key_mismatch(
    session: Session, account: Account, device_id: UUID, *, now: datetime
) -> None:
    """Record, after DeviceKeyMismatch, that the right password came without the key.

    Each call makes an event of the member's company; their number is limited, as each
    attempt is counted.
    """
    # scope: the member whose password was checked.
    member = session.get_one(Member, account.member_id)
    events.record(
        session,
        Cause(now, reason=DeviceKeyMismatch.code),
        Role.SYSTEM,
        org_id=member.org_id,
        subject="member",
        subject_id=member.id,
        kind="device.key_mismatch",
        body={"device_id": str(device_id)},
    )


ENTER: LiteralString = """
    select kind, suspended_at, roles, driver, locale, ahead_s, waiting_s
    from enter(%s, %s, %s, %s, %s, %s)
"""
"""Source: `migrations/versions/0016_exits.py`."""


def enter(claims: Claims, asked: Asked) -> tuple[Actor, list[Allowance]]:
    """Return the member to whom a valid token belongs, and what their limits leave.

    The roles are the current ones. One statement with a transaction of its own: the
    request stays counted, whatever becomes of it. One that raises is not counted.

    asked: rules as for `limits.take_each`.

    Locks: for that statement, the keys' rows. Raises: Unauthenticated if the member was
    deactivated or the sign-in has ended.
    """
    # scope: the member of a token we signed.
    values = (claims.org_id, claims.member_id, claims.family_id)
    ((kind, suspended_at, roles, driver_id, locale, ahead_s, waiting_s),) = call_alone(
        ENTER, values + limits.arguments(asked)
    )
    if kind is None:
        raise Unauthenticated(
            "This sign-in has ended: sign in again.", counted_as=str(claims.family_id)
        )
    actor = Actor(
        *(claims.member_id, claims.org_id, OrganisationKind(kind)),
        *(frozenset(map(Role, roles)), driver_id, locale),
        is_suspended=suspended_at is not None,
    )
    return actor, limits.allowances(asked, ahead_s, waiting_s)
