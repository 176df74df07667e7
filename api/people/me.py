"""The caller's own profile, and the dispatcher's view of the fleet."""

from typing import Any

from flask.views import MethodView
from marshmallow import fields

from api.fleet.drivers import DriverOut
from api.kernel.answers import Answer, known
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time
from api.kernel.lists import PageArgs, last_seen, next_cursor, page_of
from api.kernel.problems import raises
from api.kernel.tags import header, polled, tag_of, unchanged
from api.loads.assignments import CarriedOut
from api.people.members import MemberOut
from api.people.organisations import OrganisationOut
from runtime.db import Session
from services.kernel.actors import Permission
from services.upkeep import overview

blueprint = Blueprint(
    "me", __name__, url_prefix="/v1", description="Your profile and your fleet."
)


class MeOut(Answer):
    """Who you are, what you may do, and what you carry."""

    member = fields.Nested(MemberOut)
    organisation = fields.Nested(OrganisationOut)
    permissions = fields.List(known(Permission))
    driver = fields.Nested(DriverOut, allow_none=True)
    assignments = fields.List(fields.Nested(CarriedOut))
    open_offers = fields.Integer()
    server_time = Time()


class PositionOut(Answer):
    """The driver's newest position."""

    lat = fields.Float()
    lon = fields.Float()
    accuracy_m = fields.Float(allow_none=True)
    speed_mps = fields.Float(allow_none=True)
    heading_deg = fields.Float(allow_none=True)
    corrected_at = Time()
    received_at = Time()


class FleetRow(Answer):
    """A driver, with the newest position and the loads they carry."""

    driver = fields.Nested(DriverOut)
    position = fields.Nested(PositionOut, allow_none=True)
    assignments = fields.List(fields.Nested(CarriedOut))


@blueprint.route("/me")
class MeView(MethodView):
    """The caller."""

    @requires(Permission.PROFILE_READ, finishes_loads=True)
    @raises()
    @blueprint.doc(operationId="get_me")
    @blueprint.response(200, MeOut)
    @polled
    def get(self) -> Any:  # noqa: ANN401 - a profile with its tag, or 304
        """Show your profile, and your assignments with their stops."""
        tag = tag_of(MeOut, overview.profile_seen(actor()))
        if (same := unchanged(tag)) is not None:
            return same
        with Session() as session:
            profile = overview.profile(session, actor()) | {"server_time": now()}
        return profile, header(tag)


@blueprint.route("/fleet")
class FleetView(MethodView):
    """The company's drivers on the road."""

    @requires(Permission.FLEET_READ)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_fleet")
    @blueprint.response(200, page_of(FleetRow, "Fleet"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the drivers with their last position and every load they carry."""
        with Session() as session:
            rows, last = overview.fleet(
                session,
                actor(),
                limit=args["limit"],
                after=last_seen(args["cursor"]),
            )
        return {"data": rows, "page": {"next_cursor": next_cursor(last)}}
