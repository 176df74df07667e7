"""Searches for a way home, and why a load was or was not offered."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer, Vocabulary, known, shaped, sometimes, values_of
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Number, PlaceIn, Time
from api.kernel.idempotency import once, transaction
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.loads.forms import market_form
from api.search.records import (
    STAGE,
    CountsOut,
    FigureOut,
    FiguresOut,
    MapOut,
    ParametersOut,
    RankedOut,
    RelaxationOut,
    RequestOut,
    SituationOut,
    TermOut,
    TimingsOut,
)
from freight.feasibility import Reason
from freight.lifecycles import OfferStatus
from geo.points import Point
from models.search.searches import BackhaulSearch, SearchOutcome, SearchTrigger
from runtime.config import Strategy
from runtime.db import Session
from runtime.errors import Invalid, NotFound
from services.judging.start import Request
from services.kernel.actors import Permission
from services.search import ask, explain, searches
from services.search.explain import ExplanationReason, Verdict

blueprint = Blueprint(
    "backhaul-searches",
    __name__,
    url_prefix="/v1/backhaul-searches",
    description="Searches for a way home.",
)


REASON = Vocabulary(
    "ExplanationReason",
    values_of(ExplanationReason, Reason, SearchOutcome),
    "Why a load was, or was not, offered. If nothing was searched, the outcome of the"
    " search.",
)

IF_POSTED = "if the company posted the load"
IF_EXCLUDED = "if the verdict is `excluded`"
IF_KEPT = "if the load is among the kept best of the search"
IF_ROADS = "if roads lead there and home, and its poster is not suspended"
IF_WORTH = "if the load was worth taking, and its poster is not suspended"


class SearchSummary(Answer):
    """A search in short."""

    id = fields.UUID()
    driver_id = fields.UUID()
    stop_id = fields.UUID(allow_none=True)
    assignment_id = fields.UUID(allow_none=True)
    load_ids = fields.List(
        fields.UUID(),
        allow_none=True,
        metadata={"description": "the loads that started it; only these were judged"},
    )
    request = shaped(fields.Dict(allow_none=True), RequestOut)
    is_dry_run = fields.Boolean()
    trigger = known(SearchTrigger)
    outcome = known(SearchOutcome)
    strategy = known(Strategy, allow_none=True)
    searched_at = Time()
    radius_m = fields.Float(allow_none=True)
    counts = shaped(fields.Dict(), CountsOut)
    timings = shaped(fields.Dict(), TimingsOut)
    trace_id = fields.String()


class SearchOut(SearchSummary):
    """A search with everything it knew and found.

    `map` is GeoJSON. In `counts.stages`, each stage's `entered` minus its `excluded` is
    its `left`, which is the next stage's `entered`.
    """

    situation = shaped(fields.Dict(), SituationOut)
    parameters = shaped(fields.Dict(), ParametersOut)
    map = shaped(fields.Dict(), MapOut)
    ranked = fields.List(shaped(fields.Dict(), RankedOut))
    relaxations = fields.List(
        shaped(fields.Dict(), RelaxationOut),
        metadata={"description": "if a search of all loads found nothing"},
    )

    @ma.post_dump
    def _for_the_market(self, shown: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        ranked = [
            record | {"candidate": market_form(record["candidate"])}
            for record in shown["ranked"]
        ]
        return shown | {"ranked": ranked}


class SearchIn(ma.Schema):
    """For which driver or truck of the company; a driver may leave out both. Left out,
    `place` and `free_at` are where and when the driver is empty now, `destination` is
    their home, `radius_m` their limit. A dry run offers nothing."""

    driver_id = fields.UUID(load_default=None, allow_none=True)
    truck_id = fields.UUID(load_default=None, allow_none=True)
    place = fields.Nested(PlaceIn, load_default=None, allow_none=True)
    free_at = Time(load_default=None, allow_none=True)
    destination = fields.Nested(PlaceIn, load_default=None, allow_none=True)
    radius_m = Number(
        load_default=None,
        allow_none=True,
        validate=validate.Range(
            0, ask.RADIUS_M, min_inclusive=False, error="Above 0, up to 1600 km."
        ),
        metadata={"description": "how far to drive empty to a pickup, by road"},
    )
    is_dry_run = fields.Boolean(load_default=False)


class SearchesArgs(PageArgs):
    """Filters."""

    driver_id = fields.UUID(load_default=None)


class ExplanationArgs(ma.Schema):
    """Which load to explain."""

    load_id = fields.UUID(required=True)


class ExplanationOut(Answer):
    """Why this driver got, or did not get, this load."""

    search_id = fields.UUID()
    load_id = fields.UUID()
    load_number = sometimes(fields.String(), IF_POSTED)
    has_changed = fields.Boolean()
    verdict = known(Verdict)
    reason = known(REASON)
    stage = sometimes(known(STAGE), IF_EXCLUDED)
    figure = sometimes(shaped(fields.Dict(allow_none=True), FigureOut), IF_EXCLUDED)
    stop = sometimes(
        fields.Integer(metadata={"description": "of the load, counted from 1"}),
        "if the reason is about one stop",
    )
    rank = sometimes(fields.Integer(), IF_KEPT)
    offer_id = sometimes(fields.UUID(allow_none=True), IF_KEPT)
    offer_status = sometimes(known(OfferStatus, allow_none=True), IF_KEPT)
    score_cents = sometimes(fields.Integer(), IF_WORTH)
    terms = sometimes(fields.List(fields.Nested(TermOut)), IF_WORTH)
    figures = sometimes(shaped(fields.Dict(), FiguresOut), IF_ROADS)


@blueprint.route("")
class SearchesView(MethodView):
    """The company's searches."""

    @requires(Permission.SEARCHES_READ)
    @raises()
    @blueprint.arguments(SearchesArgs, location="query")
    @blueprint.doc(operationId="list_searches")
    @blueprint.response(200, page_of(SearchSummary, "Search"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the searches, newest first; a driver sees only their own."""
        driver_id = args.pop("driver_id")
        with Session() as session:
            query = searches.visible_searches(actor()).options(*searches.IN_SHORT)
            if driver_id is not None:
                query = query.where(BackhaulSearch.driver_id == driver_id)
            return page(session, query, BackhaulSearch.id, **args)

    @requires(Permission.SEARCHES_ASK)
    @raises(NotFound, Invalid)
    @once
    @blueprint.arguments(SearchIn)
    @blueprint.doc(operationId="request_search")
    @blueprint.response(202, SearchSummary)
    def post(self, body: dict[str, Any]) -> tuple[BackhaulSearch, dict[str, str]]:
        """Ask for a search, from where and when the truck is or will be empty.

        `Location` names its record, which is `pending` until a worker has filled it,
        usually within a second. What it finds is offered to the driver beside the
        offers that they hold; a dry run offers nothing, also to a driver who has a load
        or is off duty. A dispatcher can offer a load of the result (`POST /v1/offers`)
        or assign it (`POST /v1/assignments`).
        """
        asked = Request(
            by=actor().member_id,
            place=_point(body["place"]),
            free_at=body["free_at"],
            destination=_point(body["destination"]),
            radius_m=body["radius_m"],
        )
        search = ask.ask(
            transaction(),
            actor(),
            current_app.extensions["posting_rules"].roads,
            asked,
            driver_id=body["driver_id"],
            truck_id=body["truck_id"],
            is_dry_run=body["is_dry_run"],
            now=now(),
        )
        headers = {"Location": f"{blueprint.url_prefix}/{search.id}"}
        return search, headers


def _point(place: dict[str, float] | None) -> Point | None:
    return Point(**place) if place is not None else None


@blueprint.route("/<uuid:search_id>")
class SearchView(MethodView):
    """One search."""

    @requires(Permission.SEARCHES_READ)
    @raises(NotFound)
    @blueprint.doc(operationId="get_search")
    @blueprint.response(200, SearchOut)
    def get(self, search_id: UUID) -> BackhaulSearch:
        """Show a search: situation, area, counts, the best with their terms."""
        with Session() as session:
            return searches.get_search(session, actor(), search_id)


@blueprint.route("/<uuid:search_id>/explanation")
class ExplanationView(MethodView):
    """Why a driver got, or did not get, one load."""

    @requires(Permission.SEARCHES_READ)
    @raises(NotFound)
    @blueprint.arguments(ExplanationArgs, location="query")
    @blueprint.doc(operationId="explain_load")
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
