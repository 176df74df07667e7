"""Which phones a person may sign in on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentStatus
from models.people.devices import Device, Enrolment
from models.people.organisations import Member, RefreshFamily
from models.people.targets import TargetKind
from runtime.errors import DomainError, IdTaken
from services.people import families
from services.people.proofs import USED, Proof, ProofInvalid


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


class DeviceKeyMismatch(DomainError):
    """The phone of this id has a key, which the sign-in did not prove.

    Ids are no secrets: lists show them. A phone's key never changes, so an app that
    lost its key makes a new id.
    """

    status = 403
    code = "device-key-mismatch"
    title = "This phone signs in with its key"

    def __init__(self) -> None:
        super().__init__(
            "Sign in with a proof of this phone's key, or with a new device_id."
        )


def admit(
    session: Session,
    member: Member,
    device_id: UUID | None,
    proof: Proof | None = None,
    *,
    now: datetime,
) -> None:
    """Let the member sign in on this phone; the first sign-in approves it.

    A phone that has a key must prove it. The first proof gives a phone its key. While
    the member has a load, a dispatcher must approve the phone first, and a browser is
    refused: a stolen password must not give access to the freight. A revoked phone must
    always be approved by a dispatcher. The approval of a phone without a key counts for
    one sign-in.

    device_id: made by the app; None in a browser.

    Locks: the device. Raises: DeviceNotApproved, DeviceKeyMismatch, ProofInvalid,
    IdTaken.
    """
    _refuse_used(session, member, proof)
    if device_id is None:
        if _has_load(session, member.id):
            raise DeviceNotApproved(None)
        return
    device = claimed(session, member.org_id, member.id, device_id, now=now)
    _check_key(device, proof)
    if not _is_approved(device):
        if device.enrolment is Enrolment.REVOKED or _has_load(session, member.id):
            raise DeviceNotApproved(device_id)
        enrol(device, Enrolment.APPROVED, by=None, now=now)
    if proof is not None and not device.has_key:
        # What was signed in without the key could be a copy.
        families.end_families(
            session, member.id, "the phone has a key", now, device_id=device.id
        )
    _give_key(device, proof)
    device.is_approval_unused = False


def ask(
    session: Session,
    member: Member,
    device_id: UUID,
    proof: Proof | None = None,
    *,
    now: datetime,
) -> None:
    """Show the dispatchers that the member wants to sign in on this phone.

    The approval will be for the phone's key, if it proves one. Safe to repeat; a
    revoked phone stays revoked.

    Locks: the device. Raises: IdTaken, DeviceKeyMismatch.
    """
    device = claimed(session, member.org_id, member.id, device_id, now=now)
    _check_key(device, proof)
    _refuse_used(session, member, proof)
    is_used_up = device.enrolment is Enrolment.APPROVED and not _is_approved(device)
    if device.enrolment is Enrolment.UNKNOWN or is_used_up:
        enrol(device, Enrolment.PENDING, by=None, now=now)
        _give_key(device, proof)


def _is_approved(device: Device) -> bool:
    return device.enrolment is Enrolment.APPROVED and (
        device.has_key or device.is_approval_unused
    )


def _check_key(device: Device, proof: Proof | None) -> None:
    if device.has_key and (proof is None or proof.thumbprint != device.key_thumbprint):
        raise DeviceKeyMismatch


def _refuse_used(session: Session, member: Member, proof: Proof | None) -> None:
    if proof is None:
        return
    # scope: the sign-ins of the member who signs in, on any device.
    same = select(RefreshFamily.id).where(
        RefreshFamily.member_id == member.id, RefreshFamily.sign_in_proof == proof.used
    )
    if session.scalar(same.limit(1)) is not None:
        raise ProofInvalid(USED)


def _give_key(device: Device, proof: Proof | None) -> None:
    if proof is not None:
        device.key_thumbprint = proof.thumbprint


def enrol(
    device: Device, enrolment: Enrolment, *, by: UUID | None, now: datetime
) -> None:
    """Set the phone's enrolment, by whom and when; change nothing if it is set already.

    by: None if no person decided it. The caller has locked the device.
    """
    if device.enrolment is not enrolment:
        device.enrolment = enrolment
        device.is_approval_unused = enrolment is Enrolment.APPROVED
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
