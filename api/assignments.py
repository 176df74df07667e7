"""Who carries what; the dispatcher's plans and overrides."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.auth import actor, requires
from api.bodies import Blueprint
from api.clock import now
from api.drivers import DriverOut
from api.fields import Time, words
from api.idempotency import once, transaction
from api.lists import PageArgs, page, page_of
from api.loads import LoadOut
from api.problems import raises
from db import Session
from errors import IdTaken, Invalid, NotFound
from models.assignments import (
    Assignment,
    AssignmentStatus,
    Override,
    OverrideKind,
    OverrideReason,
)
from services import assignments, overrides
from services.actors import Permission
from services.assignments import LoadTaken, NoTruck
from services.drivers import DriverBusy
from services.moves import LoadMoveRefused, OfferMoveRefused
from services.overrides import Decision
from services.stops import AssignmentEnded

blueprint = Blueprint(
    "assignments",
    __name__,
    url_prefix="/v1/assignments",
    description="Who carries what.",
)
overrides_blueprint = Blueprint(
    "overrides",
    __name__,
    url_prefix="/v1/overrides",
    description="The dispatcher's word.",
)


class AssignmentIn(ma.Schema):
    """A posted load for a driver of the company."""

    id = fields.UUID(load_default=None)
    load_id = fields.UUID(required=True)
    driver_id = fields.UUID(required=True)


class CarriedOut(ma.Schema):
    """A load that a known driver carries."""

    id = fields.UUID()
    kind = fields.String()
    status = fields.String()
    offer_id = fields.UUID(allow_none=True)
    driver_id = fields.UUID()
    truck_id = fields.UUID(allow_none=True)
    created_at = Time()
    ended_at = Time(allow_none=True)
    end_reason = fields.String(allow_none=True)
    # The schema class takes the field off itself, so `load()` stays the method.
    load = fields.Nested(LoadOut)  # type: ignore[assignment]


class AssignmentOut(CarriedOut):
    """A driver on a load."""

    driver = fields.Nested(DriverOut)


class AssignmentsArgs(PageArgs):
    """Filters."""

    status = words(AssignmentStatus, load_default=None)


class OverrideIn(ma.Schema):
    """reassign needs `driver_id`; force_assign `load_id` (and `driver_id` where there
    is no assignment); withdraw_offer `offer_id`. Reason `other` needs a note."""

    kind = words(OverrideKind, required=True)
    reason = words(OverrideReason, required=True)
    note = fields.String(load_default="", validate=validate.Length(max=2000))
    driver_id = fields.UUID(load_default=None, allow_none=True)
    load_id = fields.UUID(load_default=None, allow_none=True)
    offer_id = fields.UUID(load_default=None, allow_none=True)


class OverrideOut(ma.Schema):
    """A decision, with what was before and after, and who was told."""

    id = fields.UUID()
    kind = fields.String()
    reason = fields.String()
    note = fields.String()
    actor_id = fields.UUID()
    assignment_id = fields.UUID(allow_none=True)
    before = fields.Dict()
    after = fields.Dict()
    notified = fields.List(fields.UUID())
    created_at = Time()


OVERRIDE_PROBLEMS = (
    NotFound,
    Invalid,
    AssignmentEnded,
    LoadTaken,
    DriverBusy,
    NoTruck,
    LoadMoveRefused,
    OfferMoveRefused,
)


@blueprint.route("")
class AssignmentsView(MethodView):
    """The company's assignments."""

    @requires(Permission.ASSIGNMENTS_READ)
    @raises()
    @blueprint.arguments(AssignmentsArgs, location="query")
    @blueprint.response(200, page_of(AssignmentOut, "Assignment"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's assignments; a driver sees his own."""
        status = args.pop("status")
        with Session() as session:
            query = assignments.visible_assignments(actor())
            if status is not None:
                query = query.where(Assignment.status == status)
            return page(session, query, Assignment.id, **args)

    @requires(Permission.ASSIGNMENTS_MAKE)
    @raises(NotFound, LoadTaken, DriverBusy, NoTruck, IdTaken, LoadMoveRefused)
    @once
    @blueprint.arguments(AssignmentIn)
    @blueprint.response(201, AssignmentOut)
    def post(self, body: dict[str, Any]) -> Assignment:
        """Give a posted load to one of your drivers."""
        return assignments.plan(
            transaction(),
            actor(),
            assignment_id=body["id"],
            load_id=body["load_id"],
            driver_id=body["driver_id"],
            now=now(),
        )


@blueprint.route("/<uuid:assignment_id>")
class AssignmentView(MethodView):
    """One assignment."""

    @requires(Permission.ASSIGNMENTS_READ)
    @raises(NotFound)
    @blueprint.response(200, AssignmentOut)
    def get(self, assignment_id: UUID) -> Assignment:
        """Show an assignment."""
        with Session() as session:
            return assignments.get_assignment(session, actor(), assignment_id)


@blueprint.route("/<uuid:assignment_id>/override")
class OverrideView(MethodView):
    """The dispatcher's word over an assignment."""

    @requires(Permission.ASSIGNMENTS_OVERRIDE)
    @raises(*OVERRIDE_PROBLEMS)
    @once
    @blueprint.arguments(OverrideIn)
    @blueprint.response(201, OverrideOut)
    def post(self, body: dict[str, Any], assignment_id: UUID) -> Override:
        """Reassign, unassign, give the driver another load, or withdraw an offer."""
        return _override(body, assignment_id)


@overrides_blueprint.route("")
class OverridesView(MethodView):
    """The company's overrides."""

    @requires(Permission.ASSIGNMENTS_OVERRIDE)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, page_of(OverrideOut, "Override"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's overrides, newest first."""
        with Session() as session:
            query = overrides.visible_overrides(actor())
            return page(session, query, Override.id, **args)

    @requires(Permission.ASSIGNMENTS_OVERRIDE)
    @raises(*OVERRIDE_PROBLEMS)
    @once
    @overrides_blueprint.arguments(OverrideIn)
    @overrides_blueprint.response(201, OverrideOut)
    def post(self, body: dict[str, Any]) -> Override:
        """Override where there is no assignment yet: force-assign, withdraw."""
        return _override(body, None)


def _override(body: dict[str, Any], assignment_id: UUID | None) -> Override:
    session = transaction()
    made = overrides.override(
        session, actor(), Decision(**body), assignment_id=assignment_id, now=now()
    )
    session.refresh(made)
    return made
