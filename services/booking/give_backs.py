"""Give-backs: loads that a carrier booked and let go of, and how soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from models.loads.assignments import NEWEST_FIRST, Assignment, AssignmentStatus
from models.people.organisations import Organisation
from services.kernel.actors import Actor
from services.kernel.tenancy import act_on_loads
from services.loads.loads import get_own

LOOKED_BACK = timedelta(days=90)
"""How old a booking may be to count for its carrier."""

# scope: a database function, for the carrier of a load of the actor's company.
OF_A_CARRIER = text(
    "select bookings, quick from give_backs_of(:org, :within_s, :since)"
)


@dataclass(frozen=True, slots=True)
class Record:
    """How often a carrier booked since LOOKED_BACK, and quickly gave a load back."""

    bookings: int
    quick_give_backs: int


def record_of_carrier(
    session: Session, actor: Actor, load_id: UUID, *, quick: timedelta, now: datetime
) -> Record | None:
    """Return the record of the carrier that has the load, or had its freight last.

    None if no carrier has the load.

    quick: a load that is given back within this time counts against its carrier.

    Raises: NotFound if the actor's company did not post the load.
    """
    # scope: the assignments of a load that the actor's company posted.
    load = get_own(session, actor, load_id)
    act_on_loads(session, [load.id])
    org_id = session.scalar(
        select(Assignment.org_id)
        .where(
            Assignment.load_id == load.id,
            or_(
                Assignment.status != AssignmentStatus.CANCELLED,
                Assignment.id == load.interrupted_assignment_id,
            ),
        )
        .order_by(Assignment.status == AssignmentStatus.CANCELLED, *NEWEST_FIRST)
        .limit(1)
    )
    if org_id is None:
        return None
    within_s = int(quick.total_seconds())
    asked = {"org": org_id, "within_s": within_s, "since": now - LOOKED_BACK}
    return Record(*session.execute(OF_A_CARRIER, asked).one())


def is_quick(assignment: Assignment, quick: timedelta) -> bool:
    """Say whether the carrier gave the load back so soon that it counts."""
    after_s = assignment.given_back_after_s
    return after_s is not None and after_s <= quick.total_seconds()


def by_company(quick: timedelta, *, now: datetime) -> Select[str, UUID, int, int]:
    """Return name, id, bookings and quick give-backs of each company that has any.

    Since LOOKED_BACK; the company with the most quick give-backs first.
    """
    # scope: the operator's command.
    within_s = int(quick.total_seconds())
    booking = tuple_(Assignment.load_id, Assignment.booked_at)
    bookings = func.count(booking.distinct())
    count = bookings.filter(Assignment.given_back_after_s <= within_s)
    return (
        select(Organisation.name, Organisation.id, bookings.label("bookings"), count)
        .join(Assignment, Assignment.org_id == Organisation.id)
        .where(Assignment.booked_at >= now - LOOKED_BACK)
        .group_by(Organisation.id)
        .having(count > 0)
        .order_by(count.desc(), Organisation.id)
    )
