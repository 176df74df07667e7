"""Trucks of the caller's company."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer, known
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.fields import (
    Flag,
    Number,
    cents_per_hour,
    cents_per_km,
    line,
    words,
)
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.kernel.versions import edits, precondition, shows_version
from freight.costs import COST_CENTS_PER_KM
from freight.equipment import Equipment
from models.fleet.trucks import Truck
from runtime.db import Session
from runtime.errors import NotFound
from services.fleet import trucks
from services.fleet.trucks import UnitTaken
from services.kernel.actors import Permission

blueprint = Blueprint(
    "trucks", __name__, url_prefix="/v1/trucks", description="Trucks."
)


class TruckIn(ma.Schema):
    """A truck with its trailer. Where a cost is left out, the company's applies, or
    else the stated default."""

    unit_number = line(40, required=True, metadata={"example": "T-104"})
    equipment = words(Equipment, required=True)
    payload_kg = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(1, 10**6),
    )
    deck_length_m = Number(
        allow_none=True, load_default=None, validate=validate.Range(0.1, 100)
    )
    is_hazmat_allowed = Flag(load_default=False)
    cost_empty_cents_per_km = cents_per_km(allow_none=True, load_default=None)
    cost_loaded_cents_per_km = cents_per_km(allow_none=True, load_default=None)
    hour_cents = cents_per_hour(allow_none=True, load_default=None)


class TruckOut(Answer):
    """A truck. A cost whose `..._is_default` is true is our default: where the company
    has set a cost of its own (`get_organisation`), that applies instead."""

    id = fields.UUID()
    unit_number = fields.String()
    equipment = known(Equipment)
    payload_kg = fields.Integer(allow_none=True)
    deck_length_m = fields.Float(allow_none=True)
    is_hazmat_allowed = fields.Boolean()
    cost_empty_cents_per_km = fields.Function(
        lambda truck: _or_default(truck.cost_empty_cents_per_km),
        metadata={"type": "number"},
    )
    cost_empty_is_default = fields.Function(
        lambda truck: truck.cost_empty_cents_per_km is None,
        metadata={"type": "boolean"},
    )
    cost_loaded_cents_per_km = fields.Function(
        lambda truck: _or_default(truck.cost_loaded_cents_per_km),
        metadata={"type": "number"},
    )
    cost_loaded_is_default = fields.Function(
        lambda truck: truck.cost_loaded_cents_per_km is None,
        metadata={"type": "boolean"},
    )
    hour_cents = fields.Integer(
        allow_none=True,
        metadata={
            "description": "what an hour of truck and driver is worth; null if that is"
            " what the company says"
        },
    )


def _or_default(cost: float | None) -> float:
    return COST_CENTS_PER_KM if cost is None else cost


@blueprint.route("")
class TrucksView(MethodView):
    """The company's trucks."""

    @requires(Permission.TRUCKS_READ)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_trucks")
    @blueprint.response(200, page_of(TruckOut, "Truck"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's trucks."""
        with Session() as session:
            query = trucks.visible_trucks(actor())
            return page(session, query, Truck.id, **args)


@blueprint.route("/<uuid:truck_id>")
class TruckView(MethodView):
    """One truck; the client makes its id."""

    @requires(Permission.TRUCKS_READ)
    @raises(NotFound)
    @blueprint.doc(operationId="get_truck")
    @blueprint.response(200, TruckOut)
    @shows_version
    def get(self, truck_id: UUID) -> Truck:
        """Show a truck."""
        with Session() as session:
            return trucks.get_truck(session, actor(), truck_id)

    @requires(Permission.TRUCKS_MANAGE)
    @raises(NotFound, UnitTaken)
    @blueprint.arguments(TruckIn)
    @blueprint.doc(operationId="save_truck")
    @blueprint.response(200, TruckOut)
    @shows_version
    @edits
    def put(self, body: dict[str, Any], truck_id: UUID) -> Truck:
        """Create a truck, or replace the version you have seen."""
        with Session.begin() as session:
            return trucks.put_truck(session, actor(), truck_id, precondition(), **body)
