"""Loads with their stops, and the market."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from marshmallow import ValidationError, fields, validate
from sqlalchemy.orm import joinedload

from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import (
    Flag,
    Number,
    Time,
    Whole,
    amount,
    count,
    country,
    currency,
    lat,
    line,
    lon,
    paragraph,
    refuse_null_island,
    words,
    zone,
)
from api.kernel.idempotency import once, transaction
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.kernel.versions import edits, precondition, shows_version
from api.loads.answers import FullLoadOut, LoadOut, MarketLoadOut, PostedLoadOut
from freight.equipment import Equipment
from freight.lifecycles import LoadStatus
from models.loads.loads import Load, RateType, Visibility
from models.loads.stops import StopKind
from runtime.db import Session
from runtime.errors import IdTaken, Invalid, NotFound
from services.kernel.actors import Permission
from services.kernel.moves import LoadMoveRefused
from services.loads import cancellation, confirmation, loads, market, posting
from services.loads.confirmation import NotVerified
from services.loads.duplicates import LoadRebrokered
from services.loads.posting import (
    NumberTaken,
    PickupWindowClosed,
    Posted,
    PostingRules,
)

blueprint = Blueprint("loads", __name__, url_prefix="/v1/loads", description="Loads.")


class AddressIn(ma.Schema):
    """A postal address."""

    street = line(load_default=None, allow_none=True)
    city = line(load_default=None, allow_none=True)
    state = line(50, load_default=None, allow_none=True)
    postal_code = line(20, load_default=None, allow_none=True)
    country = country(load_default="US")


class ContactIn(ma.Schema):
    """The person to ask at the dock."""

    name = line(load_default=None, allow_none=True)
    phone = line(40, load_default=None, allow_none=True)
    email = line(254, load_default=None, allow_none=True)


class StopIn(ma.Schema):
    """A place on the route. The times of the window have a UTC offset; `zone` is the
    facility's time zone."""

    kind = words(StopKind, required=True)
    facility = line(load_default=None, allow_none=True)
    address = fields.Nested(AddressIn, load_default=dict)
    lat = lat(required=True)
    lon = lon(required=True)
    window_from = Time(required=True)
    window_until = Time(required=True)
    zone = zone(required=True)
    contact = fields.Nested(ContactIn, load_default=dict)
    instructions = paragraph(2000, load_default=None, allow_none=True)

    @ma.validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        refuse_null_island(data)
        if data["window_until"] < data["window_from"]:
            raise ValidationError(
                {"window_until": ["The window ends before it begins."]}
            )


class ReferenceIn(ma.Schema):
    """Another company's number for the load; qualifiers as in X12 L11."""

    qualifier = line(30, required=True, metadata={"example": "PO"})
    value = line(80, required=True)


class LoadFields(ma.Schema):
    """The fields of a load, without its stops."""

    load_number = line(40)
    visibility = words(Visibility, load_default=Visibility.NETWORK)
    references = fields.List(
        Whole(ReferenceIn), load_default=list, validate=validate.Length(max=30)
    )
    consignee = line(load_default=None, allow_none=True)
    bill_to = line(load_default=None, allow_none=True)
    commodity = line(load_default=None, allow_none=True)
    equipment = fields.List(
        words(Equipment), required=True, validate=validate.Length(1, len(Equipment))
    )
    weight_kg = count(load_default=None, allow_none=True)
    length_m = amount(load_default=None, allow_none=True)
    pieces = count(load_default=None, allow_none=True)
    has_hazmat = Flag(load_default=False)
    temperature_min_c = Number(
        load_default=None, allow_none=True, validate=validate.Range(-100, 100)
    )
    temperature_max_c = Number(
        load_default=None, allow_none=True, validate=validate.Range(-100, 100)
    )
    price_cents = count(
        required=True,
        metadata={
            "description": "The total; with `per_mile` the price of a mile, with"
            " `per_cwt` that of 100 pounds. The answer has the total, and the price of"
            " the unit as `rate_cents`."
        },
    )
    currency = currency(load_default="USD")
    rate_type = words(RateType, load_default=RateType.ALL_IN)
    billed_miles = Number(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0.1, 10_000),
        metadata={
            "description": "The poster's miles, for a price `per_mile`. Without them"
            " the total is computed with the product's distance."
        },
    )
    may_be_rebrokered = Flag(
        load_default=False,
        metadata={
            "description": "The carrier may post this freight again. While a driver"
            " carries the load, this can be allowed, but not taken back."
        },
    )

    @ma.post_load
    def _plain(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        if "equipment" in data:
            data["equipment"] = sorted({word.value for word in data["equipment"]})
        return data


class LoadIn(LoadFields):
    """A load to post. With your own `id` you may send it again after a lost answer."""

    id = fields.UUID(load_default=None)
    is_draft = Flag(load_default=False)
    stops = fields.List(Whole(StopIn), required=True, validate=validate.Length(2, 20))


class LoadEdit(LoadFields):
    """The fields to change; `stops` replaces all stops."""

    stops = fields.List(Whole(StopIn), validate=validate.Length(2, 20))


class CancellationIn(ma.Schema):
    """Why the load is cancelled."""

    reason = line(required=True)


class LoadsArgs(PageArgs):
    """Filters."""

    status = words(LoadStatus, load_default=None)


def posting_rules() -> PostingRules:
    """Return what posting needs to know."""
    rules: PostingRules = current_app.extensions["posting_rules"]
    return rules


@blueprint.route("")
class LoadsView(MethodView):
    """The caller's loads."""

    @requires(Permission.LOADS_READ, finishes_loads=True)
    @raises()
    @blueprint.arguments(LoadsArgs, location="query")
    @blueprint.doc(operationId="list_loads")
    @blueprint.response(200, page_of(LoadOut, "Load"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the loads the caller's company posted, carries or is offered."""
        status = args.pop("status")
        with Session() as session:
            query = loads.visible_loads(actor()).options(joinedload(Load.stops))
            if status is not None:
                query = query.where(Load.status == status)
            return page(session, query, Load.id, **args)

    @requires(Permission.LOADS_POST)
    @raises(Invalid, IdTaken, NumberTaken, PickupWindowClosed, LoadRebrokered)
    @once
    @blueprint.arguments(LoadIn)
    @blueprint.doc(operationId="post_load")
    @blueprint.response(201, PostedLoadOut)
    @shows_version
    def post(self, body: dict[str, Any]) -> Posted:
        """Post a load, or keep it as a draft.

        What is odd about its figures is in `warnings`; then it is not offered until it
        is confirmed. Figures that nobody can have meant are refused.
        """
        load_id, is_draft = body.pop("id"), body.pop("is_draft")
        stops = body.pop("stops")
        return posting.post_load(
            transaction(),
            actor(),
            posting_rules(),
            fields=body,
            stops=stops,
            now=now(),
            load_id=load_id,
            is_draft=is_draft,
        )


@blueprint.route("/market")
class MarketView(MethodView):
    """The market."""

    @requires(Permission.ASSIGNMENTS_MAKE)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_market_loads")
    @blueprint.response(200, page_of(MarketLoadOut, "MarketLoad"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the posted loads that a dispatcher may give to a driver."""
        with Session() as session:
            return page(session, market.market_loads(actor()), Load.id, **args)


@blueprint.route("/<uuid:load_id>")
class LoadView(MethodView):
    """One load."""

    @requires(Permission.LOADS_READ, finishes_loads=True)
    @raises(NotFound)
    @blueprint.doc(operationId="get_load")
    @blueprint.response(200, LoadOut)
    @shows_version
    def get(self, load_id: UUID) -> Load:
        """Show a load with its stops."""
        with Session() as session:
            return loads.get_load(session, actor(), load_id)

    @requires(Permission.LOADS_POST)
    @raises(NotFound, LoadMoveRefused, Invalid, NumberTaken, LoadRebrokered)
    @blueprint.arguments(LoadEdit(partial=True))
    @blueprint.doc(operationId="edit_load")
    @blueprint.response(200, PostedLoadOut)
    @shows_version
    @edits
    def patch(self, body: dict[str, Any], load_id: UUID) -> Posted:
        """Change a load that no driver carries; its open offers are superseded.

        While a driver carries it, `{"may_be_rebrokered": true}` alone can be given.
        """
        stops = body.pop("stops", None)
        with Session.begin() as session:
            return posting.edit_load(
                session,
                actor(),
                posting_rules(),
                load_id,
                precondition(),
                fields=body,
                stops=stops,
                now=now(),
            )


@blueprint.route("/<uuid:load_id>/posting")
class PostingView(MethodView):
    """A load's place on the market."""

    @requires(Permission.LOADS_POST)
    @raises(NotFound, LoadMoveRefused, PickupWindowClosed, LoadRebrokered)
    @blueprint.doc(operationId="renew_posting")
    @blueprint.response(200, PostedLoadOut)
    @shows_version
    def put(self, load_id: UUID) -> Posted:
        """Post a draft, bring back a held load, or prolong the lease."""
        with Session.begin() as session:
            return posting.renew(session, actor(), posting_rules(), load_id, now=now())

    @requires(Permission.LOADS_POST)
    @raises(NotFound, LoadMoveRefused)
    @blueprint.doc(operationId="withdraw_load")
    @blueprint.response(200, FullLoadOut)
    @shows_version
    def delete(self, load_id: UUID) -> Load:
        """Take a load off the market; it can be posted again."""
        with Session.begin() as session:
            return posting.withdraw(session, actor(), load_id, now=now())


@blueprint.route("/<uuid:load_id>/confirmation")
class ConfirmationView(MethodView):
    """The poster's confirmation that odd figures are right."""

    @requires(Permission.LOADS_POST)
    @raises(NotFound, NotVerified)
    @blueprint.doc(operationId="confirm_load")
    @blueprint.response(200, FullLoadOut)
    @shows_version
    def put(self, load_id: UUID) -> Load:
        """Confirm a load's odd figures, so that it is offered.

        Only a company that is verified may; the operator confirms those of others.
        """
        with Session.begin() as session:
            return confirmation.confirm(session, actor(), load_id, now=now())


@blueprint.route("/<uuid:load_id>/cancellation")
class CancellationView(MethodView):
    """The end of a load that was not picked up."""

    @requires(Permission.LOADS_CANCEL, finishes_loads=True)
    @raises(NotFound, LoadMoveRefused)
    @blueprint.arguments(CancellationIn)
    @blueprint.doc(operationId="cancel_load")
    @blueprint.response(200, FullLoadOut)
    @shows_version
    def put(self, body: dict[str, Any], load_id: UUID) -> Load:
        """Cancel a load for good; its driver is told."""
        with Session.begin() as session:
            return cancellation.cancel(session, actor(), load_id, **body, now=now())
