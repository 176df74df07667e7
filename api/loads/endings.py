"""How assignments of a load ended before its delivery, for its poster."""

from typing import Any
from uuid import UUID

from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, known
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.fields import Time
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from models.loads.assignments import Assignment, EndedParty
from runtime.db import Session
from runtime.errors import NotFound
from services.booking.give_backs import is_quick
from services.kernel.actors import Permission
from services.loads import assignments

blueprint = Blueprint(
    "endings",
    __name__,
    url_prefix="/v1/loads",
    description="How assignments of a load ended before its delivery.",
)


class EndingOut(Answer):
    """An early end: who ended it, when, how soon after the booking, and how far the
    truck had come by then."""

    id = fields.UUID()
    created_at = Time()
    ended_at = Time()
    end_reason = fields.String()
    ended_party = known(EndedParty)
    driven_m = fields.Float(allow_none=True)
    left_m = fields.Float(allow_none=True)
    after_s = fields.Integer(metadata={"description": "seconds since the booking"})
    is_quick = fields.Boolean(
        metadata={
            "description": "the carrier gave the load back so soon that it counts"
            " against the carrier"
        }
    )

    def get_attribute(self, obj: Assignment, attr: str, default: Any) -> Any:  # noqa: ANN401 - as the base class
        """Judge how soon a give-back was by the settings."""
        if attr == "is_quick":
            return is_quick(obj, current_app.extensions["quick_give_back"])
        return super().get_attribute(obj, attr, default)


@blueprint.route("/<uuid:load_id>/endings")
class EndingsView(MethodView):
    """The early ends of a load's assignments."""

    @requires(Permission.LOADS_CANCEL)
    @raises(NotFound)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_endings")
    @blueprint.response(200, page_of(EndingOut, "Ending"))
    def get(self, args: dict[str, Any], load_id: UUID) -> dict[str, Any]:
        """List how trucks lost your load, and how far they had come."""
        with Session() as session:
            query = assignments.endings_of(session, actor(), load_id)
            return page(session, query, Assignment.id, **args)
