"""Which phones a person may sign in on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentStatus
from models.people.devices import Device, Enrolment
from models.people.organisations import Member
from models.people.targets import TargetKind
from runtime.errors import DomainError, IdTaken


class DeviceNotApproved(DomainError):
    """A dispatcher must approve the phone first."""

    status = 403
    code = "device-not-approved"
    title = "Your dispatcher must approve this phone first"

    def __init__(self, device_id: UUID | None) -> None:
        super().__init__(
            "Ask your dispatcher to approve this phone, then sign in again."
            if device_id
            else "While you have a load, sign in on a phone that sends its device_id.",
            extra={"device_id": str(device_id) if device_id else None},
        )
        self.device_id = device_id


def admit(
    session: Session, member: Member, device_id: UUID | None, *, now: datetime
) -> None:
    """Let the member sign in on this phone; the first sign-in approves it.

    While the member has a load, a dispatcher must approve the phone first, and a
    browser is refused: a stolen password must not give access to the freight. A
    revoked phone must always be approved by a dispatcher.

    device_id: made by the app; None in a browser.

    Locks: the device. Raises: DeviceNotApproved, IdTaken.
    """
    if device_id is None:
        if _has_load(session, member.id):
            raise DeviceNotApproved(None)
        return
    device = claimed(session, member.org_id, member.id, device_id, now=now)
    if device.enrolment is Enrolment.APPROVED:
        return
    if device.enrolment is Enrolment.REVOKED or _has_load(session, member.id):
        raise DeviceNotApproved(device_id)
    enrol(device, Enrolment.APPROVED, by=None, now=now)


def ask(session: Session, member: Member, device_id: UUID, *, now: datetime) -> None:
    """Show the dispatchers that the member wants to sign in on this phone.

    Safe to repeat; a revoked phone stays revoked. Locks: the device. Raises: IdTaken.
    """
    device = claimed(session, member.org_id, member.id, device_id, now=now)
    if device.enrolment is Enrolment.UNKNOWN:
        enrol(device, Enrolment.PENDING, by=None, now=now)


def enrol(
    device: Device, enrolment: Enrolment, *, by: UUID | None, now: datetime
) -> None:
    """Set the phone's enrolment, by whom and when; change nothing if it is set already.

    by: None if no person decided it. The caller has locked the device.
    """
    if device.enrolment is not enrolment:
        device.enrolment = enrolment
        device.enrolment_at = now
        device.enrolment_by = by


def claimed(
    session: Session,
    org_id: UUID,
    member_id: UUID,
    device_id: UUID,
    *,
    now: datetime,
) -> Device:
    """Return the member's device of this id, locked; make it if there is none.

    A new device has no push target yet and counts as dead.

    Locks: the device. Raises: IdTaken if it is another person's.
    """
    # scope: the row's member is compared below.
    session.execute(
        insert(Device)
        .values(
            id=device_id,
            org_id=org_id,
            member_id=member_id,
            enrolment=Enrolment.UNKNOWN,
            target_kind=TargetKind.FID,
            target="",
            app_version="",
            locale="",
            registered_at=now,
            dead_at=now,
            dead_reason="no target yet",
        )
        .on_conflict_do_nothing(index_elements=[Device.id])
    )
    device = session.get(
        Device, device_id, with_for_update=True, populate_existing=True
    )
    if device is None or device.member_id != member_id:
        raise IdTaken("Make a new device id.")
    return device


def _has_load(session: Session, member_id: UUID) -> bool:
    active = (
        select(func.count())
        .select_from(Assignment)
        .join(Driver, Driver.id == Assignment.driver_id)
        .where(
            Driver.member_id == member_id, Assignment.status == AssignmentStatus.ACTIVE
        )
    )
    return bool(session.scalar(active))
