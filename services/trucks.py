"""Trucks of a company."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from errors import Conflict, NotFound
from models.trucks import Truck
from services.actors import Actor


class UnitTaken(Conflict):
    """The company has a truck of this unit number."""

    code = "unit-taken"
    title = "That unit number is in use"


def visible_trucks(actor: Actor) -> Select[Truck]:
    """Return the trucks of the actor's company."""
    return select(Truck).where(Truck.org_id == actor.org_id).order_by(Truck.id)


def put_truck(
    session: Session,
    actor: Actor,
    truck_id: UUID,
    **fields: Any,  # noqa: ANN401 - columns
) -> Truck:
    """Make or replace the truck of this id. Safe to repeat, also at the same time.

    Locks: the truck. Raises: NotFound if the id is another company's, UnitTaken.
    """
    # scope: the row is compared with his company.
    try:
        with session.begin_nested():
            session.execute(
                insert(Truck)
                .values(id=truck_id, org_id=actor.org_id, **fields)
                .on_conflict_do_nothing(index_elements=[Truck.id])
            )
            truck = session.get(
                Truck, truck_id, with_for_update=True, populate_existing=True
            )
            if truck is None or truck.org_id != actor.org_id:
                raise NotFound(f"No truck {truck_id} in your company.")
            for name, value in fields.items():
                setattr(truck, name, value)
            session.flush()
    except IntegrityError:
        raise UnitTaken(f"There is a truck {fields['unit_number']} already.") from None
    return truck


def get_truck(session: Session, actor: Actor, truck_id: UUID) -> Truck:
    """Return the truck.

    Raises: NotFound.
    """
    truck = session.scalar(visible_trucks(actor).where(Truck.id == truck_id))
    if truck is None:
        raise NotFound(f"No truck {truck_id} in your company.")
    return truck
