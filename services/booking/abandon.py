"""Abandon: the desk takes the driver off a load with freight aboard."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models.booking.overrides import Override, OverrideKind
from models.loads.assignments import EndedParty
from services.booking import overrides
from services.booking.overrides import Why
from services.kernel.actors import Actor
from services.loads import interruptions


def abandon(
    session: Session, actor: Actor, why: Why, *, assignment_id: UUID, now: datetime
) -> Override:
    """Take the driver off a load with freight aboard, which is then interrupted.

    The driver and the poster are told.

    Locks: the load, then its driver. Raises: NotFound, Invalid, AssignmentEnded,
    LoadMoveRefused.
    """
    why.check()
    load_id = overrides.load_id_of(session, actor, assignment_id)
    load = overrides.lock_loads(session, [load_id])[load_id]
    old = overrides.active(session, actor, assignment_id)
    before = overrides.state(load, old)
    interruptions.interrupt(
        session, load, old, EndedParty.CARRIER, why.cause(actor, now), note=why.note
    )
    return overrides.keep(
        session,
        actor,
        OverrideKind.ABANDON,
        why,
        assignment_id=old.id,
        before=before,
        after=overrides.state(load, None),
        told=[overrides.member_of(session, old.driver_id)],
        is_poster_told=True,
    )
