"""A poster's ways out of a load with freight aboard."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import ValidationError

from api.kernel.auth import actor, deny_within, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import note, words
from api.kernel.problems import raises
from api.kernel.versions import shows_version
from api.loads.answers import FullLoadOut
from models.loads.loads import Load
from runtime.db import Session
from runtime.errors import NotFound
from services.kernel.actors import Permission
from services.kernel.moves import LoadMoveRefused
from services.loads import interruptions, own_interruptions
from services.loads.own_interruptions import InterruptionReason

blueprint = Blueprint(
    "interruptions",
    __name__,
    url_prefix="/v1/loads",
    description="A poster's ways out of a load with freight aboard.",
)


class InterruptionIn(ma.Schema):
    """Why the driver is taken off the load; the reason `other` needs a note."""

    reason = words(InterruptionReason, required=True)
    note = note()

    @ma.validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        if data["reason"] is InterruptionReason.OTHER and not data["note"].strip():
            raise ValidationError({"note": ["The reason `other` needs a note."]})


class EndIn(ma.Schema):
    """What the poster knows about it."""

    note = note()


@blueprint.route("/<uuid:load_id>/interruption")
class InterruptionView(MethodView):
    """The fact that a load with freight aboard has no driver any more."""

    @requires(Permission.LOADS_CANCEL, finishes_loads=True)
    @raises(NotFound, LoadMoveRefused)
    @blueprint.arguments(InterruptionIn)
    @blueprint.doc(operationId="interrupt_load")
    @blueprint.response(200, FullLoadOut)
    @shows_version
    def put(self, body: dict[str, Any], load_id: UUID) -> Load:
        """Take the driver off your load, though freight is aboard.

        A load that was reported delivered is interrupted too, for some days, if you
        confirmed none of its pickups: you say that it did not arrive. Its carrier
        cannot take it over.
        """
        with Session.begin() as session:
            return own_interruptions.interrupt_own(
                *(session, actor(), load_id),
                **body,
                now=now(),
                deny_within=deny_within(),
            )


@blueprint.route("/<uuid:load_id>/return")
class ReturnView(MethodView):
    """The fact that the freight of an interrupted load came back."""

    @requires(Permission.LOADS_CANCEL, finishes_loads=True)
    @raises(NotFound, LoadMoveRefused)
    @blueprint.arguments(EndIn)
    @blueprint.doc(operationId="return_load")
    @blueprint.response(200, FullLoadOut)
    @shows_version
    def put(self, body: dict[str, Any], load_id: UUID) -> Load:
        """End your interrupted load: the freight is back."""
        with Session.begin() as session:
            return interruptions.take_back(session, actor(), load_id, **body, now=now())


@blueprint.route("/<uuid:load_id>/delivery")
class DeliveryView(MethodView):
    """The fact that the freight of an interrupted load arrived by other means."""

    @requires(Permission.LOADS_CANCEL, finishes_loads=True)
    @raises(NotFound, LoadMoveRefused)
    @blueprint.arguments(EndIn)
    @blueprint.doc(operationId="deliver_load")
    @blueprint.response(200, FullLoadOut)
    @shows_version
    def put(self, body: dict[str, Any], load_id: UUID) -> Load:
        """End your interrupted load: the freight arrived by other means."""
        with Session.begin() as session:
            return interruptions.note_delivery(
                session, actor(), load_id, **body, now=now()
            )
