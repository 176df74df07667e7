"""One person's data: exporting all of it, and erasing it."""

# scope: the operator's command, for one person of any company.

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from freight.lifecycles import OfferAct
from freight.roles import Role
from models.booking.overrides import Override
from models.fleet.areas import Area
from models.fleet.drivers import Availability, Driver
from models.fleet.flags import Flag
from models.fleet.positions import LastPosition, Position
from models.kernel.events import Event
from models.kernel.idempotency import IdempotencyKey
from models.kernel.row import Row
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.offers.offers import Offer
from models.offers.pushes import Push
from models.people.credentials import Invitation, PasswordReset, SecondFactor
from models.people.devices import Device, Enrolment
from models.people.organisations import Member, RefreshFamily
from models.search.searches import BackhaulSearch, SearchOutcome
from models.search.standing import StandingBy
from models.search.waiting import WaitingDriver
from models.upkeep.audit import AuditEntry, UnchainedEntry
from runtime.errors import NotFound
from services.fleet import drivers
from services.fleet.drivers import DriverBusy
from services.kernel import events, idempotency
from services.kernel.events import Cause
from services.offers import ending
from services.people import families, lockouts

NOT_EXPORTED = frozenset(
    {
        *("password_hash", "seed", "encrypted_secret", "recovery_hashes", "token_hash"),
        *("xid", "fingerprint", "hash", "sign_in_proof", "used_proofs"),
    }
)
"""Columns that give access to something, or say nothing about the person."""

ERASED_NAME = "Erased person"
ERASED: dict[str, Any] = {
    "name": ERASED_NAME,
    **dict.fromkeys(("home_label", "home_lat", "home_lon", "home_by_at")),
    "home_every": None,
    "preferences": [],
    "quiet_hours": None,
}
"""What kept answers say of an erased person."""


def export(session: Session, member_id: UUID) -> dict[str, Any]:
    """Return everything that is kept about one person, as JSON values.

    Each table's rows under the table's name, oldest first; no secrets, and of other
    people only their ids.

    Raises: NotFound.
    """
    member = session.get(Member, member_id)
    if member is None:
        raise NotFound(f"No member {member_id}.")
    driver_id = session.scalar(select(Driver.id).where(Driver.member_id == member_id))
    return {
        model.__tablename__: [
            _plain(row)
            for row in session.scalars(
                select(model).where(condition).order_by(*model.__table__.primary_key)
            )
        ]
        for model, condition in _rows_of(member_id, driver_id)
    }


def _rows_of(
    member_id: UUID, driver_id: UUID | None
) -> list[tuple[type[Row], ColumnElement[bool]]]:
    devices = select(Device.id).where(Device.member_id == member_id)
    return [
        (Member, Member.id == member_id),
        (Driver, Driver.member_id == member_id),
        (Device, Device.member_id == member_id),
        (RefreshFamily, RefreshFamily.member_id == member_id),
        (SecondFactor, SecondFactor.member_id == member_id),
        (PasswordReset, PasswordReset.member_id == member_id),
        (Invitation, Invitation.member_id == member_id),
        # A member who does not drive has no areas. The company's shared areas, which
        # have no driver id, are not theirs.
        (Area, and_(Area.driver_id == driver_id, Area.driver_id.is_not(None))),
        (Position, Position.driver_id == driver_id),
        (LastPosition, LastPosition.driver_id == driver_id),
        (
            Flag,
            or_(
                and_(Flag.driver_id == driver_id, Flag.driver_id.is_not(None)),
                Flag.ended_by == member_id,
            ),
        ),
        (BackhaulSearch, BackhaulSearch.driver_id == driver_id),
        (WaitingDriver, WaitingDriver.driver_id == driver_id),
        (StandingBy, StandingBy.driver_id == driver_id),
        (Offer, Offer.driver_id == driver_id),
        (Assignment, Assignment.driver_id == driver_id),
        (Override, Override.actor_id == member_id),
        (Load, Load.posted_by == member_id),
        (Push, Push.device_id.in_(devices)),
        (IdempotencyKey, IdempotencyKey.member_id == member_id),
        (AuditEntry, AuditEntry.member_id == member_id),
        (UnchainedEntry, UnchainedEntry.member_id == member_id),
        (Event, or_(Event.actor_id == member_id, Event.subject_id == member_id)),
    ]


def _plain(row: Row) -> dict[str, Any]:
    hidden = NOT_EXPORTED | ({"body"} if isinstance(row, IdempotencyKey) else set())
    return {
        column.key: _json(getattr(row, column.key))
        for column in row.__mapper__.column_attrs
        if column.key not in hidden
    }


def _json(value: object) -> Any:  # noqa: ANN401 - what JSON carries
    match value:
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case Mapping() | list() | str() | int() | float() | None:
            return value
    return str(value)


def erase(session: Session, member_id: UUID, *, now: datetime) -> Member:
    """Forget who the person is, and keep what happened.

    Erases name, e-mail, phone, password, factors and devices, and where the person was
    and lives: positions, home, their own areas, the situations, areas and maps of
    their searches. Their loads, assignments, offers and events keep their ids. Every
    sign-in ends. Safe to repeat.

    Locks: the member, the driver's searches that are pending, their waiting, their
    driver row, then those of the driver's open offers that no other transaction has
    locked, their last position, what stands by for them. Raises: NotFound; DriverBusy
    while the driver has a load.
    """
    member = session.get(Member, member_id, with_for_update=True)
    if member is None:
        raise NotFound(f"No member {member_id}.")
    driver = session.scalar(select(Driver).where(Driver.member_id == member_id))
    if driver is not None:
        _erase_driver(session, driver, now)
    for login in (member.email, member.phone):
        if login is not None:
            lockouts.forgive(session, lockouts.of_login(login))
    families.end_families(session, member_id, "erased", now)
    _erase_credentials(session, member, now)
    _erase_devices(session, member_id, now)
    if member.erased_at is None:
        _record(session, member, now)
    member.name = ERASED_NAME
    member.email = _unused_email(member_id)
    member.phone = None
    member.password_hash = "erased"
    member.locale = "en"
    member.deactivated_at = member.deactivated_at or now
    member.erased_at = member.erased_at or now
    session.flush()
    return member


def _erase_driver(session: Session, driver: Driver, now: datetime) -> None:
    # Before the driver is locked: a search locks in this order.
    mine = select(BackhaulSearch.id).where(BackhaulSearch.driver_id == driver.id)
    asked_for = mine.where(BackhaulSearch.outcome == SearchOutcome.PENDING)
    session.execute(asked_for.order_by(BackhaulSearch.id).with_for_update())
    session.execute(delete(WaitingDriver).where(WaitingDriver.driver_id == driver.id))
    drivers.lock(session, driver.id)
    if drivers.has_load(session, driver.id):
        raise DriverBusy("The driver has a load: end or reassign it first.")
    cause = Cause(now, reason="the driver left")
    ending.end_for_driver(session, driver.id, OfferAct.WITHDRAW, cause)
    session.execute(delete(Position).where(Position.driver_id == driver.id))
    session.execute(delete(LastPosition).where(LastPosition.driver_id == driver.id))
    session.execute(delete(StandingBy).where(StandingBy.driver_id == driver.id))
    session.execute(delete(Area).where(Area.driver_id == driver.id))
    session.execute(
        update(Offer).where(Offer.driver_id == driver.id).values(decline_note=None)
    )
    # These columns tell where the driver lives. The counts and the ranking stay.
    searches = update(BackhaulSearch).where(BackhaulSearch.driver_id == driver.id)
    session.execute(searches.values(situation={}, area={}, map={}))
    asked = BackhaulSearch.request.is_not(None)
    session.execute(searches.where(asked).values(request={}))
    is_pending = BackhaulSearch.outcome == SearchOutcome.PENDING
    session.execute(searches.where(is_pending).values(outcome=SearchOutcome.FAILED))
    driver.home_label = driver.home_lat = driver.home_lon = driver.home_by_at = None
    driver.home_every, driver.preferences = None, []
    driver.quiet_hours = driver.app_opened_at = None
    driver.availability = Availability.OFF_DUTY


def _erase_credentials(session: Session, member: Member, now: datetime) -> None:
    session.execute(delete(SecondFactor).where(SecondFactor.member_id == member.id))
    # The answers kept for the member show what they saw, so they are deleted. Answers
    # kept for others may name the member, so they are rewritten.
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.member_id == member.id))
    idempotency.rewrite(session, member.org_id, member.id, ERASED)
    session.execute(delete(PasswordReset).where(PasswordReset.member_id == member.id))
    same_login = [Invitation.member_id == member.id]
    same_login += [Invitation.email == member.email] if member.email else []
    same_login += [Invitation.phone == member.phone] if member.phone else []
    session.execute(
        update(Invitation)
        .where(Invitation.org_id == member.org_id, or_(*same_login))
        .values(name=ERASED_NAME, email=_unused_email(member.id), phone=None)
    )
    # The member knows the tokens of the invitations they made, and could come back.
    session.execute(
        update(Invitation)
        .where(
            Invitation.invited_by == member.id,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
    )


def _erase_devices(session: Session, member_id: UUID, now: datetime) -> None:
    session.execute(
        update(Device)
        .where(Device.member_id == member_id)
        .values(
            target="",
            platform=None,
            app_version="",
            locale="",
            enrolment=Enrolment.REVOKED,
            key_thumbprint=None,
            dead_at=now,
            dead_reason="erased",
        )
    )


def _record(session: Session, member: Member, now: datetime) -> None:
    events.record(
        session,
        Cause(now),
        Role.SYSTEM,
        org_id=member.org_id,
        subject="member",
        subject_id=member.id,
        kind="member.erased",
    )


def _unused_email(member_id: UUID) -> str:
    """Return an address that reaches no one (RFC 2606), different for each member."""
    return f"{member_id}@erased.invalid"
