"""Pushes: whether each is still worth sending, and what follows from its outcome."""

# scope: a job, for the pushes to one phone.

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, any_, bindparam, func, select, update
from sqlalchemy.orm import Session, load_only

from freight.lifecycles import OPEN_OFFERS, OfferAct
from freight.roles import Role
from models.fleet.drivers import Driver
from models.offers.offers import Offer
from models.offers.pushes import Push, PushStatus
from models.people.devices import Device
from notifications import outbox
from notifications.gateway import QUOTA_WAIT_S
from notifications.messages import OF_AN_OPEN_OFFER, MessageKind, compose
from notifications.sender import Attempt, Envelope, Outcome
from services.kernel import events, moves
from services.kernel.events import Cause
from services.people import members

Found = Row[*tuple[Any, ...]]

DEADLY = frozenset({Outcome.TARGET_GONE, Outcome.WRONG_PROJECT})

# Every push needs these statements, and putting one together costs more than to run it:
# so they are constants, with arrays in place of lists of any length.
IS_OPEN = Offer.status.in_(OPEN_OFFERS)
IS_SUBJECT = Offer.id == any_(bindparam("subject_ids", type_=ARRAY(Uuid)))
NOW = func.clock_timestamp().label("now")

PUSHES = (
    select(
        *(Push.id, Push.device_id, Push.kind, Push.subject_id, Push.expires_at),
        *(Push.status, Push.attempts, Push.next_attempt_at, Push.outcome),
    )
    .where(Push.id == any_(bindparam("push_ids", type_=ARRAY(Uuid))))
    .order_by(Push.id)
    .with_for_update()
)
CHANGED = update(Push.__table__).where(  # type: ignore[arg-type] # no model: many rows
    Push.__table__.c.id == bindparam("of")
)

OPEN_NOW = select(Offer.id).where(IS_SUBJECT, IS_OPEN).scalar_subquery()
PHONE = select(
    *(Device.target_kind, Device.target, Device.locale, Device.dead_at, NOW),
    func.array(OPEN_NOW, type_=ARRAY(Uuid)).label("open_offers"),
).where(Device.id == bindparam("of"))

HELD = (
    select(Device.target_kind, Device.target, NOW)
    .where(Device.id == bindparam("of"))
    .with_for_update(key_share=True)
)
REACHED = (
    update(Device)
    .where(Device.id == bindparam("of"))
    .values(last_ok_at=func.clock_timestamp())
    .returning(Device.target_kind, Device.target, NOW)
    .execution_options(synchronize_session=False)
)
DIED = (
    update(Device)
    .where(Device.id == bindparam("of"))
    .values(dead_at=func.clock_timestamp(), dead_reason=bindparam("reason"))
    .execution_options(synchronize_session=False)
)

OFFERS = (
    select(Offer)
    .options(
        load_only(
            *(Offer.org_id, Offer.load_id, Offer.driver_id, Offer.status),
            *(Offer.expires_at, Offer.sent_at, Offer.undeliverable_at),
        )
    )
    .where(IS_SUBJECT, IS_OPEN)
    .order_by(Offer.id)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Due:
    """What to send now, in order.

    wait_s: until the first of the others may be sent; None if there are no others.
    """

    envelopes: list[Envelope]
    wait_s: float | None


def due(session: Session, push_ids: Sequence[UUID]) -> Due:
    """Return what to send now of these pushes to one device.

    Left out is what is done, or has to wait, as the job may have been rescued or exist
    twice. What is past its expiry, for an offer that is no longer open, or for a dead
    device is dropped. Counts an attempt of each push that is returned.

    Until `conclude` records the outcome, an attempt counts as refused with 429 without
    Retry-After: if the worker is killed, the provider's answer is unknown.

    Locks: the pushes, in id order.
    """
    queued = _lock_queued(session, push_ids)
    pushes = [queued[push_id] for push_id in push_ids if push_id in queued]
    if not pushes:
        return Due([], None)
    subject_ids = [push.subject_id for push in pushes]
    of = {"of": pushes[0].device_id, "subject_ids": subject_ids}
    phone = session.execute(PHONE, of).one()
    refused_until = phone.now + timedelta(seconds=QUOTA_WAIT_S)
    envelopes, changes, waits = [], [], []
    for push in pushes:
        if reason := _pointless(push, phone):
            changes.append(_ended(push, PushStatus.DROPPED, phone.now, reason))
        elif push.next_attempt_at is not None and phone.now < push.next_attempt_at:
            waits.append((push.next_attempt_at - phone.now).total_seconds())
        else:
            envelopes.append(_envelope(push, phone, push.attempts + 1))
            changes.append(
                _waiting(push, refused_until, push.outcome, push.attempts + 1)
            )
    _write(session, changes)
    return Due(envelopes, min(waits, default=None))


def _lock_queued(session: Session, push_ids: Sequence[UUID]) -> dict[UUID, Found]:
    locked = session.execute(PUSHES, {"push_ids": push_ids}).all()
    return {push.id: push for push in locked if push.status is PushStatus.QUEUED}


def _pointless(push: Found, phone: Found) -> str | None:
    if phone.dead_at is not None:
        return "device is dead"
    if push.expires_at is not None and phone.now >= push.expires_at:
        return "expired"
    if push.kind in OF_AN_OPEN_OFFER and push.subject_id not in phone.open_offers:
        return "offer is no longer open"
    return None


def _envelope(push: Found, phone: Found, attempts: int) -> Envelope:
    kind, subject_id = MessageKind(push.kind), str(push.subject_id)
    message = compose(kind, phone.locale, subject_id, push.expires_at, phone.now)
    return Envelope(push.id, phone.target_kind, phone.target, message, attempts)


def _waiting(
    push: Found, until: datetime | None, outcome: str | None, attempts: int
) -> dict[str, Any]:
    return {
        "of": push.id,
        "status": PushStatus.QUEUED,
        "attempts": attempts,
        "next_attempt_at": until,
        "outcome": outcome,
        "message_name": None,
        "ended_at": None,
    }


def _ended(
    push: Found,
    status: PushStatus,
    now: datetime,
    outcome: str,
    name: str | None = None,
) -> dict[str, Any]:
    change = _waiting(push, None, outcome, push.attempts)
    return change | {"status": status, "message_name": name, "ended_at": now}


def _write(session: Session, changes: Sequence[dict[str, Any]]) -> None:
    if changes:
        session.connection().execute(CHANGED, changes)


def conclude(
    session: Session, envelopes: Sequence[Envelope], attempts: Sequence[Attempt]
) -> list[float | None]:
    """Record the outcomes of attempts; return each push's wait, s, None if it is done.

    If the provider accepted a push, its offer becomes SENT. A dead target is marked; if
    it was the driver's last one, the offer is undeliverable by push and the driver's
    dispatchers are told. If the phone registered a new target during the attempt, the
    new one is tried at once.

    attempts: of the first envelopes. The others were not attempted after all: that is
        not counted, and they may be at once. If the target is dead, they are dropped,
        and their offers are undeliverable too.

    Locks: the pushes, in id order; their device; then their offers, in id order.
    """
    queued = _lock_queued(session, [envelope.push_id for envelope in envelopes])
    turns = [
        (queued[envelope.push_id], envelope, attempt)
        for envelope, attempt in zip_longest(envelopes, attempts)
        if envelope.push_id in queued
    ]
    if not turns:
        return [None] * len(envelopes)
    by_outcome = {attempt.outcome: attempt for _, _, attempt in turns if attempt}
    of = {"of": turns[0][0].device_id}
    phone = session.execute(
        REACHED if Outcome.ACCEPTED in by_outcome else HELD, of
    ).one()
    sent_to = (envelopes[0].target_kind, envelopes[0].target)
    gone = next((by_outcome[each] for each in DEADLY & by_outcome.keys()), None)
    is_dead = False
    if gone is not None and (phone.target_kind, phone.target) == sent_to:
        is_dead = True
        session.execute(DIED, of | {"reason": gone.detail[:200]})
    changes = [_after(*turn, is_dead, phone.now) for turn in turns]
    _write(session, changes)
    _tell_offers(session, queued, changes, Cause(phone.now))
    waits = {change["of"]: _wait_s(change, phone.now) for change in changes}
    return [waits.get(envelope.push_id) for envelope in envelopes]


def _after(
    push: Found,
    envelope: Envelope,
    attempt: Attempt | None,
    is_dead: bool,
    now: datetime,
) -> dict[str, Any]:
    """Return what becomes of a push after its attempt, or without one."""
    if attempt is None:
        # Otherwise another run has taken it meanwhile.
        is_ours = push.attempts == envelope.attempts
        made = push.attempts - 1 if is_ours else push.attempts
        if is_dead:
            ended = _ended(push, PushStatus.DROPPED, now, "device is dead")
            return ended | {"attempts": made}
        until = now if is_ours else push.next_attempt_at
        return _waiting(push, until, push.outcome, made)
    outcome = f"{attempt.outcome}: {attempt.detail}"[:500]
    if attempt.outcome is Outcome.ACCEPTED:
        return _ended(push, PushStatus.ACCEPTED, now, outcome, attempt.detail)
    if attempt.outcome is Outcome.PAYLOAD_REFUSED:
        return _ended(push, PushStatus.FAILED, now, outcome)
    if attempt.wait_s is None and is_dead:
        return _ended(push, PushStatus.DEAD_DEVICE, now, outcome)
    until = now + timedelta(seconds=attempt.wait_s or 0.0)
    return _waiting(push, until, outcome, push.attempts)


def _wait_s(change: dict[str, Any], now: datetime) -> float | None:
    until = change["next_attempt_at"]
    return None if until is None else max((until - now).total_seconds(), 0.0)


def _tell_offers(
    session: Session,
    pushes: dict[UUID, Found],
    changes: Sequence[dict[str, Any]],
    cause: Cause,
) -> None:
    """Mark the open offers of these pushes as sent or, if the phone died, look whether
    they are undeliverable."""
    became = {
        pushes[change["of"]].subject_id: change["status"]
        for change in changes
        if pushes[change["of"]].kind in OF_AN_OPEN_OFFER
        and change["status"] not in {PushStatus.QUEUED, PushStatus.FAILED}
    }
    if not became:
        return
    for offer in session.scalars(OFFERS, {"subject_ids": list(became)}).all():
        if became[offer.id] is not PushStatus.ACCEPTED:
            tell_if_undeliverable(session, offer)
        elif offer.sent_at is None:
            moves.move_offer(session, offer, OfferAct.SEND, cause)
            offer.sent_at = cause.occurred_at


def tell_if_undeliverable(session: Session, offer: Offer) -> None:
    """Mark the offer and tell the dispatchers, if no phone of the driver is alive.

    The offer stays open: the driver's inbox still shows it. Safe to repeat.
    """
    live = (
        select(Device.id)
        .join(Driver, Driver.member_id == Device.member_id)
        .where(Driver.id == offer.driver_id, Device.dead_at.is_(None))
    )
    if offer.undeliverable_at is not None or session.scalar(live.limit(1)):
        return
    offer.undeliverable_at = func.clock_timestamp()
    events.record(
        session,
        events.server_cause(session),
        Role.SYSTEM,
        org_id=offer.org_id,
        subject="offer",
        subject_id=offer.id,
        kind="offer.undeliverable",
    )
    outbox.put(
        session,
        members.dispatchers_of(session, offer.org_id),
        MessageKind.OFFER_UNDELIVERABLE,
        offer.id,
        expires_at=offer.expires_at,
    )
