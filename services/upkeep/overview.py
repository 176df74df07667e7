"""What is read of several tables: a member's own profile, and a dispatcher's fleet."""

from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, joinedload

from models.fleet.drivers import Driver
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from models.offers.offers import IS_OPEN, Offer
from models.people.organisations import Member
from runtime.db import read_alone
from services.fleet import drivers
from services.kernel.actors import PERMISSIONS, Actor
from services.loads import assignments
from services.loads.loads import asks_if_carried
from services.offers.offers import is_alive
from services.people import members


def profile(session: Session, actor: Actor) -> dict[str, Any]:
    """Return who the actor is and what they may do; for a driver also their work.

    A driver's work: current assignments, and the number of open offers.
    """
    # scope: the actor's own rows.
    driver = None
    carried: list[Assignment] = []
    open_offers = 0
    if actor.driver_id is not None:
        driver = drivers.get_driver(session, actor, actor.driver_id)
        carried = assignments.current_assignments(
            session, actor.driver_id, reader=actor
        )
        open_offers = (
            session.scalar(
                select(func.count())
                .select_from(Offer)
                .where(Offer.driver_id == actor.driver_id, *is_alive())
            )
            or 0
        )
    return {
        "member": session.get_one(Member, actor.member_id),
        "organisation": members.organisation_of(session, actor),
        "permissions": sorted(
            {p.value for role in actor.roles for p in PERMISSIONS[role]}
        ),
        "driver": driver,
        "assignments": carried,
        "open_offers": open_offers,
    }


# scope: the member's own rows.
SEEN = f"""
    select concat_ws('.', m.xmin, o.xmin, coalesce(d.xmin::text, ''),
        coalesce(t.xmin::text, ''), (
            select count(*) from offers
            where driver_id = d.id and {IS_OPEN} and expires_at > now()
        ), (
            select string_agg(concat_ws('.', a.id, a.xmin, l.xmin, (
                select string_agg(concat_ws('.', s.id, s.xmin), '.' order by s.id)
                from stops s where s.load_id = l.id
            )), ',' order by a.id)
            from assignments a join loads l on l.id = a.load_id
            where a.driver_id = d.id and a.status = 'active'
        ))
    from members m join organisations o on o.id = m.org_id
    left join drivers d on d.id = %s left join trucks t on t.id = d.truck_id
    where m.id = %s
"""
"""PostgreSQL gives a changed row a new xmin."""


def profile_seen(actor: Actor) -> str:
    """Return a text that is the same as long as `profile` returns the same."""
    ((seen,),) = read_alone(SEEN, (actor.driver_id, actor.member_id))
    return str(seen)


def fleet(
    session: Session, actor: Actor, *, limit: int, after: UUID | None
) -> tuple[list[dict[str, Any]], UUID | None]:
    """Return one page of the company's drivers, and the id the next page starts after.

    Newest driver first, each with the last position and the active assignments, the
    current one first. The id is None on the last page.
    """
    # scope: rows of drivers that `visible_drivers` has found.
    page = drivers.visible_drivers(actor).order_by(None).order_by(Driver.id.desc())
    if after is not None:
        page = page.where(Driver.id < after)
    ids = page.with_only_columns(Driver.id).limit(limit + 1)
    is_carried = and_(
        Assignment.driver_id == Driver.id, Assignment.status == AssignmentStatus.ACTIVE
    )
    query = (
        page.with_only_columns(Driver, LastPosition, Assignment)
        .where(Driver.id.in_(ids))
        .outerjoin(LastPosition, LastPosition.driver_id == Driver.id)
        .outerjoin(Assignment, is_carried)
        .order_by(Assignment.slot, Assignment.id)
        .options(
            joinedload(Assignment.load).options(
                joinedload(Load.stops), asks_if_carried(actor)
            )
        )
    )
    found: dict[UUID, dict[str, Any]] = {}
    for driver, position, assignment in session.execute(query).unique():
        shown = {"driver": driver, "position": position, "assignments": []}
        row = found.setdefault(driver.id, shown)
        row["assignments"] += [assignment] if assignment is not None else []
    rows = list(found.values())
    return rows[:limit], rows[limit - 1]["driver"].id if len(rows) > limit else None
