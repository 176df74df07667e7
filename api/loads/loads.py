"""Loads with their stops, and the market."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from sqlalchemy.orm import joinedload

from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import (
    line,
    words,
)
from api.kernel.idempotency import once, transaction
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.kernel.versions import edits, precondition, shows_version
from api.loads.answers import FullLoadOut, LoadOut, MarketLoadOut, PostedLoadOut
from api.loads.bodies import LoadEdit, LoadIn
from freight.lifecycles import LoadStatus
from models.loads.loads import Load
from runtime.db import Session
from runtime.errors import IdTaken, Invalid, NotFound
from services.kernel.actors import Permission
from services.kernel.moves import LoadMoveRefused
from services.loads import cancellation, confirmation, loads, market, posting
from services.loads.confirmation import NotVerified
from services.loads.duplicates import LoadRebrokered
from services.loads.posting import (
    NoRoad,
    NumberTaken,
    PickupWindowClosed,
    Posted,
    PostingRules,
)

blueprint = Blueprint("loads", __name__, url_prefix="/v1/loads", description="Loads.")


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
    @raises(Invalid, IdTaken, NoRoad, NumberTaken, PickupWindowClosed, LoadRebrokered)
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
    @raises(NotFound, LoadMoveRefused, Invalid, NoRoad, NumberTaken, LoadRebrokered)
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
