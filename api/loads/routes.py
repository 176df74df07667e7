"""Routes on the map: of a load, and of an offer from the drop home, as GeoJSON."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer, known, position, shaped
from api.kernel.auth import actor, claims, requires
from api.kernel.bodies import Blueprint
from api.kernel.fields import distance_source
from api.kernel.limits import meter_legs
from api.kernel.problems import raises
from api.loads.forms import DECIMALS, Form, form_of
from geo.points import Point
from runtime.db import Session
from runtime.errors import NotFound
from services.booking.objections import BookingRules
from services.kernel.actors import Permission
from services.loads import loads
from services.loads.routes import Leg, LegKind, Place, Visit, legs, visits_of
from services.search.routes import offered_route

ATTRIBUTION = "© OpenStreetMap contributors"
"""Must stand on every map that shows a route: ODbL 1.0, 4.3."""

blueprint = Blueprint(
    "routes", __name__, url_prefix="/v1", description="Routes on the map."
)


class RouteArgs(ma.Schema):
    """How exact the lines are."""

    tolerance_m = fields.Float(
        load_default=100.0,
        validate=validate.Range(1, 100_000),
        metadata={
            "description": "How far a line may be from the way: larger is shorter."
        },
    )


class GeoLineString(Answer):
    """A GeoJSON LineString (RFC 7946)."""

    type = fields.Constant("LineString")
    coordinates = fields.List(position(), metadata={"minItems": 2})


class LegOut(Answer):
    """One leg. `metres` and `seconds` of driving, without rests; null if no road is
    known."""

    kind = known(LegKind)
    begins_at = known(Place)
    ends_at = known(Place)
    metres = fields.Float(allow_none=True)
    seconds = fields.Float(allow_none=True)


class LegFeatureOut(Answer):
    """A GeoJSON Feature (RFC 7946); without a geometry if no road is known."""

    type = fields.Constant("Feature")
    properties = fields.Nested(LegOut)
    geometry = shaped(fields.Dict(allow_none=True), GeoLineString)


class RouteOut(Answer):
    """A GeoJSON FeatureCollection (RFC 7946), one feature a leg, in order.

    The `attribution` must be shown with the map. `source` says where the distances come
    from; with `estimated` the lines are straight.
    """

    type = fields.Constant("FeatureCollection")
    attribution = fields.Constant(ATTRIBUTION)
    source = distance_source()
    features = fields.List(fields.Nested(LegFeatureOut))


@blueprint.route("/loads/<uuid:load_id>/route")
class LoadRouteView(MethodView):
    """The way of a load."""

    @requires(Permission.LOADS_READ, finishes_loads=True)
    @raises(NotFound)
    @blueprint.arguments(RouteArgs, location="query")
    @blueprint.doc(operationId="get_load_route")
    @blueprint.response(200, RouteOut)
    def get(self, args: dict[str, Any], load_id: UUID) -> dict[str, Any]:
        """Show the way of a load from stop to stop.

        To those who see the load in its market form, the ends of the legs are rounded
        as its stops are. Each leg counts as a request.
        """
        with Session() as session:
            load = loads.get_load(session, actor(), load_id)
            visits = visits_of(load.stops)
            if form_of(load) is Form.MARKET:
                visits = _coarse(visits)
        return _drawn(visits, **args)


@blueprint.route("/offers/<uuid:offer_id>/route")
class OfferRouteView(MethodView):
    """The way of an offer."""

    @requires(Permission.OFFERS_READ)
    @raises(NotFound)
    @blueprint.arguments(RouteArgs, location="query")
    @blueprint.doc(operationId="get_offer_route")
    @blueprint.response(200, RouteOut)
    def get(self, args: dict[str, Any], offer_id: UUID) -> dict[str, Any]:
        """Show the way from the drop through the load's stops home.

        The stops are rounded as in the offer. When the offer is no longer open, they
        are those that were offered; drop and home are left out once the driver's data
        was erased. Each leg counts as a request.
        """
        with Session() as session:
            offered = offered_route(session, actor(), offer_id)
        drop, stops, home = offered
        visits = (drop, *_coarse(stops), home)
        return _drawn([visit for visit in visits if visit is not None], **args)


def _coarse(visits: Iterable[Visit]) -> list[Visit]:
    return [
        Visit(place, Point(round(point.lat, DECIMALS), round(point.lon, DECIMALS)))
        for place, point in visits
    ]


def _drawn(visits: Sequence[Visit], tolerance_m: float) -> dict[str, Any]:
    rules: BookingRules = current_app.extensions["booking_rules"]
    meter_legs(claims(), len(visits) - 1)
    found = legs(visits, rules.roads, rules.parameters, tolerance_m=tolerance_m)
    return {"source": rules.roads.source, "features": [_feature(leg) for leg in found]}


def _feature(leg: Leg) -> dict[str, Any]:
    geometry = None
    if leg.line is not None:
        line = [[round(p.lon, 5), round(p.lat, 5)] for p in leg.line]
        geometry = {"type": "LineString", "coordinates": line}
    return {"properties": leg, "geometry": geometry}
