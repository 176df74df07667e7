"""Phones: registering the targets that pushes go to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from errors import Conflict, NotFound
from models.devices import Device
from models.targets import Platform, TargetKind
from services.actors import Actor


class IdTaken(Conflict):
    """The id a client made belongs to another row."""

    code = "id-taken"
    title = "That id is in use"


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

    Raises: IdTaken.
    """
    device = session.get(Device, device_id, with_for_update=True)
    if device is not None and device.member_id != actor.member_id:
        raise IdTaken("Make a new device id.")
    session.execute(
        update(Device)
        .where(
            Device.target_kind == target_kind,
            Device.target == target,
            Device.id != device_id,
            Device.dead_at.is_(None),
        )
        .values(dead_at=now, dead_reason="registered by another device")
    )
    if device is None:
        device = Device(id=device_id, member_id=actor.member_id)
        session.add(device)
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
