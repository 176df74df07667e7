"""A poster interrupts its own load, underway or reported delivered."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.lifecycles import LoadAct, LoadStatus
from models.loads.assignments import Assignment, AssignmentStatus, EndedParty
from models.loads.loads import Load
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.loads import denials, interruptions
from services.loads.loads import lock_own


class InterruptionReason(StrEnum):
    """Why a poster interrupts a load; OTHER needs a note."""

    CARRIER_UNREACHABLE = "carrier_unreachable"
    RECALL = "recall"
    OTHER = "other"


def interrupt_own(
    session: Session,
    actor: Actor,
    load_id: UUID,
    *,
    reason: InterruptionReason,
    note: str,
    now: datetime,
    deny_within: timedelta,
) -> Load:
    """Interrupt one of the poster's own loads, with freight aboard.

    The carrier does not have to agree. Safe to repeat.

    deny_within: how long after its delivery a load is interrupted, if the poster
        confirmed none of its pickups (`services.loads.denials`).

    Locks: the load, then its driver. Raises: NotFound, LoadMoveRefused.
    """
    # scope: a load that the actor's company posted.
    load = lock_own(session, actor, load_id)
    if load.status is LoadStatus.INTERRUPTED:
        return load
    cause = Cause(now, actor, "poster", reason)
    if load.status is LoadStatus.DELIVERED:
        denials.deny_delivery(session, load, cause, note=note, within=deny_within)
        return load
    moves.check_load(load, LoadAct.INTERRUPT, cause)
    assignment = session.scalars(
        select(Assignment).where(
            Assignment.load_id == load.id,
            Assignment.status == AssignmentStatus.ACTIVE,
        )
    ).one()
    interruptions.interrupt(
        session, load, assignment, EndedParty.POSTER, cause, note=note
    )
    return load
