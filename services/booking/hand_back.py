"""Hand back: a driver gives up a load, at any time before it is delivered."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.loads.assignments import (
    Assignment,
    AssignmentStatus,
    EndedParty,
    HandBackReason,
)
from notifications import outbox
from notifications.messages import MessageKind
from runtime.errors import Invalid, NotFound
from services.booking import overrides
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.loads import interruptions, stops
from services.loads.assignments import get_assignment, visible_assignments
from services.people import members


def hand_back(
    session: Session,
    actor: Actor,
    assignment_id: UUID,
    *,
    reason: HandBackReason,
    note: str,
    now: datetime,
) -> Assignment:
    """Give up a load; its driver is free, without the consent of any other person.

    With nothing aboard the load goes back to the market, else it is interrupted. The
    poster and the company's dispatchers are told; a dispatcher may do it on the
    driver's behalf. Safe to repeat: an assignment that has ended is returned unchanged.

    Locks: the load, then its driver. Raises: NotFound, Invalid.
    """
    if reason is HandBackReason.OTHER and not note.strip():
        raise Invalid("#/note", "The reason `other` needs a note: say why.")
    # A suspended company, too, may repeat what ended its last load.
    reader = replace(actor, is_suspended=False)
    seen = visible_assignments(reader).where(Assignment.id == assignment_id)
    load_id = session.scalar(seen.with_only_columns(Assignment.load_id))
    if load_id is None:
        raise NotFound(f"No assignment {assignment_id} in your company.")
    load = overrides.lock_loads(session, [load_id])[load_id]
    # scope: found by `visible_assignments`, and read again under the lock.
    assignment = session.scalars(
        select(Assignment)
        .where(Assignment.id == assignment_id)
        .execution_options(populate_existing=True)
    ).one()
    if assignment.status is AssignmentStatus.ACTIVE:
        is_own = actor.driver_id == assignment.driver_id
        cause = Cause(now, actor, "phone" if is_own else "dispatcher", reason)
        if stops.is_aboard(load):
            interruptions.interrupt(
                session, load, assignment, EndedParty.CARRIER, cause, note=note
            )
        else:
            overrides.give_back(session, load, assignment, cause, note=note)
        desk = members.dispatchers_of(session, actor.org_id)
        outbox.put(session, desk, MessageKind.LOAD_HANDED_BACK, load.id)
    return get_assignment(session, reader, assignment_id)
