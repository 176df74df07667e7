"""Phones: registering the targets that pushes go to."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from errors import IdTaken, NotFound
from models.devices import Device
from models.targets import Platform, TargetKind
from services.actors import Actor


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
    """Keep this phone's push target, replacing what it had; it counts as alive again.

    Safe to repeat. A target that another device held is that device's no more: the
    phone changed hands, or the app was installed anew.

    Locks: the target, then the device of this id, then the one that had the target.
    Raises: IdTaken.
    """
    # Two phones that register one target at once: the second sees the first.
    session.execute(select(func.pg_advisory_xact_lock(_lock_number(target))))
    device = _claimed(session, actor, device_id, now=now)
    if device is None or device.member_id != actor.member_id:
        raise IdTaken("Make a new device id.")
    # A database function: the phone may have belonged to another company's driver.
    session.execute(
        text("select release_target(:kind, :target, :device, :now)"),
        {"kind": target_kind, "target": target, "device": device_id, "now": now},
    )
    device.platform = platform
    device.target_kind = target_kind
    device.target = target
    device.app_version = app_version
    device.locale = locale
    device.registered_at = now
    device.dead_at = None
    device.dead_reason = None
    session.flush()
    return device


def _claimed(
    session: Session, actor: Actor, device_id: UUID, *, now: datetime
) -> Device | None:
    """Return the locked row of this id, new and still dead if there was none; None if
    it is another company's."""
    # scope: `register` compares the row's member.
    session.execute(
        insert(Device)
        .values(
            id=device_id,
            member_id=actor.member_id,
            platform=Platform.ANDROID,
            target_kind=TargetKind.FID,
            target="",
            app_version="",
            locale="",
            registered_at=now,
            dead_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Device.id])
    )
    return session.get(Device, device_id, with_for_update=True, populate_existing=True)


def _lock_number(target: str) -> int:
    digest = hashlib.sha256(f"device:{target}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def forget(session: Session, actor: Actor, device_id: UUID, *, now: datetime) -> None:
    """Stop pushes to this phone (sign-out). Safe to repeat.

    Raises: NotFound.
    """
    device = session.scalar(visible_devices(actor).where(Device.id == device_id))
    if device is None:
        raise NotFound(f"No device {device_id} of yours.")
    if device.dead_at is None:
        device.dead_at = now
        device.dead_reason = "signed out"
