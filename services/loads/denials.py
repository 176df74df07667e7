"""Denials: a poster says that a load which was reported delivered was not.

Only if the poster confirmed none of its pickups: then the carrier alone says that the
freight was ever on the truck. The load is interrupted, and the poster ends it.
"""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.lifecycles import LoadAct
from models.loads.assignments import Assignment, AssignmentStatus, EndedParty
from models.loads.loads import Load
from notifications import outbox
from notifications.messages import MessageKind
from services.kernel import moves
from services.kernel.events import Cause
from services.loads import interruptions, stops


def deny_delivery(
    session: Session, load: Load, cause: Cause, *, note: str, within: timedelta
) -> None:
    """Interrupt a delivered load none of whose pickups its poster confirmed.

    Its freight is where it was last known for certain: at the first pickup. The carrier
    loses the load, cannot take it over, and its driver and dispatchers are told. How
    soon after the booking it was reported delivered counts as a give-back.

    within: how long after the delivery this is possible.

    The caller has locked the load. Raises: LoadMoveRefused.
    """
    # scope: the assignment by which a load that the caller has locked was delivered.
    completed = select(Assignment).where(
        Assignment.load_id == load.id, Assignment.status == AssignmentStatus.COMPLETED
    )
    last = _check(load, session.scalars(completed).one_or_none(), cause, within)
    first = load.stops[0].point
    interruptions.mark(session, load, LoadAct.DENY, last, first, cause, note=note)
    # Not `assignments.cut_short`: the driver was freed at the delivery, and the poster
    # may not learn where they have been since.
    last.status = AssignmentStatus.CANCELLED
    last.ended_party = EndedParty.POSTER
    last.ended_by = cause.actor.member_id if cause.actor else None
    last.end_reason = cause.reason or ""
    last.given_back_after_s = last.after_s
    session.flush()
    # The desk may have reported everything, and the driver not know of the load.
    outbox.put(
        *(session, [], MessageKind.DELIVERY_DENIED, load.id),
        driver_ids=[last.driver_id],
        desk_of=last.id,
    )


def _check(
    load: Load, last: Assignment | None, cause: Cause, within: timedelta
) -> Assignment:
    """Return the assignment by which it was delivered, if the poster may deny that."""
    if last is None or last.ended_at is None:
        refused = "You said yourself that it arrived."
    elif stops.has_confirmed_pickup(load):
        refused = "You confirmed its pickup: take it up with the carrier."
    elif cause.occurred_at > last.ended_at + within:
        refused = f"It was delivered more than {within.days} days ago."
    else:
        return last
    raise moves.LoadMoveRefused(refused, extra={"current_status": load.status})
