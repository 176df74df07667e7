"""Unassign: the driver is taken off, and the load goes back to the market."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models.booking.overrides import Override, OverrideKind
from services.booking import overrides
from services.booking.overrides import Why
from services.kernel.actors import Actor


def unassign(
    session: Session, actor: Actor, why: Why, *, assignment_id: UUID, now: datetime
) -> Override:
    """Take the driver off a load not picked up yet; the driver and poster are told.

    Locks: the load, then its driver. Raises: NotFound, Invalid, AssignmentEnded,
    LoadMoveRefused.
    """
    why.check()
    load_id = overrides.load_id_of(session, actor, assignment_id)
    load = overrides.lock_loads(session, [load_id])[load_id]
    old = overrides.active(session, actor, assignment_id)
    before = overrides.state(load, old)
    told = overrides.give_back(session, load, old, why.cause(actor, now))
    return overrides.keep(
        session,
        actor,
        OverrideKind.UNASSIGN,
        why,
        assignment_id=old.id,
        before=before,
        after=overrides.state(load, None),
        told=told,
        is_poster_told=True,
    )
