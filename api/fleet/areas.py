"""Operating areas and no-go areas."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer, GeoMultiPolygon, GeoPolygon, known, shaped
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.fields import Time, line, words
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.kernel.versions import edits, precondition, shows_version
from models.fleet.areas import Area, AreaKind
from runtime.db import Session
from runtime.errors import Invalid, NotFound
from services.fleet import areas
from services.fleet.areas import TooManyAreas
from services.kernel.actors import Permission

blueprint = Blueprint(
    "areas", __name__, url_prefix="/v1/areas", description="Operating and no-go areas."
)


def _rings(**kwargs: Any) -> fields.List[Any]:  # noqa: ANN401 - field options
    position = fields.List(
        fields.Float(),
        validate=validate.Length(2, 3),
        metadata={"description": "[lon, lat]; a height is ignored"},
    )
    # A ring ends with its first position. All rings of an area have one limit together.
    ring = fields.List(position, validate=validate.Length(4))
    return fields.List(ring, validate=validate.Length(1), **kwargs)


class PolygonIn(ma.Schema):
    """A GeoJSON Polygon (RFC 7946): its outline, then its holes."""

    class Meta:
        """GeoJSON allows foreign members; they are not kept."""

        unknown = ma.INCLUDE

    type = fields.Constant("Polygon", required=True)
    coordinates = _rings(required=True)


class MultiPolygonIn(PolygonIn):
    """A GeoJSON MultiPolygon (RFC 7946)."""

    type = fields.Constant("MultiPolygon", required=True)
    coordinates = fields.List(_rings(), required=True, validate=validate.Length(1))


class AreaIn(ma.Schema):
    """A GeoJSON Polygon or MultiPolygon (RFC 7946: [lon, lat]), at most 500 vertices.

    Without `driver_id` it applies to the whole company. All shared areas together have
    at most 1,000 vertices; so have all areas of one driver.
    """

    kind = words(AreaKind, required=True)
    name = line(required=True, metadata={"example": "Not into the boroughs"})
    geometry = shaped(fields.Dict(required=True), PolygonIn, MultiPolygonIn)
    driver_id = fields.UUID(load_default=None, allow_none=True)


class AreaOut(Answer):
    """An area."""

    id = fields.UUID()
    kind = known(AreaKind)
    name = fields.String()
    geometry = shaped(fields.Dict(), GeoPolygon, GeoMultiPolygon)
    driver_id = fields.UUID(allow_none=True)
    created_at = Time()


@blueprint.route("")
class AreasView(MethodView):
    """The company's areas."""

    @requires(Permission.AREAS_READ)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_areas")
    @blueprint.response(200, page_of(AreaOut, "Area"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the areas; a driver sees the shared ones and their own."""
        with Session() as session:
            return page(session, areas.visible_areas(actor()), Area.id, **args)


@blueprint.route("/<uuid:area_id>")
class AreaView(MethodView):
    """One area; the client makes its id."""

    @requires(Permission.AREAS_READ)
    @raises(NotFound)
    @blueprint.doc(operationId="get_area")
    @blueprint.response(200, AreaOut)
    @shows_version
    def get(self, area_id: UUID) -> Area:
        """Show an area."""
        with Session() as session:
            return areas.get_area(session, actor(), area_id)

    @requires(Permission.AREAS_DRAW)
    @raises(Invalid, NotFound, TooManyAreas)
    @blueprint.arguments(AreaIn)
    @blueprint.doc(operationId="draw_area")
    @blueprint.response(200, AreaOut)
    @shows_version
    @edits
    def put(self, body: dict[str, Any], area_id: UUID) -> Area:
        """Draw an area, or redraw the version you have seen.

        A driver draws only their own areas.
        """
        with Session.begin() as session:
            return areas.put_area(session, actor(), area_id, precondition(), **body)

    @requires(Permission.AREAS_DRAW)
    @raises(NotFound)
    @blueprint.doc(operationId="erase_area")
    @blueprint.response(204)
    @edits
    def delete(self, area_id: UUID) -> None:
        """Erase an area, if it is still the version you have seen."""
        with Session.begin() as session:
            areas.erase_area(session, actor(), area_id, precondition())
