"""Release: a truck departs from a pickup that the shipper has not confirmed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from freight.lifecycles import LoadStatus, StopStatus
from models.booking.overrides import OverrideKind
from models.loads.stops import Stop, StopKind
from services.booking import overrides
from services.booking.overrides import Why
from services.kernel.actors import Actor
from services.loads import stops
from services.loads.reports import Report


def release_departure(
    session: Session,
    actor: Actor,
    stop_id: UUID,
    report: Report,
    why: Why,
    *,
    now: datetime,
) -> Stop:
    """Note that the truck left; only a dispatcher may release an unconfirmed pickup.

    An override is kept only for such a release, not for a delivery or a confirmed
    pickup. Safe to repeat.

    Locks: the load. Raises: NotFound, Invalid, AssignmentEnded, StopMoveRefused,
    LoadMoveRefused, PickupNotConfirmed.
    """
    at_hand = stops.lock(session, actor, stop_id)
    load, stop, assignment = at_hand
    is_overridden = (
        actor.is_dispatcher
        and stop.kind is StopKind.PICKUP
        and stop.confirmed_at is None
        and stop.status is not StopStatus.DEPARTED
    )
    if is_overridden:
        why.check("#/release_note")
    before = {"load_status": load.status, "stop_id": str(stop.id)}
    stops.leave(
        session,
        actor,
        at_hand,
        report,
        reason=why.reason,
        is_released=is_overridden,
        now=now,
    )
    if is_overridden:
        overrides.keep(
            session,
            actor,
            OverrideKind.RELEASE_DEPARTURE,
            why,
            assignment_id=assignment.id,
            before=before,
            after={"load_status": LoadStatus.IN_TRANSIT},
            told=[],
        )
    return stop
