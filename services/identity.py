"""Signing in, staying signed in, and who a token belongs to."""

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from errors import Unauthenticated
from freight.roles import Role
from models.drivers import Driver
from models.organisations import Member, Organisation, RefreshFamily
from services.actors import Actor
from services.phones import e164
from services.tokens import Claims, Keyring, access_token, refresh_token

HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
"""OWASP's 46 MiB, one pass: 53 ms here."""

SHORTEST_PASSWORD = 10

_slots = threading.Semaphore(4)
"""A flood of sign-ins must not eat the memory: 4 x 46 MiB at most."""

_NOBODY = HASHER.hash(secrets.token_hex())


class WrongCredentials(Unauthenticated):
    """Unknown account or wrong password: the answer does not say which."""

    code = "wrong-credentials"
    title = "Sign-in refused"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client keeps. `expires_in_s` is the access token's."""

    access_token: str
    refresh_token: str
    expires_in_s: int
    member_id: UUID


def hash_password(password: str) -> str:
    """Return the argon2id hash."""
    with _slots:
        return HASHER.hash(password)


def _matches(password_hash: str, password: str) -> bool:
    try:
        with _slots:
            return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a login names; None is nobody, with a hash that no password opens."""

    member_id: UUID | None
    org_id: UUID | None
    password_hash: str = field(repr=False)


def find_account(session: Session, login: str) -> Account:
    """Return the account of this e-mail or phone, nobody's if there is none.

    login: as people write it: capitals in an e-mail, dots or spaces in a phone.
    """
    # scope: before anybody is signed in.
    member_id = session.scalar(
        text("select enter_by_login(:login)"), {"login": _kept_login(login)}
    )
    member = session.scalar(
        select(Member).where(Member.id == member_id, Member.deactivated_at.is_(None))
    )
    if member is None:
        return Account(None, None, _NOBODY)
    return Account(member.id, member.org_id, member.password_hash)


def check_password(account: Account, password: str) -> UUID:
    """Return the member whose password this is.

    Slow on purpose, also for nobody: call it outside of transactions, which would
    keep their connections while they wait for a free slot.

    Raises: WrongCredentials.
    """
    is_right = _matches(account.password_hash, password)
    if account.member_id is None or not is_right:
        raise WrongCredentials("The login or the password is wrong.")
    return account.member_id


def sign_in(
    session: Session, keys: Keyring, member_id: UUID, *, now: datetime
) -> Tokens:
    """Open a refresh family for a member whose password was checked."""
    # scope: the member whose password was checked.
    family = RefreshFamily(
        member_id=member_id,
        seed=secrets.token_hex(32),
        expires_at=now + keys.refresh_ttl,
        generation=0,
    )
    session.add(family)
    session.flush()
    return _tokens(keys, session.get_one(Member, member_id), family, now)


def _kept_login(login: str) -> str:
    login = login.strip()
    return login if "@" in login else e164(login) or login


def refresh(session: Session, keys: Keyring, *, token: str, now: datetime) -> Tokens:
    """Return the successor of `token`, and a new access token.

    Safe to repeat: until the successor is used, its predecessor gets it again. An
    older token is a stolen one: the whole family ends.

    Locks: the family. Raises: Unauthenticated.
    """
    # scope: the family of a token we derived.
    family_id, generation = _parse(token)
    enter_by_family(session, family_id)
    family = session.get(RefreshFamily, family_id, with_for_update=True)
    if family is None or not compare_digest(
        refresh_token(keys, family.id, family.seed, generation).encode(),
        token.encode(),
    ):
        raise Unauthenticated("The refresh token is not valid.")
    member = session.get_one(Member, family.member_id)
    if family.revoked_at or family.expires_at <= now or member.deactivated_at:
        raise Unauthenticated("This sign-in has ended: sign in again.")
    if generation == family.generation + 1:
        family.generation = generation
    elif generation != family.generation:
        raise TokenReused(family.id)
    return _tokens(keys, member, family, now)


class TokenReused(Unauthenticated):
    """An old refresh token came back: somebody copied it."""

    code = "refresh-token-reused"
    title = "This sign-in was ended for safety"

    def __init__(self, family_id: UUID) -> None:
        super().__init__("An old refresh token was used again: sign in again.")
        self.family_id = family_id


def enter_by_family(session: Session, family_id: UUID) -> None:
    """Let this transaction act for the company whose sign-in this is, if there is one.

    A database function: before a token is checked no company is known.
    """
    session.execute(text("select enter_by_family(:id)"), {"id": family_id})


def end_family(session: Session, family_id: UUID, reason: str, now: datetime) -> None:
    """End the sign-in. Safe to repeat. Locks: the family."""
    # scope: a family of ours, by its id.
    enter_by_family(session, family_id)
    family = session.get(RefreshFamily, family_id, with_for_update=True)
    if family is not None and family.revoked_at is None:
        family.revoked_at = now
        family.revoked_reason = reason


def actor_for(session: Session, claims: Claims) -> Actor:
    """Return who a valid token belongs to, as the database knows him now.

    Raises: Unauthenticated if he left or the sign-in has ended.
    """
    # scope: the member of a token we signed.
    row = session.execute(
        select(Member, Organisation.kind, Driver.id)
        .join(Organisation, Organisation.id == Member.org_id)
        .join(RefreshFamily, RefreshFamily.member_id == Member.id)
        .outerjoin(Driver, Driver.member_id == Member.id)
        .where(
            Member.id == claims.member_id,
            Member.deactivated_at.is_(None),
            RefreshFamily.id == claims.family_id,
            RefreshFamily.revoked_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise Unauthenticated("This sign-in has ended: sign in again.")
    member, kind, driver_id = row
    roles = frozenset(Role(role) for role in member.roles)
    return Actor(member.id, member.org_id, kind, roles, driver_id, member.locale)


def _parse(token: str) -> tuple[UUID, int]:
    try:
        family_id, generation, _ = token.split(".")
        return UUID(family_id), int(generation)
    except ValueError:
        raise Unauthenticated("The refresh token is not valid.") from None


def _tokens(
    keys: Keyring, member: Member, family: RefreshFamily, now: datetime
) -> Tokens:
    return Tokens(
        access_token(
            keys,
            member_id=member.id,
            org_id=member.org_id,
            family_id=family.id,
            now=now,
        ),
        refresh_token(keys, family.id, family.seed, family.generation + 1),
        int(keys.access_ttl.total_seconds()),
        member.id,
    )
