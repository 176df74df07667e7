"""Drivers who wait: since when, why there is nothing yet, and what would help."""

from uuid import UUID

from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, known, shaped
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time
from api.kernel.problems import raises
from api.search.records import PointOut, RelaxationOut
from api.search.searches import SearchSummary
from models.search.standing import Silence
from runtime.db import Session
from runtime.errors import NotFound
from services.kernel.actors import Permission
from services.search import outlook
from services.search.outlook import Outlook, Prospects

blueprint = Blueprint(
    "waiting",
    __name__,
    url_prefix="/v1/drivers",
    description="Drivers who wait for a load.",
)


class StandsByOut(Answer):
    """Loads that are offered when the driver may be rung, and why they may not now.
    They take no place of a load, and others may win them."""

    reason = known(Silence)
    since = Time()
    opens_at = Time(
        allow_none=True,
        metadata={
            "description": "when they are looked at again; null if the driver must act"
        },
    )
    load_ids = fields.List(fields.UUID(), metadata={"description": "the best first"})


class WaitingOut(Answer):
    """Since when the driver waits and where, why there is nothing yet, and what would
    have to change. Null, of a driver who does not wait."""

    driver_id = fields.UUID()
    outlook = known(Outlook)
    is_waiting = fields.Boolean()
    since = Time(allow_none=True)
    place = fields.Nested(PointOut, allow_none=True)
    free_at = Time(allow_none=True)
    open_offers = fields.Integer(
        metadata={"description": "that they can accept now"},
    )
    rings = fields.Integer(
        metadata={"description": "how often their phones rang in 24 hours"},
    )
    rings_per_day = fields.Integer(
        metadata={"description": "after so many nothing that comes rings"},
    )
    stands_by = fields.Nested(StandsByOut, allow_none=True)
    search = fields.Nested(
        SearchSummary,
        allow_none=True,
        metadata={"description": "the newest one of all loads that is no dry run"},
    )
    relaxations = fields.List(
        shaped(fields.Dict(), RelaxationOut),
        metadata={"description": "as of that search, if it found nothing"},
    )


@blueprint.route("/<uuid:driver_id>/waiting")
class WaitingView(MethodView):
    """The waiting of one driver."""

    @requires(Permission.SEARCHES_READ)
    @raises(NotFound)
    @blueprint.doc(operationId="get_waiting")
    @blueprint.response(200, WaitingOut)
    def get(self, driver_id: UUID) -> Prospects:
        """Show since when a driver waits, and what would have to change.

        For figures of now, ask for a dry run (`POST /v1/backhaul-searches`).
        """
        with Session() as session:
            return outlook.prospects_of(
                *(session, actor(), current_app.extensions["offer_rules"], driver_id),
                now=now(),
            )
