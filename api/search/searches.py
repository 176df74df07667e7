"""Searches for a way home, and why a load was or was not offered."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from marshmallow import fields
from sqlalchemy.orm import defer

from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.fields import Time
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.offers.offers import TermOut
from models.search.searches import BackhaulSearch
from runtime.db import Session
from runtime.errors import NotFound
from services.kernel.actors import Permission
from services.search import explain, run

blueprint = Blueprint(
    "backhaul-searches",
    __name__,
    url_prefix="/v1/backhaul-searches",
    description="Searches for a way home.",
)


class SearchSummary(ma.Schema):
    """A search in short."""

    id = fields.UUID()
    driver_id = fields.UUID()
    stop_id = fields.UUID()
    trigger = fields.String()
    outcome = fields.String()
    strategy = fields.String(allow_none=True)
    searched_at = Time()
    radius_m = fields.Float(allow_none=True)
    counts = fields.Dict()
    timings = fields.Dict()
    trace_id = fields.String(allow_none=True)


class SearchOut(SearchSummary):
    """A search with everything it knew and found.

    `map` is GeoJSON. In `counts.stages`, each stage's `entered` minus its `excluded` is
    its `left`, which is the next stage's `entered`.
    """

    situation = fields.Dict()
    parameters = fields.Dict()
    map = fields.Dict()
    ranked = fields.List(fields.Dict())


class SearchesArgs(PageArgs):
    """Filters."""

    driver_id = fields.UUID(load_default=None)


class ExplanationArgs(ma.Schema):
    """Which load to explain."""

    load_id = fields.UUID(required=True)


class ExplanationOut(ma.Schema):
    """Why this driver got, or did not get, this load."""

    search_id = fields.UUID()
    load_id = fields.UUID()
    load_number = fields.String()
    verdict = fields.String()
    reason = fields.String()
    stage = fields.String()
    figure = fields.Dict(allow_none=True)
    rank = fields.Integer()
    offer_id = fields.UUID(allow_none=True)
    offer_status = fields.String(allow_none=True)
    score_cents = fields.Integer()
    terms = fields.List(fields.Nested(TermOut))
    figures = fields.Dict()
    has_changed = fields.Boolean()


@blueprint.route("")
class SearchesView(MethodView):
    """The company's searches."""

    @requires(Permission.SEARCHES_READ)
    @raises()
    @blueprint.arguments(SearchesArgs, location="query")
    @blueprint.response(200, page_of(SearchSummary, "Search"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the searches, newest first; a driver sees only their own."""
        driver_id = args.pop("driver_id")
        with Session() as session:
            query = run.visible_searches(actor()).options(
                defer(BackhaulSearch.map),
                defer(BackhaulSearch.ranked),
                defer(BackhaulSearch.area),
            )
            if driver_id is not None:
                query = query.where(BackhaulSearch.driver_id == driver_id)
            return page(session, query, BackhaulSearch.id, **args)


@blueprint.route("/<uuid:search_id>")
class SearchView(MethodView):
    """One search."""

    @requires(Permission.SEARCHES_READ)
    @raises(NotFound)
    @blueprint.response(200, SearchOut)
    def get(self, search_id: UUID) -> BackhaulSearch:
        """Show a search: situation, area, counts, the best with their terms."""
        with Session() as session:
            return run.get_search(session, actor(), search_id)


@blueprint.route("/<uuid:search_id>/explanation")
class ExplanationView(MethodView):
    """Why a driver got, or did not get, one load."""

    @requires(Permission.SEARCHES_READ)
    @raises(NotFound)
    @blueprint.arguments(ExplanationArgs, location="query")
    @blueprint.response(200, ExplanationOut)
    def get(self, args: dict[str, Any], search_id: UUID) -> dict[str, Any]:
        """Explain why the driver got, or did not get, one load."""
        with Session() as session:
            return explain.explain(
                session,
                actor(),
                search_id,
                args["load_id"],
                current_app.extensions["posting_rules"].roads,
            )
