"""The dispatcher's word over an offer or a driver's yes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload
from uuid_utils.compat import uuid7

from errors import Invalid, NotFound
from freight.lifecycles import LoadAct, OfferAct
from models.assignments import (
    Assignment,
    AssignmentKind,
    AssignmentStatus,
    Override,
    OverrideKind,
    OverrideReason,
)
from models.drivers import Driver
from models.loads import Load
from models.offers import Offer
from models.organisations import Organisation
from notifications import outbox
from notifications.messages import MessageKind
from services import assignments, drivers, loads, moves, offers, open_offers
from services.actors import Actor
from services.events import Cause
from services.holds import hold
from services.stops import AssignmentEnded


@dataclass(frozen=True, slots=True)
class Decision:
    """What a dispatcher decides. Which ids it needs depends on the kind."""

    kind: OverrideKind
    reason: OverrideReason
    note: str = ""
    driver_id: UUID | None = None
    load_id: UUID | None = None
    offer_id: UUID | None = None


def visible_overrides(actor: Actor) -> Select[Override]:
    """Return the company's overrides, newest first."""
    return (
        select(Override)
        .where(Override.org_id == actor.org_id)
        .order_by(Override.id.desc())
    )


def override(
    session: Session,
    actor: Actor,
    decision: Decision,
    *,
    assignment_id: UUID | None,
    now: datetime,
) -> Override:
    """Carry out the decision, keep what was before and after, tell everybody.

    One transaction: a racing accept sees all of it or nothing.

    Locks: to reassign, the company; the loads in id order, their offers, the drivers.
    Raises: NotFound, Invalid, AssignmentEnded, LoadTaken, DriverBusy, NoTruck,
    LoadMoveRefused, OfferMoveRefused.
    """
    if decision.reason is OverrideReason.OTHER and not decision.note.strip():
        raise Invalid("#/note", "Say why in your own words.")
    if decision.kind is OverrideKind.WITHDRAW_OFFER:
        return _withdraw_offer(session, actor, decision, assignment_id, now)
    if decision.kind is OverrideKind.FORCE_ASSIGN:
        return _force_assign(session, actor, decision, assignment_id, now)
    if assignment_id is None:
        raise Invalid("#/kind", f"{decision.kind} is for an assignment.")
    if decision.kind is OverrideKind.REASSIGN:
        return _reassign(session, actor, decision, assignment_id, now)
    if decision.kind is OverrideKind.UNASSIGN:
        return _unassign(session, actor, decision, assignment_id, now)
    raise Invalid("#/kind", "Release a departure at PUT /v1/stops/<id>/departure.")


def _reassign(
    session: Session,
    actor: Actor,
    decision: Decision,
    assignment_id: UUID,
    now: datetime,
) -> Override:
    driver = drivers.get_driver(session, actor, _needed(decision, "driver_id"))
    _take_turns(session, actor)
    (load,) = _lock_loads(session, [_load_id_of(session, actor, assignment_id)])
    old = _active(session, actor, assignment_id)
    if old.driver_id == driver.id:
        raise drivers.DriverBusy("He has this load already.")
    cause = _cause(actor, decision, now)
    before = _state(load, old)
    moves.move_load(
        session,
        load,
        LoadAct.REASSIGN,
        cause,
        body={"from": str(old.driver_id), "to": str(driver.id)},
    )
    loads.end_assignment(
        session, old, AssignmentStatus.CANCELLED, decision.reason, now=now
    )
    new = assignments.put_driver_on(
        session, load, driver, kind=old.kind, assignment_id=uuid7()
    )
    if len(assignments.current_assignments(session, driver.id)) > 1:
        raise drivers.DriverBusy("The driver has a load already.")
    open_offers.end_for_driver(
        session, driver.id, OfferAct.SUPERSEDE, Cause(now, reason="an override")
    )
    told = [
        _tell(session, old.driver_id, MessageKind.LOAD_UNASSIGNED, load),
        _tell(session, driver.id, MessageKind.LOAD_ASSIGNED, load),
        _tell_poster(session, load, MessageKind.LOAD_REASSIGNED),
    ]
    return _keep(session, actor, decision, old.id, before, _state(load, new), told)


def _unassign(
    session: Session,
    actor: Actor,
    decision: Decision,
    assignment_id: UUID,
    now: datetime,
) -> Override:
    (load,) = _lock_loads(session, [_load_id_of(session, actor, assignment_id)])
    old = _active(session, actor, assignment_id)
    before = _state(load, old)
    told = _give_back(session, load, old, _cause(actor, decision, now))
    return _keep(session, actor, decision, old.id, before, _state(load, None), told)


def _force_assign(
    session: Session,
    actor: Actor,
    decision: Decision,
    assignment_id: UUID | None,
    now: datetime,
) -> Override:
    """The driver gets this posted load; what he had goes back to the market."""
    load_id = _needed(decision, "load_id")
    # Before any lock: another company's private load is not ours to wait for.
    assignments.check_on_market(session, actor, load_id)
    old_load_id = _load_id_of(session, actor, assignment_id) if assignment_id else None
    # Both at once and in id order, then looked at again through what may be seen.
    wanted = [it for it in (load_id, old_load_id) if it is not None]
    locked = {it.id: it for it in _lock_loads(session, wanted)}
    load = assignments.lock_market_load(session, actor, load_id)
    cause = _cause(actor, decision, now)
    before: dict[str, Any] = {"load": _state(load, None)}
    told: list[UUID | None] = []
    if assignment_id is not None:
        old = _active(session, actor, assignment_id)
        old_load = locked[old.load_id]
        before["assignment"] = _state(old_load, old)
        told += _give_back(session, old_load, old, cause)
        driver_id = old.driver_id
    else:
        driver_id = _needed(decision, "driver_id")
    driver = drivers.get_driver(session, actor, driver_id)
    new = assignments.book(
        session,
        load,
        driver,
        kind=AssignmentKind.BACKHAUL,
        cause=cause,
        assignment_id=uuid7(),
    )
    told += [
        _tell(session, driver.id, MessageKind.LOAD_ASSIGNED, load),
        _tell_poster(session, load, MessageKind.LOAD_REASSIGNED),
    ]
    return _keep(session, actor, decision, new.id, before, _state(load, new), told)


def _withdraw_offer(
    session: Session,
    actor: Actor,
    decision: Decision,
    assignment_id: UUID | None,
    now: datetime,
) -> Override:
    # scope: locked again after the scope found it.
    offer_id = _needed(decision, "offer_id")
    if assignment_id is not None:
        _load_id_of(session, actor, assignment_id)
    load_id = session.scalar(
        offers.visible_offers(actor)
        .where(Offer.id == offer_id)
        .with_only_columns(Offer.load_id)
    )
    if load_id is None:
        raise NotFound(f"No offer {offer_id} in your company.")
    _lock_loads(session, [load_id])
    offer = session.get_one(
        Offer, offer_id, with_for_update=True, populate_existing=True
    )
    before = {"offer_status": offer.status}
    open_offers.end_one(session, offer, OfferAct.WITHDRAW, _cause(actor, decision, now))
    open_offers.ask_for_next(session, offer)
    told = [session.get_one(Driver, offer.driver_id).member_id]
    after = {"offer_status": offer.status, "offer_id": str(offer.id)}
    return _keep(session, actor, decision, assignment_id, before, after, told)


def _give_back(
    session: Session, load: Load, old: Assignment, cause: Cause
) -> list[UUID | None]:
    """Take the driver off; the load is posted again. Returns who was told."""
    moves.move_load(
        session, load, LoadAct.UNBOOK, cause, body={"from": str(old.driver_id)}
    )
    loads.reopen(load)
    loads.end_assignment(
        session,
        old,
        AssignmentStatus.CANCELLED,
        cause.reason or "",
        now=cause.occurred_at,
    )
    return [
        _tell(session, old.driver_id, MessageKind.LOAD_UNASSIGNED, load),
        _tell_poster(session, load, MessageKind.LOAD_UNCOVERED),
    ]


def _needed(decision: Decision, name: str) -> UUID:
    value: UUID | None = getattr(decision, name)
    if value is None:
        raise Invalid(f"#/{name}", f"{decision.kind} needs it.")
    return value


def _take_turns(session: Session, actor: Actor) -> None:
    """Let the company's reassignments happen one after the other.

    Two that swap their drivers would each wait for the other to end its assignment.
    """
    # scope: a lock on his own company.
    session.execute(
        select(Organisation.id)
        .where(Organisation.id == actor.org_id)
        .with_for_update(key_share=True)
    )


def _load_id_of(session: Session, actor: Actor, assignment_id: UUID) -> UUID:
    # scope: of his own company.
    load_id = session.scalar(
        select(Assignment.load_id).where(
            Assignment.id == assignment_id, Assignment.org_id == actor.org_id
        )
    )
    if load_id is None:
        raise NotFound(f"No assignment {assignment_id} in your company.")
    return load_id


def _lock_loads(session: Session, load_ids: Iterable[UUID]) -> list[Load]:
    # scope: the callers found them by a scope, or look again.
    load_ids = list(load_ids)
    hold(session, load_ids)
    return list(
        session.scalars(
            select(Load)
            .where(Load.id.in_(load_ids))
            .order_by(Load.id)
            .options(selectinload(Load.stops))
            .with_for_update(of=Load)
            .execution_options(populate_existing=True)
        )
    )


def _active(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Read the assignment again, now that its load is locked."""
    # scope: of his own company.
    assignment = session.scalars(
        select(Assignment)
        .where(Assignment.id == assignment_id, Assignment.org_id == actor.org_id)
        .execution_options(populate_existing=True)
    ).one()
    if assignment.status is not AssignmentStatus.ACTIVE:
        raise AssignmentEnded(f"The assignment is {assignment.status}.")
    return assignment


def _cause(actor: Actor, decision: Decision, now: datetime) -> Cause:
    return Cause(now, actor, "dispatcher", decision.reason)


def _state(load: Load, assignment: Assignment | None) -> dict[str, Any]:
    return {
        "load_id": str(load.id),
        "load_status": load.status,
        "driver_id": str(assignment.driver_id) if assignment else None,
        "assignment_id": str(assignment.id) if assignment else None,
    }


def _tell(session: Session, driver_id: UUID, kind: MessageKind, load: Load) -> UUID:
    # scope: a driver of his own company.
    loads.tell_driver(session, driver_id, kind, load.id)
    return session.get_one(Driver, driver_id).member_id


def _tell_poster(session: Session, load: Load, kind: MessageKind) -> UUID | None:
    """Owe the poster's phones a message. Who that is, is not the dispatcher's to know:
    None stands for him."""
    outbox.put(session, [load.posted_by], kind, load.id)
    return None


def _keep(
    session: Session,
    actor: Actor,
    decision: Decision,
    assignment_id: UUID | None,
    before: dict[str, Any],
    after: dict[str, Any],
    told: Iterable[UUID | None],
) -> Override:
    """told: members of the company; None is the poster, who is named to nobody."""
    told = list(told)
    kept = Override(
        org_id=actor.org_id,
        kind=decision.kind,
        reason=decision.reason,
        note=decision.note,
        actor_id=actor.member_id,
        assignment_id=assignment_id,
        before=before,
        after=after | {"poster_told": None in told},
        notified=[str(member_id) for member_id in told if member_id is not None],
    )
    session.add(kept)
    session.flush()
    return kept
