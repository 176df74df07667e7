"""Sign-ins and their refresh tokens: one family for each, tied to its device."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from freight.roles import Role
from models.people.organisations import Member, RefreshFamily
from runtime.errors import Unauthenticated
from services.kernel import events
from services.kernel.events import Cause
from services.kernel.standing import check_standing
from services.people import lookups
from services.people.tokens import (
    Claims,
    Keyring,
    access_token,
    is_refresh_token,
    refresh_token,
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client keeps. `expires_in_s` is how long the access token is valid."""

    access_token: str
    refresh_token: str
    expires_in_s: int
    member_id: UUID


class StolenToken(Unauthenticated):
    """A refresh token seems to be stolen.

    The caller calls `end_stolen` in a new transaction; this one is rolled back.
    """

    event: str

    def __init__(self, family_id: UUID, detail: str) -> None:
        super().__init__(detail)
        self.family_id = family_id


class TokenReused(StolenToken):
    """An old refresh token was used again, so it was probably copied."""

    code = "refresh-token-reused"
    title = "This sign-in was ended for safety"
    event = "session.token_reused"

    def __init__(self, family_id: UUID) -> None:
        super().__init__(
            family_id, "An old refresh token was used again: sign in again."
        )


class DeviceMismatch(StolenToken):
    """The refresh token came from another device than the one that signed in."""

    code = "refresh-device-mismatch"
    title = "This sign-in was ended for safety"
    event = "session.device_mismatch"

    def __init__(self, family_id: UUID) -> None:
        super().__init__(
            family_id, "The refresh token belongs to another device: sign in again."
        )


def open_family(
    session: Session,
    keys: Keyring,
    member: Member,
    *,
    device_id: UUID | None,
    now: datetime,
) -> Tokens:
    """Begin a sign-in on this device; return its first tokens.

    device_id: None in a browser.
    """
    family = RefreshFamily(
        org_id=member.org_id,
        member_id=member.id,
        device_id=device_id,
        seed=secrets.token_hex(32),
        expires_at=now + keys.lives.refresh,
        last_used_at=now,
        generation=0,
    )
    session.add(family)
    session.flush()
    return _tokens(keys, family, now)


def refresh(
    session: Session,
    keys: Keyring,
    *,
    token: str,
    device_id: UUID | None = None,
    now: datetime,
) -> Tokens:
    """Return the refresh token that follows `token`, and a new access token.

    Safe to repeat: until the new refresh token is used, `token` gets it again. An older
    token counts as stolen, and so does one from another device: the caller then ends
    the whole family.

    Locks: the family. Raises: Unauthenticated, TokenReused, DeviceMismatch,
    OrganisationSuspended.
    """
    # scope: the family of a token we derived.
    family_id, generation = _parse(token)
    found = lookups.family_of_token(session, family_id)
    family = (
        session.get(RefreshFamily, found.id, with_for_update=True) if found else None
    )
    if family is None or not is_refresh_token(
        keys, token, family_id=family.id, seed=family.seed, generation=generation
    ):
        raise Unauthenticated("The refresh token is not valid.")
    member = session.get_one(Member, family.member_id)
    if _has_ended(family, keys, now) or member.deactivated_at:
        raise Unauthenticated("This sign-in has ended: sign in again.")
    if family.device_id != device_id:
        raise DeviceMismatch(family.id)
    if generation not in (family.generation, family.generation + 1):
        raise TokenReused(family.id)
    check_standing(session, family.org_id)
    family.generation = generation
    family.last_used_at = now
    return _tokens(keys, family, now)


def _has_ended(family: RefreshFamily, keys: Keyring, now: datetime) -> bool:
    return (
        family.revoked_at is not None
        or family.expires_at <= now
        or family.last_used_at + keys.lives.idle <= now
    )


def end_family(session: Session, family_id: UUID, reason: str, now: datetime) -> None:
    """End the sign-in. Safe to repeat. Locks: the family."""
    # scope: a family of ours, by its id.
    family = session.get(RefreshFamily, family_id, with_for_update=True)
    if family is not None and family.revoked_at is None:
        family.revoked_at = now
        family.revoked_reason = reason


def end_stolen(session: Session, theft: StolenToken, now: datetime) -> None:
    """End the family of a stolen token, and record that for its company.

    Safe to repeat: each family gets one event. Locks: the family.
    """
    # scope: the family of a token we derived.
    lookups.family_of_token(session, theft.family_id)
    family = session.get(RefreshFamily, theft.family_id, with_for_update=True)
    if family is None or family.revoked_at is not None:
        return
    end_family(session, family.id, theft.code, now)
    events.record(
        session,
        Cause(now, reason=theft.code),
        Role.SYSTEM,
        org_id=family.org_id,
        subject="member",
        subject_id=family.member_id,
        kind=theft.event,
        body={"family_id": str(family.id), "device_id": _text(family.device_id)},
    )


def end_families(
    session: Session,
    member_id: UUID,
    reason: str,
    now: datetime,
    *,
    device_id: UUID | None = None,
    except_id: UUID | None = None,
) -> None:
    """End the member's sign-ins: all, those of one device, or all but one.

    Safe to repeat. Locks: those families.
    """
    # scope: the sign-ins of one member whom the caller has found.
    ended = update(RefreshFamily).where(
        RefreshFamily.member_id == member_id, RefreshFamily.revoked_at.is_(None)
    )
    if device_id is not None:
        ended = ended.where(RefreshFamily.device_id == device_id)
    if except_id is not None:
        ended = ended.where(RefreshFamily.id != except_id)
    session.execute(ended.values(revoked_at=now, revoked_reason=reason))


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _parse(token: str) -> tuple[UUID, int]:
    try:
        family_id, generation, _ = token.split(".")
        return UUID(family_id), int(generation)
    except ValueError:
        raise Unauthenticated("The refresh token is not valid.") from None


def _tokens(keys: Keyring, family: RefreshFamily, now: datetime) -> Tokens:
    subject = Claims(family.member_id, family.org_id, family.id, family.device_id)
    return Tokens(
        access_token(keys, subject, now=now),
        refresh_token(keys, family.id, family.seed, family.generation + 1),
        int(keys.lives.access.total_seconds()),
        family.member_id,
    )
