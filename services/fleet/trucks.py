"""Trucks of a company."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.fleet.trucks import Truck
from runtime.errors import Conflict, NotFound
from services.kernel.actors import Actor
from services.kernel.versions import Precondition


class UnitTaken(Conflict):
    """The company already has a truck with this unit number."""

    code = "unit-taken"
    title = "That unit number is in use"


def visible_trucks(actor: Actor) -> Select[Truck]:
    """Return the trucks of the actor's company."""
    return select(Truck).where(Truck.org_id == actor.org_id).order_by(Truck.id)


def put_truck(
    session: Session,
    actor: Actor,
    truck_id: UUID,
    precondition: Precondition,
    **fields: Any,  # noqa: ANN401 - columns
) -> Truck:
    """Create the truck with this id, or replace the version the client has seen.

    Locks: the truck. Raises: NotFound if the id is another company's, or if the truck
    that the client has seen is gone; UnitTaken, PreconditionRequired, VersionMismatch.
    """
    # scope: the row is compared with the actor's company.
    try:
        with session.begin_nested():
            made = session.scalar(
                insert(Truck)
                .values(id=truck_id, org_id=actor.org_id, **fields)
                .on_conflict_do_nothing(index_elements=[Truck.id])
                .returning(Truck.id)
            )
            truck = session.get(
                Truck, truck_id, with_for_update=True, populate_existing=True
            )
            if truck is None or truck.org_id != actor.org_id:
                raise NotFound(f"No truck {truck_id} in your company.")
            if made is not None:
                precondition.check_missing(truck_id)
                return truck
            precondition.check(truck)
            for name, value in fields.items():
                setattr(truck, name, value)
            session.flush()
    except IntegrityError:
        raise UnitTaken(
            f"Your company has a truck {fields['unit_number']} already."
        ) from None
    return truck


def get_truck(session: Session, actor: Actor, truck_id: UUID) -> Truck:
    """Return the truck.

    Raises: NotFound.
    """
    truck = session.scalar(visible_trucks(actor).where(Truck.id == truck_id))
    if truck is None:
        raise NotFound(f"No truck {truck_id} in your company.")
    return truck
