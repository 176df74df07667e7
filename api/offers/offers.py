"""The inbox of offers, and the answers to them. Pushes only point to it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
import msgspec
from flask import Response, current_app
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, known, shaped, sometimes
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import (
    CURRENCY,
    Time,
    distance_source,
    paragraph,
    rfc3339,
    words,
)
from api.kernel.idempotency import once, transaction
from api.kernel.lists import PageArgs, last_seen, next_cursor, page_of
from api.kernel.problems import raises
from api.kernel.tags import asks_for_change, header, polled, tag_of, unchanged
from api.loads.answers import MarketLoadOut
from api.loads.assignments import AssignmentOut
from api.loads.forms import market_form
from api.search.records import CandidateOut, FiguresOut, TermOut
from freight.lifecycles import OPEN_OFFERS, LoadStatus, OfferStatus
from models.loads.assignments import Assignment
from models.loads.loads import RateType, Visibility
from models.offers.offers import DeclineReason, Offer
from runtime.config import Strategy
from runtime.db import Session
from runtime.errors import NotFound
from services.booking import answer
from services.booking.answer import (
    OfferExpired,
    OfferTaken,
    OfferWithdrawn,
    PositionTooOld,
)
from services.booking.objections import Objected
from services.fleet import ringing
from services.fleet.drivers import DriverBusy
from services.kernel.actors import Permission
from services.kernel.moves import OfferMoveRefused
from services.offers import inbox, offers
from services.search import direct
from services.search.direct import (
    DriverNotAvailable,
    DriverNotToBeRung,
    EnoughOffers,
    HandedBack,
    NotOnTheMarket,
    NotWorthTaking,
    OfferedAlready,
    SearchOutdated,
)

blueprint = Blueprint(
    "offers", __name__, url_prefix="/v1/offers", description="Offers to drivers."
)


class BareOfferOut(Answer):
    """An offer without its load. `snapshot` is the load as it was when offered."""

    id = fields.UUID()
    search_id = fields.UUID()
    load_id = fields.UUID()
    driver_id = fields.UUID()
    strategy = known(Strategy)
    status = known(OfferStatus)
    rank = fields.Integer()
    score_cents = fields.Integer()
    currency = known(CURRENCY)
    terms = fields.List(fields.Nested(TermOut))
    figures = shaped(fields.Dict(), FiguresOut)
    snapshot = shaped(fields.Dict(), CandidateOut)
    created_at = Time()
    expires_at = Time()
    sent_at = Time(allow_none=True)
    seen_at = Time(allow_none=True)
    responded_at = Time(allow_none=True)
    ended_at = Time(allow_none=True)
    undeliverable_at = Time(allow_none=True)
    decline_reason = known(DeclineReason, allow_none=True)
    renews_id = fields.UUID(
        allow_none=True,
        metadata={"description": "the lost offer of a load that came back"},
    )

    @ma.post_dump
    def _for_the_market(self, shown: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        return shown | {"snapshot": market_form(shown["snapshot"])}


IF_OPEN = "if the offer is open"


class OfferedLoadOut(MarketLoadOut):
    """The load of an offer: as it is now if the offer is open, else as it was offered,
    with the fields that were kept."""

    status = sometimes(known(LoadStatus), IF_OPEN)
    visibility = sometimes(known(Visibility), IF_OPEN)
    commodity = sometimes(fields.String(allow_none=True), IF_OPEN)
    pieces = sometimes(fields.Integer(allow_none=True), IF_OPEN)
    temperature_min_c = sometimes(fields.Float(allow_none=True), IF_OPEN)
    temperature_max_c = sometimes(fields.Float(allow_none=True), IF_OPEN)
    rate_type = sometimes(known(RateType), IF_OPEN)
    distance_source = sometimes(distance_source(), IF_OPEN)
    posted_at = sometimes(Time(), IF_OPEN)


class OfferOut(BareOfferOut):
    """A load offered to a driver. `terms` add up to `score_cents`: the gain over
    driving home empty. `snapshot` is the load as it was when offered. When the offer is
    no longer open, `load` shows the snapshot too."""

    # marshmallow removes the field from the class, so `load()` stays the method.
    load = fields.Nested(OfferedLoadOut)  # type: ignore[assignment]

    def get_attribute(self, obj: Offer, attr: str, default: Any) -> Any:  # noqa: ANN401
        """Show the load as it was offered, when the offer is no longer open."""
        if attr == "load" and obj.status not in OPEN_OFFERS:
            return as_offered(obj.load_id, obj.snapshot)
        return super().get_attribute(obj, attr, default)


KEPT = (
    *("equipment", "weight_kg", "length_m", "has_hazmat", "stop_count"),
    *("price_cents", "currency", "loaded_m"),
)
"""The fields of a load that an offer's snapshot has under the same names."""


def as_offered(load_id: UUID, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a load that an offer's snapshot kept."""
    shown = {"id": load_id} | {name: kept[name] for name in KEPT if name in kept}
    for end in ("pickup", "delivery"):
        for edge in (f"{end}_from", f"{end}_until"):
            if edge in kept:
                shown[edge] = datetime.fromisoformat(kept[edge])
        shown |= {f"{end}_{name}": value for name, value in kept.get(end, {}).items()}
        shown[f"{end}_place"] = kept.get(f"{end}_place")
    return shown


class OffersArgs(PageArgs):
    """With `is_open`, offers that can no longer be accepted are left out."""

    is_open = fields.Boolean(load_default=False)


OffersPage = page_of(OfferOut, "Offer")

OF_THE_OFFER = tuple(BareOfferOut._declared_fields)
OF_THE_LOAD = tuple(OfferedLoadOut._declared_fields)
TIMES = frozenset(
    name
    for schema in (BareOfferOut, OfferedLoadOut)
    for name, field in schema._declared_fields.items()
    if isinstance(field, Time)
)
AS_KEPT = ("terms", "figures")
"""The JSON that is shown as it is kept."""

OFFER = OfferOut()
OFFERED_LOAD = OfferedLoadOut()


def _page(rows: Sequence[tuple[Any, ...]], limit: int) -> bytes:
    """Return what `OffersPage` would dump, in a tenth of its time: phones poll it."""
    more = UUID(str(rows[limit - 1][0])) if len(rows) > limit else None
    shown = [_written(row) for row in rows[:limit]]
    return msgspec.json.encode(
        {"data": shown, "page": {"next_cursor": next_cursor(more)}}
    )


def _written(row: tuple[Any, ...]) -> dict[str, Any]:
    offer = _timed(zip(OF_THE_OFFER, row, strict=False))
    load = _timed(zip(OF_THE_LOAD, row[len(OF_THE_OFFER) :], strict=False))
    kept = msgspec.json.decode(offer["snapshot"])
    if offer["status"] in OPEN_OFFERS:
        load = market_form(load)
    else:
        load = OFFERED_LOAD.dump(as_offered(offer["load_id"], kept))
    for name in AS_KEPT:
        offer[name] = msgspec.Raw(offer[name].encode())
    return offer | {"snapshot": market_form(kept), "load": load}


def _timed(row: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: rfc3339(value) if name in TIMES and value is not None else value
        for name, value in row
    }


class OfferIn(ma.Schema):
    """A load that a search of the company kept among its best."""

    search_id = fields.UUID(required=True)
    load_id = fields.UUID(required=True)


class DeclineIn(ma.Schema):
    """Why the driver declines; declining costs the driver nothing."""

    reason = words(DeclineReason, required=True)
    note = paragraph(1000, load_default=None, allow_none=True)


def _note_that_the_app_was_opened() -> None:
    """In a transaction of its own: an answer locks the offer before the driver."""
    driver_id = actor().driver_id
    if driver_id is not None:
        with Session.begin() as session:
            ringing.app_opened(session, driver_id)


@blueprint.route("")
class OffersView(MethodView):
    """The inbox."""

    @requires(Permission.OFFERS_READ)
    @raises()
    @blueprint.arguments(OffersArgs, location="query")
    @blueprint.doc(operationId="list_offers")
    @blueprint.response(200, OffersPage)
    @polled
    def get(self, args: dict[str, Any]) -> Response:
        """List the driver's offers, or the company's for a dispatcher; newest first.

        A driver's request without If-None-Match means that a person opened the app. An
        app that asks in the background, by a timer or for a push, sends the newest
        ETag. Two rounds of offers without an answer, and no more follow until the app
        is opened.
        """
        asked = inbox.Page(
            actor(), args["is_open"], args["limit"], last_seen(args["cursor"])
        )
        if asks_for_change():
            same = unchanged(tag_of(OffersPage, inbox.seen(asked)))
            if same is not None:
                return same
        else:
            _note_that_the_app_was_opened()
        rows = inbox.read(asked, OF_THE_OFFER, OF_THE_LOAD)
        tag = tag_of(OffersPage, ",".join(row[-1] for row in rows))
        return Response(
            _page(rows, asked.limit), mimetype="application/json", headers=header(tag)
        )

    @requires(Permission.OFFERS_MAKE)
    @raises(
        NotFound,
        DriverBusy,
        DriverNotAvailable,
        DriverNotToBeRung,
        EnoughOffers,
        HandedBack,
        NotOnTheMarket,
        NotWorthTaking,
        OfferedAlready,
        SearchOutdated,
    )
    @once
    @blueprint.arguments(OfferIn)
    @blueprint.doc(operationId="make_offer")
    @blueprint.response(201, OfferOut)
    def post(self, body: dict[str, Any]) -> Offer:
        """Offer a load of a search, also of a dry run, to the driver of the search.

        The load is judged again as of now. A driver with as many offers as they may
        have loses the worst one. A driver who may not be rung is offered nothing:
        `driver-not-to-be-rung` says why.
        """
        return direct.offer_load(
            transaction(),
            actor(),
            current_app.extensions["offer_rules"],
            current_app.extensions["posting_rules"].roads,
            **body,
            now=now(),
        )


@blueprint.route("/<uuid:offer_id>")
class OfferView(MethodView):
    """One offer."""

    @requires(Permission.OFFERS_READ)
    @raises(NotFound)
    @blueprint.doc(operationId="get_offer")
    @blueprint.response(200, OfferOut)
    def get(self, offer_id: UUID) -> Offer:
        """Show an offer."""
        with Session() as session:
            return offers.get_offer(session, actor(), offer_id)


@blueprint.route("/<uuid:offer_id>/seen")
class SeenView(MethodView):
    """The fact that the driver saw the offer."""

    @requires(Permission.OFFERS_ANSWER)
    @raises(NotFound)
    @blueprint.doc(operationId="mark_offer_seen")
    @blueprint.response(200, OfferOut)
    def put(self, offer_id: UUID) -> Offer:
        """Note that the offer was on the screen."""
        with Session.begin() as session:
            seen = answer.see(session, actor(), offer_id, now=now())
        _note_that_the_app_was_opened()
        return seen


@blueprint.route("/<uuid:offer_id>/acceptance")
class AcceptanceView(MethodView):
    """The driver's acceptance."""

    @requires(Permission.OFFERS_ANSWER)
    @raises(
        NotFound,
        OfferTaken,
        OfferExpired,
        OfferWithdrawn,
        OfferMoveRefused,
        PositionTooOld,
        Objected,
    )
    @blueprint.doc(operationId="accept_offer")
    @blueprint.response(200, AssignmentOut)
    def put(self, offer_id: UUID) -> Assignment:
        """Accept an offer; exactly one driver wins, and a retry gets the same answer.

        A driver who comes too late gets their best open offer as `next_offer`. A driver
        without a recent position has to send one first (`position-too-old`). What has
        changed since the search is asked again: if anything speaks against the driver
        carrying the load now, the answer is `objections` with all of it.
        """
        with Session.begin() as session:
            try:
                return answer.accept(
                    session,
                    actor(),
                    offer_id,
                    now=now(),
                    rules=current_app.extensions["booking_rules"],
                )
            except OfferTaken as error:
                # Before the rollback, after which the row cannot be read.
                if error.next_offer is not None:
                    error.extra["next_offer"] = OFFER.dump(error.next_offer)
                raise


@blueprint.route("/<uuid:offer_id>/decline")
class DeclineView(MethodView):
    """The driver's decision to decline."""

    @requires(Permission.OFFERS_ANSWER)
    @raises(NotFound, OfferMoveRefused)
    @blueprint.arguments(DeclineIn)
    @blueprint.doc(operationId="decline_offer")
    @blueprint.response(200, OfferOut)
    def put(self, body: dict[str, Any], offer_id: UUID) -> Offer:
        """Decline an offer; this never lowers a rank."""
        with Session.begin() as session:
            declined = answer.decline(session, actor(), offer_id, **body, now=now())
        _note_that_the_app_was_opened()
        return declined
