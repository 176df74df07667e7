"""Sign-ins and their refresh tokens: one family for each, tied to its device."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from freight.roles import Role
from models.people.organisations import Member, RefreshFamily
from runtime.errors import Unauthenticated
from services.kernel import events
from services.kernel.events import Cause
from services.kernel.standing import check_may_finish
from services.people import lookups, proofs
from services.people.proofs import Proof
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
    family_id: UUID


class StolenToken(Unauthenticated):
    """A refresh token seems to be stolen.

    The caller calls `end_stolen` in a new transaction; this one is rolled back.
    """

    event: str

    family_id: UUID

    def __init__(self, family_id: UUID, detail: str) -> None:
        super().__init__(detail, counted_as=str(family_id))
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


class KeyMismatch(StolenToken):
    """The refresh token came without a proof of its phone's key, or with another key's.

    So it is a copy: the key cannot leave the phone.
    """

    code = "refresh-key-mismatch"
    title = "This sign-in was ended for safety"
    event = "session.key_mismatch"

    def __init__(self, family_id: UUID) -> None:
        super().__init__(
            family_id, "The refresh token belongs to a phone's key: sign in again."
        )


class TokenSuperseded(Unauthenticated):
    """The phone itself sent an old refresh token, or a request of it came late.

    It ends nothing, and gives nothing.
    """

    code = "refresh-token-superseded"
    title = "A newer refresh token is in use"


def open_family(
    session: Session,
    keys: Keyring,
    member: Member,
    *,
    device_id: UUID | None,
    proof: Proof | None = None,
    now: datetime,
) -> Tokens:
    """Begin a sign-in on this device; return its first tokens.

    device_id: None in a browser.
    proof: of the key to which the sign-in is bound, if it has one.
    """
    family = RefreshFamily(
        org_id=member.org_id,
        member_id=member.id,
        device_id=device_id,
        seed=secrets.token_hex(32),
        expires_at=now + keys.lives.refresh,
        last_used_at=now,
        generation=0,
        key_thumbprint=proof.thumbprint if proof else None,
        sign_in_proof=proof.used if proof else None,
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
    proof: Proof | None = None,
    deny_within: timedelta,
    now: datetime,
) -> Tokens:
    """Return the refresh token that follows `token`, and a new access token.

    Safe to repeat until the new refresh token is used: `token` gets it again, at any
    time with a new proof of the family's key, and without a key for `repeat` after its
    making. A later repeat and an older token count as stolen, and so do a token from
    another device and one without the family's key: the caller then ends the whole
    family.

    deny_within: as `check_may_finish` asks.

    Locks: the family. Raises: Unauthenticated; OrganisationSuspended if the company
    has no load underway either; TokenReused, DeviceMismatch, KeyMismatch; with the
    family's key TokenSuperseded, ProofInvalid.
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
        raise Unauthenticated(
            "This sign-in has ended: sign in again.", counted_as=str(family.id)
        )
    if family.device_id != device_id:
        raise DeviceMismatch(family.id)
    if family.key_thumbprint is None:
        _rotate(family, generation, keys, now)
    else:
        _rotate_by_key(family, generation, token, proof, now)
    check_may_finish(session, family.org_id, deny_within=deny_within)
    return _tokens(keys, family, now)


def _rotate(
    family: RefreshFamily, generation: int, keys: Keyring, now: datetime
) -> None:
    if generation == family.generation + 1:
        family.generation = generation
        # A repeat does not move it: it would prolong its own time.
        family.last_used_at = now
        return
    is_last = generation == family.generation
    if not is_last or now - family.last_used_at > keys.lives.repeat:
        raise TokenReused(family.id)


def _rotate_by_key(
    family: RefreshFamily,
    generation: int,
    token: str,
    proof: Proof | None,
    now: datetime,
) -> None:
    if proof is None or proof.thumbprint != family.key_thumbprint:
        raise KeyMismatch(family.id)
    proofs.check_token(proof, token)
    if generation not in (family.generation, family.generation + 1):
        raise TokenSuperseded("A newer refresh token was used: use that, or sign in.")
    is_repeat = generation == family.generation
    family.used_proofs = proofs.remember(family.used_proofs if is_repeat else [], proof)
    family.generation = generation
    family.last_used_at = now


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
        family.id,
    )
