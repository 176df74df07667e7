"""The web application."""

from time import perf_counter
from typing import Any

from flask import Blueprint, Flask, Response, g, redirect, request
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.middleware.proxy_fix import ProxyFix

from api.booking import carrier_records, overrides
from api.fleet import areas, drivers, flags, positions, trucks
from api.kernel import deprecation, headers, limits, openapi, problems, versions
from api.kernel.bodies import InflatingRequest
from api.loads import assignments, endings, interruptions, loads, routes, stops
from api.offers import offers
from api.people import (
    credentials,
    devices,
    invitations,
    me,
    members,
    organisations,
    sign_ins,
)
from api.search import searches, waiting
from api.upkeep import operations, sync
from geo.roads import Roads
from runtime.config import Settings
from runtime.telemetry import REQUEST_SECONDS, REQUESTS, log, traced
from services.booking.objections import BookingRules
from services.loads.posting import PostingRules
from services.people.tokens import Keyring
from services.search.offer import OfferRules
from services.search.run import parameters_of

VERSION = "0.1.0"

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"})
"""Methods counted by name. Callers must not create metric series with invented ones."""

BLUEPRINTS = (
    sign_ins.blueprint,
    me.blueprint,
    credentials.blueprint,
    credentials.resets_blueprint,
    members.blueprint,
    organisations.blueprint,
    invitations.blueprint,
    devices.blueprint,
    devices.company_blueprint,
    trucks.blueprint,
    drivers.blueprint,
    areas.blueprint,
    loads.blueprint,
    routes.blueprint,
    interruptions.blueprint,
    endings.blueprint,
    stops.blueprint,
    positions.blueprint,
    flags.blueprint,
    searches.blueprint,
    waiting.blueprint,
    offers.blueprint,
    assignments.blueprint,
    overrides.blueprint,
    carrier_records.blueprint,
    sync.blueprint,
    operations.blueprint,
)

DESCRIPTION = """\
Freight for the way home. When a driver has completed the last delivery of a load,
Backhaul searches for loads that take the truck home and offers them to the driver.
Exactly one driver gets each load.

Lengths are metres, weights kilograms, times RFC 3339, money integer cents with a
currency. Errors are RFC 9457 problems: branch on `code`. Clients accept enum values and
fields of answers that they do not know; a field or query parameter that the server does
not know answers 422. Lists are read page by page with a `cursor` from the server.

A POST with an `Idempotency-Key` is done once, however often it is sent. What clients
edit has an `ETag`, and an edit sends it as `If-Match`. Facts are not edits and need no
`If-Match`: arrival, completion, departure, pickup confirmation, posting, cancellation,
seen, acceptance, decline and a phone's registration are PUTs that may be repeated.
Phones keep the loads and offers that they follow up to date with `GET /v1/sync`.

`RateLimit-Policy` and `RateLimit` say how often you may ask and how much is left; 429
and 503 say in `Retry-After` when to try again. Bodies may be sent with
`Content-Encoding: gzip`.

Distances by road are of a network © OpenStreetMap contributors, under the Open Database
License 1.0: show that on every map and beside every route.
"""


def create_app(
    settings: Settings, keys: Keyring, posting_rules: PostingRules, *, schema_head: str
) -> Flask:
    """Return the application. The Session factory is configured by the caller."""
    app = Flask("backhaul", static_folder=None)
    app.request_class = InflatingRequest
    app.config.update(
        MAX_CONTENT_LENGTH=settings.MAX_BODY_BYTES,
        API_TITLE="Backhaul",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {
                "description": DESCRIPTION,
                "contact": {"name": "Backhaul"},
                "license": {"name": "Proprietary"},
            },
            "servers": [{"url": "/"}],
        },
    )
    app.extensions["keyring"] = keys
    app.extensions["posting_rules"] = posting_rules
    app.extensions["quick_give_back"] = settings.quick_give_back
    app.extensions["deny_delivery"] = settings.deny_delivery
    app.extensions["arrived_search_after"] = settings.arrived_search_after
    app.extensions["offer_rules"] = OfferRules.of(settings)
    app.extensions["booking_rules"] = BookingRules(
        posting_rules.roads,
        settings.accept_position_max_age,
        parameters_of(settings),
    )
    app.extensions["schema_head"] = schema_head
    _observe(app)
    headers.register(app, settings)
    deprecation.register(app)
    limits.register(app, settings)
    if settings.TRUSTED_PROXIES:
        hops = settings.TRUSTED_PROXIES
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0
        )
    api = Api(app)
    problems.register(app)
    versions.register(app)
    openapi.describe(api)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(_docs())
    # There are no other pages for people yet.
    app.add_url_rule("/", "index", lambda: redirect("/docs/"))
    app.extensions["problems"] = openapi.complete(api, app)
    app.extensions["api"] = api
    return app


def _docs() -> Blueprint:
    """Return the page of the API document."""
    return get_swaggerui_blueprint(
        "/docs",
        "/openapi.json",
        {
            "app_name": "Backhaul",
            # The badge would send our document's address to a server on the internet.
            "validatorUrl": None,
            # Its own address would repeat the request's Host.
            "oauth2RedirectUrl": "/docs/oauth2-redirect.html",
        },
    )


def make_posting_rules(settings: Settings, roads: Roads) -> PostingRules:
    """Return what posting needs, as configured."""
    return PostingRules(settings.posting_lease, roads)


def _observe(app: Flask) -> None:
    """Bind a trace id to each request, count the request and log it in one line."""

    @app.before_request
    def start() -> None:
        g.started = perf_counter()
        g.tracing = traced(request.headers.get("X-Trace-Id"))
        g.trace_id = g.tracing.__enter__()

    @app.after_request
    def count(response: Response) -> Response:
        route = str(request.url_rule or "unknown")
        seconds = perf_counter() - g.started
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(route, method, response.status_code).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        response.headers["X-Trace-Id"] = g.trace_id
        log().info(
            "http.request",
            route=route,
            method=method,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
        )
        return response

    @app.teardown_request
    def stop(error: BaseException | None) -> None:
        tracing: Any = g.pop("tracing", None)
        if tracing is not None:
            tracing.__exit__(None, None, None)
