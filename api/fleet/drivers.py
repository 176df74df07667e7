"""Drivers: home, limits, truck, availability."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import ValidationError, fields, validate

from api.fleet.trucks import TruckOut
from api.fleet.wishes import (
    MOST,
    HomeEveryIn,
    HomeEveryOut,
    PreferenceIn,
    PreferenceOut,
    QuietHoursIn,
    QuietHoursOut,
    refuse_repeated,
)
from api.kernel.answers import Answer, known, shaped
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import (
    Flag,
    Time,
    amount,
    countries,
    country,
    lat,
    line,
    lon,
    refuse_null_island,
    sort_countries,
    words,
)
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.kernel.versions import edits, precondition, shows_version
from freight.preferences import RankBy
from models.fleet.drivers import Availability, Driver, RingsWhileMoving
from runtime.db import Session
from runtime.errors import NotFound
from services.booking.exchange import edit_driver
from services.booking.objections import Objected
from services.fleet import drivers
from services.fleet.drivers import CrewFull, DriverBusy
from services.kernel.actors import Permission

blueprint = Blueprint(
    "drivers", __name__, url_prefix="/v1/drivers", description="Drivers."
)


MAY_DRIVE = (
    "ISO 3166-1: where they may drive; null if that is only their home country. Freight"
    " to a country where their company may not go, see its `countries`, is refused all"
    " the same (`country_not_allowed`)"
)


RINGS = (
    "whether they are rung while the truck moves: `never`; `hands_free`, as their phone"
    " reads aloud; `co_driver`, while another driver is on the truck"
)


WAIT_FOR_DROP = (
    "whether loads that are found while they unload at their last stop stand by until"
    " they are done there"
)


class DriverIn(ma.Schema):
    """The fields to change; the others stay. Null removes a limit."""

    truck_id = fields.UUID(allow_none=True)
    home_label = line(allow_none=True, metadata={"example": "Chicago, IL"})
    home_lat = lat(allow_none=True)
    home_lon = lon(allow_none=True)
    home_by_at = Time(
        allow_none=True,
        metadata={
            "description": "they want to be home by then, this once; over a day later"
        },
    )
    max_deadhead_m = amount(allow_none=True)
    min_pay_cents_per_km = amount(allow_none=True)
    has_hazmat_endorsement = Flag()
    countries = countries(MAY_DRIVE)
    country = country(
        allow_none=True,
        metadata={
            "description": "ISO 3166-1: where they may carry domestic freight; null if"
            " that is their company's",
            "example": "US",
        },
    )
    rank_by = words(
        RankBy,
        metadata={"description": "the order of their offers", "example": "gain"},
    )
    home_every = fields.Nested(
        HomeEveryIn,
        allow_none=True,
        metadata={"description": "they want to be home by this time of every week"},
    )
    preferences = fields.List(
        fields.Nested(PreferenceIn), validate=validate.Length(max=MOST)
    )
    quiet_hours = fields.Nested(
        QuietHoursIn,
        allow_none=True,
        metadata={"description": "when they are not rung; null if never"},
    )
    rings_while_moving = words(
        RingsWhileMoving, metadata={"description": RINGS, "example": "never"}
    )
    offers_wait_for_drop = Flag(metadata={"description": WAIT_FOR_DROP})
    availability = words(Availability)

    @ma.validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        if ("home_lat" in data) != ("home_lon" in data) or (
            (data.get("home_lat") is None) != (data.get("home_lon") is None)
        ):
            raise ValidationError(
                {"home_lat": ["Give home_lat and home_lon together."]}
            )
        refuse_null_island(data, "home_lat", "home_lon")
        refuse_repeated(data.get("preferences", ()))

    @ma.post_load
    def _plain(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        sort_countries(data)
        return data


class DriverOut(Answer):
    """A driver."""

    id = fields.UUID()
    member_id = fields.UUID()
    name = fields.String(attribute="member.name")
    availability = known(Availability)
    truck = fields.Nested(TruckOut, allow_none=True)
    home_label = fields.String(allow_none=True)
    home_lat = fields.Float(allow_none=True)
    home_lon = fields.Float(allow_none=True)
    home_by_at = Time(allow_none=True)
    max_deadhead_m = fields.Float(allow_none=True)
    min_pay_cents_per_km = fields.Float(allow_none=True)
    has_hazmat_endorsement = fields.Boolean()
    country = fields.String(
        allow_none=True,
        metadata={
            "description": "ISO 3166-1: where they may carry domestic freight; null if"
            " that is their company's"
        },
    )
    countries = fields.List(
        fields.String(),
        allow_none=True,
        metadata={"description": MAY_DRIVE},
    )
    rank_by = known(RankBy)
    home_every = shaped(fields.Dict(allow_none=True), HomeEveryOut)
    preferences = fields.List(shaped(fields.Dict(), PreferenceOut))
    quiet_hours = shaped(fields.Dict(allow_none=True), QuietHoursOut)
    rings_while_moving = known(RingsWhileMoving, metadata={"description": RINGS})
    offers_wait_for_drop = fields.Boolean(metadata={"description": WAIT_FOR_DROP})


@blueprint.route("")
class DriversView(MethodView):
    """The company's drivers."""

    @requires(Permission.DRIVERS_READ)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_drivers")
    @blueprint.response(200, page_of(DriverOut, "Driver"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's drivers; a driver sees only themselves."""
        with Session() as session:
            query = drivers.visible_drivers(actor())
            return page(session, query, Driver.id, **args)


@blueprint.route("/<uuid:driver_id>")
class DriverView(MethodView):
    """One driver."""

    @requires(Permission.DRIVERS_READ)
    @raises(NotFound)
    @blueprint.doc(operationId="get_driver")
    @blueprint.response(200, DriverOut)
    @shows_version
    def get(self, driver_id: UUID) -> Driver:
        """Show a driver."""
        with Session() as session:
            return drivers.get_driver(session, actor(), driver_id)

    @requires(Permission.DRIVERS_MANAGE)
    @raises(NotFound, DriverBusy, CrewFull, Objected)
    @blueprint.arguments(DriverIn)
    @blueprint.doc(operationId="edit_driver")
    @blueprint.response(200, DriverOut)
    @shows_version
    @edits
    def patch(self, body: dict[str, Any], driver_id: UUID) -> Driver:
        """Change home, limits, truck or availability; a driver only their own.

        While a driver has a load, only a dispatcher changes their truck. The load goes
        on with the new truck, if it may carry it.
        A driver who is off duty ends that themselves: the desk cannot.
        Only the driver changes their quiet hours, whether they are rung while the truck
        moves, and whether offers wait for their drop. What they may not be offered now
        stands by, and is offered when they may be rung.
        Only a dispatcher changes a hazmat endorsement, the country or the countries,
        and these two not while the driver has a load.
        """
        with Session.begin() as session:
            return edit_driver(
                session, actor(), driver_id, precondition(), now=now(), **body
            )
