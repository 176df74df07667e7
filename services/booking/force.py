"""Force: a dispatcher gives a load on the market to a driver, without an offer."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from models.booking.overrides import Override, OverrideKind
from models.loads.assignments import AssignmentKind, Slot
from models.loads.loads import Load
from notifications.messages import MessageKind
from services.booking import assign, overrides
from services.booking.objections import BY_DEFAULT, BookingRules
from services.booking.overrides import Why
from services.fleet import drivers
from services.kernel.actors import Actor
from services.loads import assignments, market


def force_assign(
    session: Session,
    actor: Actor,
    why: Why,
    *,
    load_id: UUID,
    driver_id: UUID,
    now: datetime,
    rules: BookingRules = BY_DEFAULT,
) -> Override:
    """Give the load to a driver who has none; the driver and the poster are told.

    What speaks against it is kept as warnings, if it may be overruled.

    Locks: the load, its offers, the driver. Raises: NotFound, Invalid, Objected.
    """
    why.check()
    # Before any lock: another company's private load must not be waited for.
    market.check_known(session, actor, load_id)
    overrides.lock_loads(session, [load_id])
    load = market.lock_known_load(session, actor, load_id)
    before = {"load": overrides.state(load, None)}
    return _book(
        session,
        actor,
        why,
        load,
        driver_id,
        before=before,
        told=[],
        slot=Slot.CURRENT,
        rules=rules,
        now=now,
    )


def force_swap(
    session: Session,
    actor: Actor,
    why: Why,
    *,
    load_id: UUID,
    assignment_id: UUID,
    now: datetime,
    rules: BookingRules = BY_DEFAULT,
) -> Override:
    """Give the load to an assignment's driver, whose old load goes back to the market.

    Locks: both loads in id order, their offers, the driver. Raises: NotFound, Invalid,
    AssignmentEnded, LoadMoveRefused, Objected.
    """
    why.check()
    # Before any lock: another company's private load must not be waited for.
    market.check_known(session, actor, load_id)
    old_load_id = overrides.load_id_of(session, actor, assignment_id)
    locked = overrides.lock_loads(session, [load_id, old_load_id])
    load = market.lock_known_load(session, actor, load_id)
    old = overrides.active(session, actor, assignment_id)
    before = {
        "load": overrides.state(load, None),
        "assignment": overrides.state(locked[old.load_id], old),
    }
    told = overrides.give_back(session, locked[old.load_id], old, why.cause(actor, now))
    return _book(
        session,
        actor,
        why,
        load,
        old.driver_id,
        before=before,
        told=told,
        slot=None,
        rules=rules,
        now=now,
    )


def _book(
    session: Session,
    actor: Actor,
    why: Why,
    load: Load,
    driver_id: UUID,
    *,
    before: dict[str, Any],
    told: list[UUID],
    slot: Slot | None,
    rules: BookingRules,
    now: datetime,
) -> Override:
    driver = drivers.get_driver(session, actor, driver_id)
    new, warnings = assign.book(
        session,
        load,
        driver,
        kind=AssignmentKind.BACKHAUL,
        cause=why.cause(actor, now),
        assignment_id=uuid7(),
        slot=slot,
        rules=rules,
        is_overruled=True,
    )
    told += [overrides.tell_driver(session, driver.id, MessageKind.LOAD_ASSIGNED, load)]
    assignments.tell_poster(session, load, MessageKind.LOAD_REASSIGNED)
    return overrides.keep(
        session,
        actor,
        OverrideKind.FORCE_ASSIGN,
        why,
        assignment_id=new.id,
        before=before,
        after=overrides.state(load, new),
        told=told,
        is_poster_told=True,
        warnings=warnings,
    )
