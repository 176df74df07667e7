"""Cancelling a load for good."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.lifecycles import LoadAct, LoadStatus, OfferAct
from models.loads.assignments import Assignment, AssignmentStatus, EndedParty
from models.loads.loads import Load
from notifications.messages import MessageKind
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.loads import stops
from services.loads.assignments import cut_short, tell_driver
from services.loads.loads import lock_own
from services.loads.posting import end_offers


def cancel(
    session: Session, actor: Actor, load_id: UUID, *, reason: str, now: datetime
) -> Load:
    """Cancel a load that is not picked up, for good; its driver is told and freed.

    How far the truck had come is kept (`cut_short`). Safe to repeat.

    Locks: the load, its offers, its driver. Raises: NotFound, LoadMoveRefused.
    """
    # scope: a load that the actor's company posted.
    load = lock_own(session, actor, load_id)
    if load.status is LoadStatus.CANCELLED:
        return load
    cause = Cause(now, actor, "desk", reason)
    moves.move_load(session, load, LoadAct.CANCEL, cause)
    stops.check_nothing_aboard(load)
    load.cancel_reason = reason
    load.lease_expires_at = None
    end_offers(session, load, OfferAct.WITHDRAW, "the load was cancelled", now)
    assignment = session.scalar(
        select(Assignment)
        .where(
            Assignment.load_id == load.id,
            Assignment.status == AssignmentStatus.ACTIVE,
        )
        .with_for_update()
    )
    if assignment is not None:
        cut_short(session, assignment, load, EndedParty.POSTER, cause)
        tell_driver(session, assignment.driver_id, MessageKind.LOAD_UNASSIGNED, load.id)
    return load
