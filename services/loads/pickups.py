"""Pickup confirmations: what was loaded, as the shipper counted it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from freight.lifecycles import LoadAct
from freight.roles import POSTERS, Role
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from models.loads.stops import Stop, StopKind
from notifications.messages import MessageKind
from runtime.errors import Conflict, NotFound
from services.kernel import clocks, moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.tenancy import act_on_loads
from services.loads import assignments, stops


class NotAPickup(Conflict):
    """The shipper confirms only pickups."""

    code = "not-a-pickup"
    title = "The stop is not a pickup"


def confirm(
    session: Session,
    actor: Actor,
    stop_id: UUID,
    *,
    confirmed_at: datetime,
    confirmed_by: str,
    pieces: int | None,
    weight_kg: int | None,
    seal_number: str | None,
    bol_number: str | None,
    now: datetime,
) -> Stop:
    """Keep what was loaded, as the shipper counted it; the truck may then depart.

    The driver is told. A difference from the posted figures is recorded as an event;
    the load stays as posted. A confirmation before the truck's arrival is kept, and
    moves the load when the arrival is reported. Safe to repeat; a later confirmation
    corrects an earlier one.

    confirmed_at: by the shipper's clock; a time in the future, or before the load was
        entered, is refused.

    Locks: the load. Raises: NotFound, NotAPickup, StopOutOfOrder, LoadMoveRefused,
    ClockSkew.
    """
    load, stop = _locked(session, actor, stop_id)
    if stop.kind is not StopKind.PICKUP:
        raise NotAPickup("Only a pickup is confirmed; the driver completes a delivery.")
    said = {
        "confirmed_by": confirmed_by,
        "confirmed_pieces": pieces,
        "confirmed_weight_kg": weight_kg,
        "seal_number": seal_number,
        "bol_number": bol_number,
    }
    if stop.confirmed_at is not None and said == {k: getattr(stop, k) for k in said}:
        return stop
    stops.check_order(load, stop, stops.DONE)
    at = clocks.corrected(
        confirmed_at, sent_at=None, received_at=now, earliest=load.created_at
    )
    cause = Cause(at, actor, "shipper")
    next_stop = next((s for s in load.stops if s.status not in stops.LEFT), None)
    is_next = next_stop is stop
    moves.move_load(
        session,
        load,
        LoadAct.CONFIRM_PICKUP if is_next else LoadAct.AMEND_PICKUP,
        cause,
        body={"stop_id": str(stop.id)} | said,
    )
    stop.confirmed_at = at
    for name, value in said.items():
        setattr(stop, name, value)
    _record_difference(session, load, stop, cause)
    _tell_driver(session, load)
    return stop


def _locked(session: Session, actor: Actor, stop_id: UUID) -> tuple[Load, Stop]:
    # scope: only loads that the actor's company posted.
    load = session.scalar(
        select(Load)
        .join(Stop, Stop.load_id == Load.id)
        .where(Stop.id == stop_id, Load.org_id == actor.org_id)
        .options(selectinload(Load.stops))
        .with_for_update(of=Load)
        .execution_options(populate_existing=True)
    )
    if load is None:
        raise NotFound(f"No stop {stop_id} on your loads.")
    act_on_loads(session, [load.id])
    return load, next(stop for stop in load.stops if stop.id == stop_id)


def _record_difference(session: Session, load: Load, stop: Stop, cause: Cause) -> None:
    # The posted figures are sums over all pickups: compare when all are confirmed.
    pickups = [s for s in load.stops if s.kind is StopKind.PICKUP]
    pairs: dict[str, Any] = {
        "pieces": (load.pieces, _total(s.confirmed_pieces for s in pickups)),
        "weight_kg": (load.weight_kg, _total(s.confirmed_weight_kg for s in pickups)),
    }
    differences = {
        name: {"posted": posted, "confirmed": confirmed}
        for name, (posted, confirmed) in pairs.items()
        if None not in (posted, confirmed) and posted != confirmed
    }
    if differences:
        body = {"stop_id": str(stop.id), "differences": differences}
        roles = POSTERS | {Role.DISPATCHER}
        moves.record_load(session, load, "pickup_differs", cause, roles, body=body)


def _total(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(filter(None, known))


def _tell_driver(session: Session, load: Load) -> None:
    # scope: a load that the actor's company posted.
    driver_id = session.scalar(
        select(Assignment.driver_id).where(
            Assignment.load_id == load.id,
            Assignment.status == AssignmentStatus.ACTIVE,
        )
    )
    # An interrupted load has no driver.
    if driver_id is not None:
        assignments.tell_driver(
            session, driver_id, MessageKind.PICKUP_CONFIRMED, load.id
        )
