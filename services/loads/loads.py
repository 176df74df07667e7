"""Loads: which of them a member may see, and a poster may change."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload, with_expression
from sqlalchemy.orm.strategy_options import _AbstractLoad

from freight.lifecycles import UNFINISHED
from freight.roles import POSTERS
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from models.offers.offers import Offer
from runtime.errors import NotFound
from services.kernel.actors import Actor
from services.kernel.tenancy import act_on_loads
from services.offers.offers import is_open


def visible_loads(actor: Actor) -> Select[Load]:
    """Return the loads the actor may know of, newest first.

    Posters and dispatchers see the loads their company posted. A dispatcher also sees
    those the company's drivers carry, carried or are offered; a driver sees those they
    carry, carried or are offered themselves.

    Drivers who lost a load, or were taken off it, no longer see it: they may not know
    when the next carrier arrives. The offer keeps what they were shown. An interrupted
    load is still seen by those on whose truck the freight was last.

    A member of a suspended company sees only loads underway, and no offers.
    """
    offered = select(Offer.id).where(Offer.load_id == Load.id, is_open())
    if actor.is_dispatcher:
        offered = offered.where(Offer.org_id == actor.org_id)
    else:
        offered = offered.where(Offer.driver_id == actor.driver_id)
    is_at_the_desk = actor.is_dispatcher or bool(POSTERS & actor.roles)
    posted = Load.org_id == actor.org_id if is_at_the_desk else false()
    seen = or_(posted, is_carried_by(actor), exists(offered))
    if actor.is_suspended:
        seen = and_(or_(posted, is_carried_by(actor)), Load.status.in_(UNFINISHED))
    return (
        select(Load)
        .where(seen)
        .order_by(Load.id.desc())
        .options(asks_if_carried(actor))
    )


def is_carried_by(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that the actor carries the load, or has carried it.

    For a dispatcher: that a driver of the company does. Not met any more once the
    driver was taken off the load, but met while freight that was last on their truck
    is interrupted.
    """
    # scope: the actor's own company, or their own driver.
    carried = aliased(Assignment)
    is_own = (
        carried.org_id == actor.org_id
        if actor.is_dispatcher
        else carried.driver_id == actor.driver_id
    )
    return exists(
        select(carried.id).where(
            carried.load_id == Load.id,
            or_(
                carried.status != AssignmentStatus.CANCELLED,
                carried.id == Load.interrupted_assignment_id,
            ),
            is_own,
        )
    )


def asks_if_carried(actor: Actor) -> _AbstractLoad:
    """Return the option of a query that sets `Load.is_carried` for this actor.

    Without it, only the poster is shown the load in full.
    """
    return with_expression(Load.is_carried, is_carried_by(actor))


def get_load(session: Session, actor: Actor, load_id: UUID) -> Load:
    """Return the load with its stops.

    Raises: NotFound.
    """
    query = visible_loads(actor).where(Load.id == load_id)
    found = session.scalars(query.options(joinedload(Load.stops)))
    load = found.unique().one_or_none()
    if load is None:
        raise NotFound(f"No load {load_id} that you may see.")
    return load


def get_own(session: Session, actor: Actor, load_id: UUID) -> Load:
    """Return a load that the actor's company posted, without its stops.

    Raises: NotFound.
    """
    # scope: only loads that the actor's company posted.
    load = session.scalar(
        select(Load).where(Load.id == load_id, Load.org_id == actor.org_id)
    )
    if load is None:
        raise NotFound(f"No load {load_id} posted by your company.")
    return load


def lock_own(session: Session, actor: Actor, load_id: UUID) -> Load:
    """Lock and return a load that the actor's company posted, with its stops.

    This transaction may then change every row of the load (`act_on_loads`).

    Locks: the load. Raises: NotFound.
    """
    # scope: only loads that the actor's company posted.
    load = session.scalar(
        select(Load)
        .where(Load.id == load_id, Load.org_id == actor.org_id)
        .options(selectinload(Load.stops))
        .with_for_update(of=Load)
    )
    if load is None:
        raise NotFound(f"No load {load_id} posted by your company.")
    act_on_loads(session, [load.id])
    return load
