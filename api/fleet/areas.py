"""Operating areas and no-go areas."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

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


class AreaIn(ma.Schema):
    """A GeoJSON Polygon or MultiPolygon (RFC 7946: [lon, lat]), at most 500 vertices.

    Without `driver_id` it applies to the whole company. All shared areas together have
    at most 1,000 vertices; so have all areas of one driver.
    """

    kind = words(AreaKind, required=True)
    name = line(required=True, metadata={"example": "Not into the boroughs"})
    geometry = fields.Dict(required=True)
    driver_id = fields.UUID(load_default=None, allow_none=True)


class AreaOut(ma.Schema):
    """An area."""

    id = fields.UUID()
    kind = fields.String()
    name = fields.String()
    geometry = fields.Dict()
    driver_id = fields.UUID(allow_none=True)
    created_at = Time()


@blueprint.route("")
class AreasView(MethodView):
    """The company's areas."""

    @requires(Permission.AREAS_READ)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
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
    @blueprint.response(200, AreaOut)
    @shows_version
    def get(self, area_id: UUID) -> Area:
        """Show an area."""
        with Session() as session:
            return areas.get_area(session, actor(), area_id)

    @requires(Permission.AREAS_DRAW)
    @raises(Invalid, NotFound, TooManyAreas)
    @blueprint.arguments(AreaIn)
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
    @blueprint.response(204)
    @edits
    def delete(self, area_id: UUID) -> None:
        """Erase an area, if it is still the version you have seen."""
        with Session.begin() as session:
            areas.erase_area(session, actor(), area_id, precondition())
