"""What is owed to phones: a row and a job for each device, in the caller's
transaction."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, insert, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from jobs import Job, enqueue
from models.pushes import Push
from notifications.messages import MessageKind

LONGEST_LIFE = timedelta(days=3)
"""News without an expiry of its own is tried over a long weekend, not for ever. The
lists that the app fetches at its next start hold it longer."""

LIVE = text("select live_devices(:members, :drivers)").bindparams(
    bindparam("members", type_=ARRAY(Uuid)), bindparam("drivers", type_=ARRAY(Uuid))
)
"""A database function: the app tells which phones ring, and never reads targets."""


def put(
    session: Session,
    member_ids: Iterable[UUID],
    kind: MessageKind,
    subject_id: UUID,
    *,
    driver_ids: Iterable[UUID] = (),
    expires_at: datetime | None = None,
) -> int:
    """Owe a message to every live device of these people; return how many that are.

    driver_ids: people known by their driver's id; they may be of any company.

    expires_at: not tried after it; None means LONGEST_LIFE from now.
    """
    device_ids = session.scalars(
        LIVE, {"members": list(set(member_ids)), "drivers": list(set(driver_ids))}
    ).all()
    for device_id in device_ids:
        push_id = uuid7()
        # Not returned: only the worker reads what is owed to other people's phones.
        session.execute(
            insert(Push)
            .inline()
            .values(
                id=push_id,
                device_id=device_id,
                kind=kind.value,
                subject_id=subject_id,
                expires_at=expires_at or func.now() + LONGEST_LIFE,
            )
        )
        enqueue(session, Job.PUSH_SEND, push_id=str(push_id))
    return len(device_ids)
