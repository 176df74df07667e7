"""Pushes: whether one is still worth sending, and what follows from its outcome."""

# scope: a job, for one push.

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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
from services.people import members


class TooSoon(Exception):
    """An attempt was made; the next one must wait `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"not before {wait_s:.0f} s")
        self.wait_s = wait_s


def due(session: Session, push_id: UUID) -> Envelope | None:
    """Return what to send now, or None if the push is done, late or pointless.

    Checked before every attempt: nothing is sent after its expiry, for an offer that is
    no longer open, or to a dead device. Counts the attempt.

    Until `conclude` records the outcome, the attempt counts as refused with 429 without
    Retry-After: if the worker is killed, the provider's answer is unknown.

    Locks: the push.
    Raises: TooSoon, also when the job was rescued or exists twice.
    """
    push = session.get(Push, push_id, with_for_update=True)
    if push is None or push.status is not PushStatus.QUEUED:
        return None
    device = session.get_one(Device, push.device_id)
    if reason := _pointless(session, push, device):
        _end(push, PushStatus.DROPPED, reason)
        return None
    now = events.server_cause(session).occurred_at
    if push.next_attempt_at is not None and now < push.next_attempt_at:
        raise TooSoon((push.next_attempt_at - now).total_seconds())
    push.attempts += 1
    push.next_attempt_at = now + timedelta(seconds=QUOTA_WAIT_S)
    return Envelope(
        push.id,
        device.target_kind,
        device.target,
        compose(
            MessageKind(push.kind),
            device.locale,
            str(push.subject_id),
            push.expires_at,
            now,
        ),
        push.attempts,
    )


def _pointless(session: Session, push: Push, device: Device) -> str | None:
    if device.dead_at is not None:
        return "device is dead"
    if push.expires_at is not None and session.scalar(
        select(func.clock_timestamp() >= push.expires_at)
    ):
        return "expired"
    if push.kind in OF_AN_OPEN_OFFER:
        offer = session.get(Offer, push.subject_id)
        if offer is None or offer.status not in OPEN_OFFERS:
            return "offer is no longer open"
    return None


def conclude(session: Session, envelope: Envelope, attempt: Attempt) -> float | None:
    """Record the outcome of an attempt; return the seconds to wait, None if done.

    If the provider accepted the push, its offer becomes SENT. A dead target is marked;
    if it was the driver's last one, the offer is undeliverable by push and the driver's
    dispatchers are told. If the phone registered a new target during the attempt, the
    new one is tried at once.

    Locks: the push, its device, then the offer.
    """
    push = session.get_one(Push, envelope.push_id, with_for_update=True)
    if push.status is not PushStatus.QUEUED:
        return None
    push.outcome = f"{attempt.outcome}: {attempt.detail}"[:500]
    if attempt.wait_s is not None:
        return _wait(push, attempt.wait_s)
    device = session.get_one(
        Device, push.device_id, with_for_update={"key_share": True}
    )
    if attempt.outcome is Outcome.ACCEPTED:
        push.message_name = attempt.detail
        device.last_ok_at = func.clock_timestamp()
        _end(push, PushStatus.ACCEPTED, None)
        _mark_sent(session, push)
    elif attempt.outcome is Outcome.PAYLOAD_REFUSED:
        _end(push, PushStatus.FAILED, None)
    elif (device.target_kind, device.target) != (envelope.target_kind, envelope.target):
        return _wait(push, 0.0)
    else:
        device.dead_at = func.clock_timestamp()
        device.dead_reason = attempt.detail[:200]
        _end(push, PushStatus.DEAD_DEVICE, None)
        session.flush()
        _tell_if_undeliverable(session, push)
    return None


def _wait(push: Push, wait_s: float) -> float:
    push.next_attempt_at = func.clock_timestamp() + timedelta(seconds=wait_s)
    return wait_s


def _end(push: Push, status: PushStatus, reason: str | None) -> None:
    push.status = status
    push.next_attempt_at = None
    push.ended_at = func.clock_timestamp()
    push.outcome = reason or push.outcome


def _open_offer(session: Session, push: Push) -> Offer | None:
    if push.kind not in OF_AN_OPEN_OFFER:
        return None
    offer = session.get(Offer, push.subject_id, with_for_update=True)
    return offer if offer is not None and offer.status in OPEN_OFFERS else None


def _mark_sent(session: Session, push: Push) -> None:
    offer = _open_offer(session, push)
    if offer is not None and offer.sent_at is None:
        moves.move_offer(session, offer, OfferAct.SEND, events.server_cause(session))
        offer.sent_at = func.clock_timestamp()


def _tell_if_undeliverable(session: Session, push: Push) -> None:
    offer = _open_offer(session, push)
    if offer is not None:
        tell_if_undeliverable(session, offer)


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
