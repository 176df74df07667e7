"""Carrier records: how the carrier of a load kept its bookings, for the poster."""

from uuid import UUID

from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.problems import raises
from runtime.db import Session
from runtime.errors import NotFound
from services.booking import give_backs
from services.kernel.actors import Permission

blueprint = Blueprint(
    "carrier-records",
    __name__,
    url_prefix="/v1/loads",
    description="How a load's carrier kept its bookings.",
)


class CarrierRecordOut(Answer):
    """How often a carrier booked a load in the last 90 days, and how often it quickly
    gave one back. A change of driver is no booking."""

    bookings = fields.Integer()
    quick_give_backs = fields.Integer()


class CarrierOut(Answer):
    """The record of the carrier that has the load, or had its freight last."""

    carrier = fields.Nested(
        CarrierRecordOut,
        allow_none=True,
        metadata={"description": "null if no carrier has the load"},
    )


@blueprint.route("/<uuid:load_id>/carrier-record")
class CarrierRecordView(MethodView):
    """How the load's carrier kept its bookings."""

    @requires(Permission.LOADS_POST)
    @raises(NotFound)
    @blueprint.doc(operationId="get_carrier_record")
    @blueprint.response(200, CarrierOut)
    def get(self, load_id: UUID) -> dict[str, give_backs.Record | None]:
        """Show the poster how often the load's carrier quickly gave back loads."""
        with Session() as session:
            record = give_backs.record_of_carrier(
                session,
                actor(),
                load_id,
                quick=current_app.extensions["quick_give_back"],
                now=now(),
            )
            return {"carrier": record}
