"""Phones: registering the targets that pushes go to."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
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

    Locks: the target, then the devices that have the id or the target.
    Raises: IdTaken.
    """
    # Two phones that register one target at once: the second sees the first.
    session.execute(select(func.pg_advisory_xact_lock(_lock_number(target))))
    device = None
    for known in session.scalars(
        select(Device)
        .where(
            or_(
                Device.id == device_id,
                and_(
                    Device.target_kind == target_kind,
                    Device.target == target,
                    Device.dead_at.is_(None),
                ),
            )
        )
        .order_by(Device.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ):
        if known.id == device_id:
            device = known
        else:
            known.dead_at = now
            known.dead_reason = "registered by another device"
    # This device must not meet the old owner in the index of live targets.
    session.flush()
    if device is None:
        device = _claimed(session, actor, device_id, now=now)
    if device.member_id != actor.member_id:
        raise IdTaken("Make a new device id.")
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
) -> Device:
    """Return the locked row of this id: a new, still dead one, or that of a racing
    registration."""
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
    return session.get_one(
        Device, device_id, with_for_update=True, populate_existing=True
    )


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
