"""What is owed to phones: a row and a job for each device, in the caller's
transaction."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from jobs import Job, enqueue
from models.devices import Device
from models.pushes import Push
from notifications.messages import MessageKind

LONGEST_LIFE = timedelta(days=3)
"""News without an expiry of its own is tried over a long weekend, not for ever. The
lists that the app fetches at its next start hold it longer."""


def put(
    session: Session,
    member_ids: Iterable[UUID],
    kind: MessageKind,
    subject_id: UUID,
    *,
    expires_at: datetime | None = None,
) -> int:
    """Owe a message to every live device of these people; return how many that are.

    expires_at: not tried after it; None means LONGEST_LIFE from now.
    """
    device_ids = session.scalars(
        select(Device.id)
        .where(Device.member_id.in_(set(member_ids)), Device.dead_at.is_(None))
        .order_by(Device.id)
    ).all()
    for device_id in device_ids:
        push = Push(
            id=uuid7(),
            device_id=device_id,
            kind=kind.value,
            subject_id=subject_id,
            expires_at=expires_at or func.now() + LONGEST_LIFE,
        )
        session.add(push)
        enqueue(session, Job.PUSH_SEND, push_id=str(push.id))
    return len(device_ids)
