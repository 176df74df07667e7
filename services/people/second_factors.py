"""The second factor: codes of an authenticator app, and recovery codes."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from uuid import UUID

import pyotp
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.people.credentials import SecondFactor
from runtime.errors import Conflict, Unauthenticated
from services.kernel import events
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.people import resets
from services.people.encryption import CannotDecrypt, decrypt, encrypt
from services.people.tokens import Keyring, fingerprint

STEP_S = 30
"""How long the app shows a code. Source: RFC 6238, section 5.2."""

WINDOW = 1
"""Steps accepted before and after this one, as clocks differ. RFC 6238: at most 1."""

RECOVERY_CODES = 10
ISSUER = "Backhaul"


class SecondFactorRequired(Unauthenticated):
    """The password was right; a code of the authenticator app is missing or wrong."""

    code = "second-factor-required"
    title = "Give a code of your authenticator app"


class SecondFactorWrong(Conflict):
    """The code is wrong, or there is no second factor that it could change."""

    code = "second-factor-wrong"
    title = "That code does not work"


class SecondFactorActive(Conflict):
    """The member has a confirmed second factor already."""

    code = "second-factor-active"
    title = "The second factor is on already"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the authenticator app needs, shown only once. `uri` is for a QR code."""

    secret: str
    uri: str


def state_of(session: Session, actor: Actor) -> SecondFactor | None:
    """Return the actor's confirmed factor, None if there is none."""
    # scope: the actor's own factor.
    factor = session.get(SecondFactor, actor.member_id)
    return factor if factor is not None and factor.confirmed_at else None


def enrol(
    session: Session, actor: Actor, keys: Keyring, *, checked_hash: str
) -> Enrolment:
    """Make a secret for the actor's app; sign-ins need no code until it is confirmed.

    May be repeated until then: the newest secret counts.

    checked_hash: the hash that the actor's password was checked against. A copied
        access token alone must not lock its owner out.

    Locks: the member, the factor. Raises: SecondFactorActive, Unauthenticated if the
    password was changed meanwhile.
    """
    # scope: the actor's own factor.
    member = resets.locked_member(session, actor, checked_hash)
    secret = pyotp.random_base32()
    session.execute(
        insert(SecondFactor)
        .values(member_id=actor.member_id, org_id=actor.org_id, encrypted_secret="")
        .on_conflict_do_nothing()
    )
    factor = session.get_one(
        SecondFactor, actor.member_id, with_for_update=True, populate_existing=True
    )
    if factor.confirmed_at is not None:
        raise SecondFactorActive("Turn it off first, with one of its codes.")
    factor.encrypted_secret = encrypt(keys.cipher, secret)
    label = member.email or member.phone or member.name
    uri = pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=ISSUER)
    session.flush()
    return Enrolment(secret, uri)


def confirm(
    session: Session, actor: Actor, keys: Keyring, *, code: str, now: datetime
) -> list[str]:
    """Turn the factor on with a first code; return the recovery codes.

    Only hashes of the recovery codes are kept, so they cannot be shown again. An event
    records it.

    Locks: the factor. Raises: SecondFactorWrong, SecondFactorActive.
    """
    # scope: the actor's own factor.
    factor = session.get(SecondFactor, actor.member_id, with_for_update=True)
    if factor is not None and factor.confirmed_at is not None:
        raise SecondFactorActive("There is nothing to confirm.")
    if factor is None or not _use_code(factor, keys, code, now):
        raise SecondFactorWrong("Get a secret, then give the code your app shows now.")
    codes = [secrets.token_hex(10) for _ in range(RECOVERY_CODES)]
    factor.recovery_hashes = [fingerprint(code) for code in codes]
    factor.confirmed_at = now
    _record(session, actor, "second_factor.confirmed", now)
    return codes


def remove(
    session: Session, actor: Actor, keys: Keyring, *, code: str, now: datetime
) -> None:
    """Turn the factor off, with a code of the app or a recovery code.

    An event records it, if the factor was on.

    Locks: the factor. Raises: SecondFactorWrong.
    """
    # scope: the actor's own factor.
    factor = session.get(SecondFactor, actor.member_id, with_for_update=True)
    if factor is None or not _use(factor, keys, code, now):
        raise SecondFactorWrong("Give a new code of your app, or a recovery code.")
    if factor.confirmed_at is not None:
        _record(session, actor, "second_factor.removed", now)
    session.delete(factor)


def _record(session: Session, actor: Actor, kind: str, now: datetime) -> None:
    events.record(
        session,
        Cause(now, actor),
        min(actor.roles),
        org_id=actor.org_id,
        subject="member",
        subject_id=actor.member_id,
        kind=kind,
    )


def demand(
    session: Session,
    member_id: UUID,
    keys: Keyring,
    *,
    code: str | None,
    now: datetime,
) -> None:
    """Raise if the member has a confirmed factor, unless an unused code is given.

    The code, of the app or a recovery code, is used up.

    Locks: the factor. Raises: SecondFactorRequired.
    """
    # scope: the factor of the member who is signing in.
    factor = session.get(SecondFactor, member_id, with_for_update=True)
    if factor is None or factor.confirmed_at is None:
        return
    if code is None:
        raise SecondFactorRequired("Sign in again, with a code as `totp`.")
    if not _use(factor, keys, code, now):
        raise SecondFactorRequired("The code is wrong, or was used before.")


def _use(factor: SecondFactor, keys: Keyring, code: str, now: datetime) -> bool:
    return _use_code(factor, keys, code, now) or _use_recovery(factor, code)


def _use_code(factor: SecondFactor, keys: Keyring, code: str, now: datetime) -> bool:
    """Say whether the code is right; if so, it and all earlier codes stop working."""
    try:
        secret = decrypt(keys.cipher, factor.encrypted_secret)
    except CannotDecrypt:
        # The key was changed twice since; the recovery codes still work.
        return False
    totp = pyotp.TOTP(secret, interval=STEP_S)
    given = "".join(code.split()).encode()
    step = int(now.timestamp()) // STEP_S
    for candidate in range(step - WINDOW, step + WINDOW + 1):
        is_right = compare_digest(totp.at(candidate * STEP_S).encode(), given)
        if is_right and candidate > factor.last_step:
            factor.last_step = candidate
            # With the newest key, so that the old one is not needed after a rotation.
            factor.encrypted_secret = encrypt(keys.cipher, secret)
            return True
    return False


def _use_recovery(factor: SecondFactor, code: str) -> bool:
    used = fingerprint("".join(code.split()).lower())
    if used not in factor.recovery_hashes:
        return False
    factor.recovery_hashes = [kept for kept in factor.recovery_hashes if kept != used]
    return True
