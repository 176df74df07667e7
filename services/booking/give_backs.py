"""Give-backs: loads that a carrier booked and gave back to the market, and how soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from models.loads.assignments import Assignment, AssignmentStatus
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
class GiveBack:
    """A carrier gave the load back `after_s` seconds after it had booked it."""

    given_back_at: datetime
    after_s: int
    is_quick: bool


@dataclass(frozen=True, slots=True)
class Record:
    """What a carrier booked since LOOKED_BACK, and how much it quickly gave back."""

    bookings: int
    quick_give_backs: int


@dataclass(frozen=True, slots=True)
class GiveBacks:
    """A load's give-backs, the newest first, and the record of the carrier that has it.

    carrier: None while no carrier has the load.
    """

    give_backs: list[GiveBack]
    carrier: Record | None

    @property
    def quick_count(self) -> int:
        return sum(each.is_quick for each in self.give_backs)


def of_load(
    session: Session, actor: Actor, load_id: UUID, *, quick: timedelta, now: datetime
) -> GiveBacks:
    """Return what the poster may know of the carriers that its load had.

    quick: a load that is given back within this time counts against its carrier.

    Raises: NotFound if the actor's company did not post the load.
    """
    # scope: the assignments of a load that the actor's company posted.
    load = get_own(session, actor, load_id)
    act_on_loads(session, [load.id])
    had = session.scalars(
        select(Assignment)
        .where(Assignment.load_id == load.id)
        .order_by(Assignment.id.desc())
    ).all()
    within_s = int(quick.total_seconds())
    given_back = [
        GiveBack(each.ended_at, each.given_back_after_s, _is_quick(each, within_s))
        for each in had
        if each.ended_at is not None and each.given_back_after_s is not None
    ]
    has = [a.org_id for a in had if a.status is not AssignmentStatus.CANCELLED]
    carrier = _record(session, has[0], within_s, now) if has else None
    return GiveBacks(given_back, carrier)


def _is_quick(assignment: Assignment, within_s: int) -> bool:
    after_s = assignment.given_back_after_s
    return after_s is not None and after_s <= within_s


def _record(session: Session, org_id: UUID, within_s: int, now: datetime) -> Record:
    asked = {"org": org_id, "within_s": within_s, "since": now - LOOKED_BACK}
    return Record(*session.execute(OF_A_CARRIER, asked).one())


def by_company(quick: timedelta, *, now: datetime) -> Select[str, UUID, int, int]:
    """Return name, id, bookings and quick give-backs of each company that has any.

    Since LOOKED_BACK; the company with the most quick give-backs first.
    """
    # scope: the operator's command.
    within_s = int(quick.total_seconds())
    count = func.count().filter(Assignment.given_back_after_s <= within_s)
    return (
        select(
            Organisation.name, Organisation.id, func.count().label("bookings"), count
        )
        .join(Assignment, Assignment.org_id == Organisation.id)
        .where(Assignment.created_at >= now - LOOKED_BACK)
        .group_by(Organisation.id)
        .having(count > 0)
        .order_by(count.desc(), Organisation.id)
    )
