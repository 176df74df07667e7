"""Give-backs: how soon a load's carriers let go of it, for its poster."""

from uuid import UUID

from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time
from api.kernel.problems import raises
from runtime.db import Session
from runtime.errors import NotFound
from services.booking import give_backs
from services.booking.give_backs import GiveBacks
from services.kernel.actors import Permission

blueprint = Blueprint(
    "give-backs",
    __name__,
    url_prefix="/v1/loads",
    description="What carriers gave back.",
)


class GiveBackOut(Answer):
    """A carrier gave the load back to the market."""

    given_back_at = Time()
    after_s = fields.Integer(metadata={"description": "seconds since the booking"})
    is_quick = fields.Boolean(
        metadata={"description": "so soon that it counts against the carrier"}
    )


class CarrierRecordOut(Answer):
    """All bookings of a carrier in the last 90 days, and its quick give-backs."""

    bookings = fields.Integer()
    quick_give_backs = fields.Integer()


class GiveBacksOut(Answer):
    """How often and how soon the load's carriers gave it back, the newest first."""

    give_backs = fields.List(fields.Nested(GiveBackOut))
    quick_count = fields.Integer()
    carrier = fields.Nested(
        CarrierRecordOut,
        allow_none=True,
        metadata={"description": "the carrier that has the load; null without one"},
    )


@blueprint.route("/<uuid:load_id>/give-backs")
class GiveBacksView(MethodView):
    """How the load's carriers kept their bookings."""

    @requires(Permission.LOADS_POST)
    @raises(NotFound)
    @blueprint.doc(operationId="get_give_backs")
    @blueprint.response(200, GiveBacksOut)
    def get(self, load_id: UUID) -> GiveBacks:
        """Show the poster how often and how soon carriers gave the load back."""
        with Session() as session:
            return give_backs.of_load(
                session,
                actor(),
                load_id,
                quick=current_app.extensions["quick_give_back"],
                now=now(),
            )
