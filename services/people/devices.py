"""Phones: their push targets, who may use them, and signing them out."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from models.people.devices import Device, Enrolment
from models.people.targets import Platform, TargetKind
from runtime.errors import NotFound
from services.kernel.actors import Actor
from services.people import enrolments, families
from services.people.enrolments import DeviceNotApproved

MOST_PHONES = 10
"""Of one person, to which pushes go. Each news to a person is a row and a job for each
of them, in the transaction of the person who makes the news."""


def visible_devices(actor: Actor) -> Select[Device]:
    """Return the actor's own devices."""
    return select(Device).where(Device.member_id == actor.member_id).order_by(Device.id)


def register(
    session: Session,
    actor: Actor,
    device_id: UUID,
    *,
    platform: Platform,
    target_kind: TargetKind,
    target: str,
    app_version: str,
    locale: str,
    now: datetime,
) -> Device:
    """Keep this phone's push target in place of its old one; the phone is alive again.

    Safe to repeat. Another device that had this target loses it: the phone changed
    hands, or the app was installed again. Pushes go to at most MOST_PHONES phones of
    one person: those that registered last. The others count as dead until they register
    again, as each does at every start of the app; their sign-ins stay.

    Locks: the id, the person and the target, then the devices that have either, then
    those that die.
    Raises: IdTaken; DeviceNotApproved if the phone was revoked.
    """
    # Of two requests for one target, for one new id, or of one person, the second waits
    # and then sees what the first wrote. Sorted, so that phones that swap targets do
    # not deadlock.
    names = (target, str(device_id), str(actor.member_id))
    for number in sorted(map(_lock_number, names)):
        session.execute(select(func.pg_advisory_xact_lock(number)))
    # A database function, as the phone may have belonged to another company's driver.
    session.execute(
        text("select release_target(:kind, :target, :device, :now)"),
        {"kind": target_kind, "target": target, "device": device_id, "now": now},
    )
    device = enrolments.claimed(
        session, actor.org_id, actor.member_id, device_id, now=now
    )
    if device.enrolment is Enrolment.REVOKED:
        raise DeviceNotApproved(device_id)
    device.platform = platform
    device.target_kind = target_kind
    device.target = target
    device.app_version = app_version
    device.locale = locale
    device.registered_at = now
    device.dead_at = None
    device.dead_reason = None
    session.flush()
    _spare_pushes(session, actor, device_id, now)
    return device


def _spare_pushes(
    session: Session, actor: Actor, device_id: UUID, now: datetime
) -> None:
    """End the pushes to all phones but this one and those that registered last."""
    others = (
        visible_devices(actor)
        .where(Device.dead_at.is_(None), Device.id != device_id)
        .order_by(None)
        .order_by(Device.registered_at.desc(), Device.id.desc())
        .offset(MOST_PHONES - 1)
        .with_for_update()
    )
    for device in session.scalars(others):
        device.dead_at = now
        device.dead_reason = "too many phones"


def _lock_number(name: str) -> int:
    digest = hashlib.sha256(f"device:{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def forget(session: Session, actor: Actor, device_id: UUID, *, now: datetime) -> None:
    """Sign the actor's phone out: its sign-ins end, and pushes to it stop.

    Unless it was revoked, the actor may sign in on it again, as on a new phone. Safe
    to repeat.

    Locks: the device. Raises: NotFound.
    """
    device = session.scalar(
        visible_devices(actor).where(Device.id == device_id).with_for_update()
    )
    if device is None:
        raise NotFound(f"You have no device {device_id}.")
    if device.enrolment is not Enrolment.REVOKED:
        enrolments.enrol(device, Enrolment.UNKNOWN, by=actor.member_id, now=now)
    _sign_out(session, device, "signed out", now)


def visible_phones(actor: Actor, enrolment: Enrolment | None) -> Select[Device]:
    """Return the phones of the company's people, in one enrolment state or in all."""
    seen = select(Device).where(Device.org_id == actor.org_id).order_by(Device.id)
    return seen.where(Device.enrolment == enrolment) if enrolment else seen


def approve(
    session: Session, actor: Actor, device_id: UUID, *, now: datetime
) -> Device:
    """Let the phone's owner sign in on it, even while they have a load.

    Safe to repeat. Locks: the device. Raises: NotFound.
    """
    device = _of_company(session, actor, device_id)
    enrolments.enrol(device, Enrolment.APPROVED, by=actor.member_id, now=now)
    return device


def revoke(session: Session, actor: Actor, device_id: UUID, *, now: datetime) -> None:
    """Sign the phone out; its owner cannot sign in on it until it is approved again.

    Safe to repeat. Locks: the device. Raises: NotFound.
    """
    device = _of_company(session, actor, device_id)
    enrolments.enrol(device, Enrolment.REVOKED, by=actor.member_id, now=now)
    _sign_out(session, device, "revoked", now)


def _of_company(session: Session, actor: Actor, device_id: UUID) -> Device:
    device = session.scalar(
        visible_phones(actor, None).where(Device.id == device_id).with_for_update()
    )
    if device is None:
        raise NotFound(f"No device {device_id} in your company.")
    return device


def _sign_out(session: Session, device: Device, reason: str, now: datetime) -> None:
    families.end_families(
        session, device.member_id, f"device {reason}", now, device_id=device.id
    )
    if device.dead_at is None:
        device.dead_at = now
        device.dead_reason = reason
