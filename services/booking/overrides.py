"""Overrides: what a dispatcher decides about an offer, an assignment or a departure.

Each kind has its own module: reassign, unassign, abandon, take_over, force, withdraw,
release. This module has what they share: the reason, the locks, the messages, and the
record that is kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from freight.lifecycles import LoadAct
from freight.objections import Objection
from jobs import Job, enqueue
from models.booking.overrides import Override, OverrideKind, OverrideReason
from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentStatus, EndedParty
from models.loads.loads import Load
from models.people.organisations import Organisation
from notifications.messages import MessageKind
from runtime.errors import Invalid, NotFound
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.tenancy import act_on_loads
from services.loads import assignments, market, stops
from services.loads.stops import AssignmentEnded


@dataclass(frozen=True, slots=True)
class Why:
    """The reason of an override; OTHER needs a note."""

    reason: OverrideReason
    note: str = ""

    def check(self, pointer: str = "#/note") -> None:
        """Raise Invalid where the reason needs a note and has none."""
        if self.reason is OverrideReason.OTHER and not self.note.strip():
            raise Invalid(pointer, "The reason `other` needs a note: say why.")

    def cause(self, actor: Actor, now: datetime) -> Cause:
        return Cause(now, actor, "dispatcher", self.reason)


def visible_overrides(actor: Actor) -> Select[Override]:
    """Return the company's overrides, newest first."""
    return (
        select(Override)
        .where(Override.org_id == actor.org_id)
        .order_by(Override.id.desc())
    )


def load_id_of(session: Session, actor: Actor, assignment_id: UUID) -> UUID:
    """Return the load of one of the company's assignments.

    Raises: NotFound.
    """
    # scope: of the actor's own company.
    load_id = session.scalar(
        select(Assignment.load_id).where(
            Assignment.id == assignment_id, Assignment.org_id == actor.org_id
        )
    )
    if load_id is None:
        raise NotFound(f"No assignment {assignment_id} in your company.")
    return load_id


def take_turns(session: Session, actor: Actor) -> None:
    """Make the company's acts that move loads between drivers or trucks take turns.

    Two that swap drivers or trucks would each wait for the other to end its assignment.

    Locks: the company.
    """
    # scope: a lock on the actor's own company.
    session.execute(
        select(Organisation.id)
        .where(Organisation.id == actor.org_id)
        .with_for_update(key_share=True)
    )


def lock_loads(session: Session, load_ids: Iterable[UUID]) -> dict[UUID, Load]:
    """Lock the loads in id order, and let this transaction change all their rows."""
    # scope: the callers found the loads by a scope, or look again by one.
    load_ids = list(load_ids)
    act_on_loads(session, load_ids)
    found = session.scalars(
        select(Load)
        .where(Load.id.in_(load_ids))
        .order_by(Load.id)
        .options(selectinload(Load.stops))
        .with_for_update(of=Load)
        .execution_options(populate_existing=True)
    )
    return {load.id: load for load in found}


def active(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return the active assignment, read again. The caller has locked its load.

    Raises: AssignmentEnded.
    """
    # scope: of the actor's own company.
    assignment = session.scalars(
        select(Assignment)
        .where(Assignment.id == assignment_id, Assignment.org_id == actor.org_id)
        .execution_options(populate_existing=True)
    ).one()
    if assignment.status is not AssignmentStatus.ACTIVE:
        raise AssignmentEnded(f"The assignment is {assignment.status}.")
    return assignment


def give_back(
    session: Session, load: Load, old: Assignment, cause: Cause, *, note: str = ""
) -> list[UUID]:
    """Take the driver off the load, which is posted again; return who was told.

    The poster and the driver are told; the list has only the driver's member id. How
    soon after the booking this is, is kept; a job renews the offers that fell then.

    Locks: the driver; the caller has locked the load. Raises: LoadMoveRefused.
    """
    body = {"from": str(old.driver_id)} | ({"note": note} if note else {})
    moves.move_load(session, load, LoadAct.UNBOOK, cause, body=body)
    stops.reopen(session, load, cause)
    assignments.cut_short(session, old, load, EndedParty.CARRIER, cause)
    old.given_back_after_s = old.after_s
    enqueue(session, Job.OFFERS_RENEW, assignment_id=str(old.id))
    market.came(session, load)
    told = [tell_driver(session, old.driver_id, MessageKind.LOAD_UNASSIGNED, load)]
    assignments.tell_poster(session, load, MessageKind.LOAD_UNCOVERED)
    return told


def state(load: Load, assignment: Assignment | None) -> dict[str, Any]:
    """Return what an override keeps of a load, as its `before` or `after`."""
    return {
        "load_id": str(load.id),
        "load_status": load.status,
        "driver_id": str(assignment.driver_id) if assignment else None,
        "assignment_id": str(assignment.id) if assignment else None,
    }


def tell_driver(
    session: Session, driver_id: UUID, kind: MessageKind, load: Load
) -> UUID:
    """Queue a message about the load for the driver's phones; return the member id."""
    assignments.tell_driver(session, driver_id, kind, load.id)
    return member_of(session, driver_id)


def member_of(session: Session, driver_id: UUID) -> UUID:
    """Return the member id of a driver of the actor's company."""
    # scope: the caller found the driver by a scope.
    return session.get_one(Driver, driver_id).member_id


def keep(
    session: Session,
    actor: Actor,
    kind: OverrideKind,
    why: Why,
    *,
    assignment_id: UUID | None,
    before: dict[str, Any],
    after: dict[str, Any],
    told: Iterable[UUID],
    is_poster_told: bool | None = None,
    warnings: Iterable[Objection] = (),
) -> Override:
    """Record the override and return it.

    told: the members of the company who were told.
    is_poster_told: kept without the member's name, as the dispatcher may not know it;
        None where the override does not concern the poster.
    warnings: the objections that it overruled.
    """
    if is_poster_told is not None:
        after = after | {"poster_told": is_poster_told}
    kept = Override(
        org_id=actor.org_id,
        kind=kind,
        reason=why.reason,
        note=why.note,
        actor_id=actor.member_id,
        assignment_id=assignment_id,
        before=before,
        after=after,
        notified=[str(member_id) for member_id in told],
        warnings=[objection.to_record() for objection in warnings],
    )
    session.add(kept)
    session.flush()
    return kept


def warnings_of(
    session: Session, actor: Actor, assignment_id: UUID
) -> list[dict[str, Any]]:
    """Return what the desk overruled when it made this assignment."""
    made_by = visible_overrides(actor).where(
        Override.assignment_id == assignment_id,
        Override.kind == OverrideKind.FORCE_ASSIGN,
    )
    made = session.scalar(made_by.limit(1))
    return made.warnings if made is not None else []
