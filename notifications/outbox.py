"""Pushes to be sent, in the caller's transaction: a row for each message and device,
and a job for each device."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, insert, text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from jobs import Job, enqueue_each
from models.offers.pushes import Push
from notifications.messages import MessageKind

LONGEST_LIFE = timedelta(days=3)
"""A message without an expiry is tried for this long, a weekend. The lists that the
app fetches at its next start show the news for longer."""

MOST_IN_A_JOB = 20
"""A job that is put off has a key of all its pushes, and an index takes no key longer
than 2,700 bytes."""

LIVE = text("select live_devices(:members, :drivers)").bindparams(
    bindparam("members", type_=ARRAY(Uuid)), bindparam("drivers", type_=ARRAY(Uuid))
)
"""A database function: the app chooses the phones, but cannot read their targets."""

AT_DESK = text("select live_devices_at_desk(:assignment)")

LIVE_OF_EACH = text(
    "select driver_id, device_id from live_devices_of(:drivers)"
).bindparams(bindparam("drivers", type_=ARRAY(Uuid)))


def put(
    session: Session,
    member_ids: Iterable[UUID],
    kind: MessageKind,
    subject_id: UUID,
    *,
    driver_ids: Iterable[UUID] = (),
    desk_of: UUID | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Enqueue a message for every live device of these people; return how many.

    driver_ids: people known by their driver's id; they may be of any company.
    desk_of: an assignment, whose company's dispatchers are told too; this transaction
        acts on its load.
    expires_at: no attempt is made after it; None means LONGEST_LIFE from now.
    """
    people = {"members": list(set(member_ids)), "drivers": list(set(driver_ids))}
    device_ids = set(session.scalars(LIVE, people))
    if desk_of is not None:
        device_ids |= set(session.scalars(AT_DESK, {"assignment": desk_of}))
    owed = [_row(kind, device_id, subject_id) for device_id in sorted(device_ids)]
    return _owe(session, owed, expires_at=expires_at or func.now() + LONGEST_LIFE)


def put_expiring(
    session: Session,
    member_id: UUID,
    kind: MessageKind,
    subjects: Mapping[UUID, datetime],
) -> int:
    """Enqueue a message about each subject for every live device of a member; return
    how many. As many statements as for one subject.

    subjects: with the times after which no attempt is made.
    """
    device_ids = session.scalars(LIVE, {"members": [member_id], "drivers": []}).all()
    owed = [
        _row(kind, device_id, subject_id) | {"expires_at": expires_at}
        for subject_id, expires_at in subjects.items()
        for device_id in sorted(device_ids)
    ]
    return _owe(session, owed)


def put_each(
    session: Session,
    told: Iterable[tuple[MessageKind, UUID, UUID]],
    *,
    lives: timedelta = LONGEST_LIFE,
) -> int:
    """Enqueue for each driver a message about their subject; return how many messages.

    One for each live device of the driver. The number of statements does not depend on
    the number of drivers: a caller that ends many offers has locked their load.

    told: the message, the driver's id and the subject's; a driver may occur twice.
    lives: how long from now a message is tried.
    """
    of_driver = defaultdict(list)
    for kind, driver_id, subject_id in told:
        of_driver[driver_id].append((kind, subject_id))
    if not of_driver:
        return 0
    live = session.execute(LIVE_OF_EACH, {"drivers": list(of_driver)}).all()
    owed = [
        _row(kind, device_id, subject_id)
        for driver_id, device_id in live
        for kind, subject_id in of_driver[driver_id]
    ]
    return _owe(session, owed, expires_at=func.now() + lives)


def _row(kind: MessageKind, device_id: UUID, subject_id: UUID) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "kind": kind.value,
        "device_id": device_id,
        "subject_id": subject_id,
    }


def _owe(session: Session, rows: Sequence[dict[str, Any]], **of_all: Any) -> int:  # noqa: ANN401 - values of columns
    if not rows:
        return 0
    # No RETURNING: only the worker may read pushes for other people's phones.
    session.execute(insert(Push).inline().values(of_all), rows)
    of_device = defaultdict(list)
    for row in rows:
        of_device[row["device_id"]].append(str(row["id"]))
    jobs = [
        {"push_ids": push_ids[first : first + MOST_IN_A_JOB]}
        for push_ids in of_device.values()
        for first in range(0, len(push_ids), MOST_IN_A_JOB)
    ]
    enqueue_each(session, Job.PUSH_SEND, jobs)
    return len(rows)
