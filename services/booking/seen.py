"""What an acceptance is judged by, as it is after the wait for its locks."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from models.fleet.drivers import Driver
from models.fleet.positions import LastPosition
from models.fleet.trucks import Truck
from models.loads.assignments import Assignment, AssignmentStatus, Slot
from models.loads.stops import Stop
from models.offers.offers import Offer
from models.people.organisations import Organisation
from models.search.searches import BackhaulSearch, SearchTrigger
from services.judging.situations import Company
from services.kernel.actors import Actor
from services.offers.offers import visible_offers


def seen_under_locks(
    session: Session,
    actor: Actor,
    offer_id: UUID,
    assignment_id: UUID,
    position_max_age: timedelta | None,
) -> Row[Any]:
    """Return the locked offer with its load, and all that is judged of its driver,
    their truck and both companies, as it is after the wait for the locks.

    `slot` and `made_with`, the truck, are of the new assignment, null if it could not
    be made. The load before whose drop the offer was made does not stand in its way.
    """
    # scope: of the actor's own offer.
    made = aliased(Assignment)
    truck_id = func.coalesce(made.truck_id, Driver.truck_id)
    unloads = (
        select(Stop.load_id)
        .where(
            Stop.id == BackhaulSearch.stop_id,
            BackhaulSearch.trigger == SearchTrigger.ARRIVED,
        )
        .correlate(BackhaulSearch)
    )
    others = select(Assignment.id).where(
        or_(
            Assignment.driver_id == Offer.driver_id,
            and_(
                Assignment.truck_id == truck_id,
                or_(Assignment.slot == Slot.CURRENT, made.id.is_(None)),
            ),
        ),
        Assignment.status == AssignmentStatus.ACTIVE,
        Assignment.id != assignment_id,
        Assignment.load_id.is_distinct_from(unloads.scalar_subquery()),
    )
    return session.execute(
        visible_offers(actor)
        .where(Offer.id == offer_id)
        .join(Driver, Driver.id == Offer.driver_id)
        .join(BackhaulSearch, BackhaulSearch.id == Offer.search_id)
        .outerjoin(made, made.id == assignment_id)
        .join(Organisation, Organisation.id == Driver.org_id)
        .outerjoin(Truck, Truck.id == truck_id)
        .add_columns(
            Driver,
            Truck,
            made.slot.label("slot"),
            made.truck_id.label("made_with"),
            others.exists().label("is_slot_taken"),
            _is_located(position_max_age).label("is_located"),
            func.is_suspended(Offer.load_org_id).label("is_poster_suspended"),
            func.is_suspended(Offer.org_id).label("is_carrier_suspended"),
            func.is_cabotage(Offer.load_id, Offer.driver_id).label("is_cabotage"),
            func.now().label("at"),
            BackhaulSearch.request.label("asked_for"),
            *Company.columns(),
        )
        .execution_options(populate_existing=True)
    ).one()


def _is_located(position_max_age: timedelta | None) -> ColumnElement[bool]:
    # scope: the position of an offer's own driver.
    if position_max_age is None:
        return true()
    recent = select(LastPosition.driver_id).where(
        LastPosition.driver_id == Offer.driver_id,
        LastPosition.corrected_at >= func.now() - position_max_age,
    )
    return exists(recent)
