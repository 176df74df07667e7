"""Overrides: a dispatcher's decisions about offers and assignments."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, known, shaped, sometimes
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time, note, words
from api.kernel.idempotency import once, transaction
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.loads.assignments import ObjectionOut
from api.loads.assignments import blueprint as assignments_blueprint
from freight.lifecycles import LoadStatus, OfferStatus
from models.booking.overrides import Override, OverrideKind, OverrideReason
from runtime.db import Session
from runtime.errors import Invalid, NotFound
from services.booking import overrides
from services.booking.abandon import abandon
from services.booking.force import force_assign, force_swap
from services.booking.objections import Objected
from services.booking.overrides import Why
from services.booking.reassign import reassign
from services.booking.take_over import take_over
from services.booking.unassign import unassign
from services.booking.withdraw import withdraw_offer
from services.fleet.drivers import DriverBusy
from services.kernel.actors import Permission
from services.kernel.moves import LoadMoveRefused, OfferMoveRefused
from services.kernel.standing import OrganisationSuspended
from services.loads.stops import AssignmentEnded

blueprint = Blueprint(
    "overrides",
    __name__,
    url_prefix="/v1/overrides",
    description="A dispatcher's decisions.",
)


class OverrideIn(ma.Schema):
    """`reassign` and `take_over` need `driver_id`; `force_assign` needs `load_id`, and
    `driver_id` if there is no assignment; `withdraw_offer` needs `offer_id`. Reason
    `other` needs a note."""

    kind = words(OverrideKind, required=True)
    reason = words(OverrideReason, required=True)
    note = note()
    driver_id = fields.UUID(load_default=None, allow_none=True)
    load_id = fields.UUID(load_default=None, allow_none=True)
    offer_id = fields.UUID(load_default=None, allow_none=True)


class LoadStateOut(Answer):
    """A load, and the assignment that it had."""

    load_id = fields.UUID()
    load_status = known(LoadStatus)
    driver_id = fields.UUID(allow_none=True)
    assignment_id = fields.UUID(allow_none=True)


OF_A_LOAD = (
    "with `reassign`, `unassign`, `abandon` and `take_over`, and after a `force_assign`"
)
OF_AN_OFFER = "with `withdraw_offer`"


class OverrideStateOut(Answer):
    """What a decision found, or left behind; the fields depend on its kind."""

    load_status = sometimes(
        known(LoadStatus), OF_A_LOAD + "; and with `release_departure`"
    )
    load_id = sometimes(fields.UUID(), OF_A_LOAD)
    driver_id = sometimes(fields.UUID(allow_none=True), OF_A_LOAD)
    assignment_id = sometimes(fields.UUID(allow_none=True), OF_A_LOAD)
    # marshmallow removes the field from the class, so `load()` is still the method.
    load = sometimes(  # type: ignore[assignment]
        shaped(fields.Dict(), LoadStateOut), "before a `force_assign`"
    )
    assignment = sometimes(
        shaped(fields.Dict(), LoadStateOut),
        "before a `force_assign` that took the driver off another load",
    )
    stop_id = sometimes(fields.UUID(), "before a `release_departure`")
    offer_status = sometimes(known(OfferStatus), OF_AN_OFFER)
    offer_id = sometimes(fields.UUID(), "after a `withdraw_offer`")
    poster_told = sometimes(
        fields.Boolean(), "after every kind but `release_departure`"
    )


class OverrideOut(Answer):
    """A decision, with the state before and after, who was told, and what spoke against
    it."""

    id = fields.UUID()
    kind = known(OverrideKind)
    reason = known(OverrideReason)
    note = fields.String()
    actor_id = fields.UUID()
    assignment_id = fields.UUID(allow_none=True)
    before = shaped(fields.Dict(), OverrideStateOut)
    after = shaped(fields.Dict(), OverrideStateOut)
    notified = fields.List(fields.UUID())
    warnings = fields.List(fields.Nested(ObjectionOut))
    created_at = Time()


OVERRIDE_PROBLEMS = (
    NotFound,
    Invalid,
    AssignmentEnded,
    DriverBusy,
    LoadMoveRefused,
    OfferMoveRefused,
    Objected,
)

FINISHING = frozenset({OverrideKind.ABANDON, OverrideKind.TAKE_OVER})
"""What a suspended company may decide: of freight that is on a truck of theirs."""


@assignments_blueprint.route("/<uuid:assignment_id>/override")
class OverrideView(MethodView):
    """A dispatcher's decision about an assignment."""

    @requires(Permission.ASSIGNMENTS_OVERRIDE, finishes_loads=True)
    @raises(*OVERRIDE_PROBLEMS)
    @once
    @assignments_blueprint.arguments(OverrideIn)
    @assignments_blueprint.doc(operationId="override_assignment")
    @assignments_blueprint.response(201, OverrideOut)
    def post(self, body: dict[str, Any], assignment_id: UUID) -> Override:
        """Reassign, unassign, abandon, take over, swap loads, or withdraw an offer.

        A suspended company may only abandon and take over.
        """
        if actor().is_suspended and body["kind"] not in FINISHING:
            raise OrganisationSuspended
        return _override(body, assignment_id)


@blueprint.route("")
class OverridesView(MethodView):
    """The company's overrides."""

    @requires(Permission.ASSIGNMENTS_OVERRIDE)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_overrides")
    @blueprint.response(200, page_of(OverrideOut, "Override"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's overrides, newest first."""
        with Session() as session:
            query = overrides.visible_overrides(actor())
            return page(session, query, Override.id, **args)

    @requires(Permission.ASSIGNMENTS_OVERRIDE)
    @raises(*OVERRIDE_PROBLEMS)
    @once
    @blueprint.arguments(OverrideIn)
    @blueprint.doc(operationId="make_override")
    @blueprint.response(201, OverrideOut)
    def post(self, body: dict[str, Any]) -> Override:
        """Override without an assignment: force-assign a load, or withdraw an offer."""
        return _override(body, None)


def _override(body: dict[str, Any], assignment_id: UUID | None) -> Override:
    """Call the override of this kind with the ids that it needs."""
    why = Why(body["reason"], body["note"])
    by: dict[str, Any] = {
        "session": transaction(),
        "actor": actor(),
        "why": why,
        "now": now(),
    }
    kind, rules = body["kind"], current_app.extensions["booking_rules"]
    if kind is OverrideKind.WITHDRAW_OFFER:
        offer_id = _needed(body, "offer_id")
        return withdraw_offer(**by, offer_id=offer_id, assignment_id=assignment_id)
    if kind is OverrideKind.FORCE_ASSIGN:
        load_id = _needed(body, "load_id")
        if assignment_id is not None:
            return force_swap(
                **by, load_id=load_id, assignment_id=assignment_id, rules=rules
            )
        driver_id = _needed(body, "driver_id")
        return force_assign(**by, load_id=load_id, driver_id=driver_id, rules=rules)
    if assignment_id is None:
        raise Invalid("#/kind", f"Send {kind} to /v1/assignments/<id>/override.")
    if kind is OverrideKind.REASSIGN:
        driver_id = _needed(body, "driver_id")
        return reassign(
            **by, assignment_id=assignment_id, driver_id=driver_id, rules=rules
        )
    if kind is OverrideKind.UNASSIGN:
        return unassign(**by, assignment_id=assignment_id)
    if kind is OverrideKind.ABANDON:
        return abandon(**by, assignment_id=assignment_id)
    if kind is OverrideKind.TAKE_OVER:
        driver_id = _needed(body, "driver_id")
        return take_over(
            **by, assignment_id=assignment_id, driver_id=driver_id, rules=rules
        )
    raise Invalid("#/kind", "To release a departure, use PUT /v1/stops/<id>/departure.")


def _needed(body: dict[str, Any], name: str) -> UUID:
    value: UUID | None = body[name]
    if value is None:
        raise Invalid(f"#/{name}", f"{body['kind']} needs this field.")
    return value
