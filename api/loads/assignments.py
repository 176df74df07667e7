"""Assignments: which driver carries which load."""

from typing import Any, NamedTuple
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from marshmallow import fields

from api.fleet.drivers import DriverOut
from api.kernel.answers import Answer, known, shaped
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time, note, words
from api.kernel.idempotency import once, transaction
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.loads.answers import LoadOut
from api.loads.forms import Form, as_kept, form_of
from api.search.records import FigureOut
from freight.objections import Ground
from models.booking.overrides import OverrideReason
from models.loads.assignments import (
    Assignment,
    AssignmentKind,
    AssignmentStatus,
    EndedParty,
    HandBackReason,
    Slot,
)
from runtime.db import Session
from runtime.errors import IdTaken, Invalid, NotFound
from services.booking import assign, overrides
from services.booking.hand_back import hand_back
from services.booking.objections import Objected
from services.booking.overrides import Why
from services.kernel.actors import Permission
from services.loads import assignments

blueprint = Blueprint(
    "assignments",
    __name__,
    url_prefix="/v1/assignments",
    description="Which driver carries which load.",
)


class Planned(NamedTuple):
    """An assignment, and what its override keeps of what was overruled."""

    assignment: Assignment
    warnings: list[dict[str, Any]]


class AssignmentIn(ma.Schema):
    """The posted load, and the driver of the company who gets it. The `reason` is
    needed only to overrule `objections`; `other` needs a note."""

    id = fields.UUID(load_default=None)
    load_id = fields.UUID(required=True)
    driver_id = fields.UUID(required=True)
    reason = words(OverrideReason, load_default=None, allow_none=True)
    note = note()


class ObjectionOut(Answer):
    """Something that speaks against the driver carrying the load."""

    ground = known(Ground)
    pointer = fields.String(
        metadata={
            "description": "RFC 6901: what it is about; '#' has driver, truck,"
            " load, poster and carrier"
        }
    )
    detail = fields.String()
    may_overrule = fields.Boolean(
        metadata={"description": "whether the carrier's desk may overrule it"}
    )
    figure = shaped(fields.Dict(allow_none=True), FigureOut)


class CarriedOut(Answer):
    """An assignment with its load, for a reader who knows the driver. A reader who no
    longer has the load sees it as the market saw it when the assignment ended, and
    nothing of what happened to it later."""

    id = fields.UUID()
    kind = known(AssignmentKind)
    status = known(AssignmentStatus)
    offer_id = fields.UUID(allow_none=True)
    driver_id = fields.UUID()
    truck_id = fields.UUID()
    slot = known(
        Slot,
        allow_none=True,
        metadata={"description": "null for some loads of before there were slots"},
    )
    created_at = Time()
    ended_at = Time(allow_none=True)
    end_reason = fields.String(allow_none=True)
    ended_party = known(EndedParty, allow_none=True)
    driven_m = fields.Float(allow_none=True)
    left_m = fields.Float(allow_none=True)
    # marshmallow removes the field from the class, so `load()` stays the method.
    load = fields.Nested(LoadOut)  # type: ignore[assignment]

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:  # noqa: ANN401 - as the base class
        """Show the load as it was, to those from whom it was taken."""
        if attr == "load" and obj.load_kept is not None:
            is_theirs = form_of(obj.load) is Form.FULL
            return obj.load if is_theirs else as_kept(obj.load_kept)
        return super().get_attribute(obj, attr, default)


class HandBackIn(ma.Schema):
    """Why the load is handed back; the reason `other` needs a note."""

    reason = words(HandBackReason, required=True)
    note = note()


class AssignmentOut(CarriedOut):
    """An assignment with its load and its driver."""

    driver = fields.Nested(DriverOut)


class PlannedOut(AssignmentOut):
    """The assignment that was made. `warnings`: what its `reason` overruled."""

    warnings = fields.List(fields.Nested(ObjectionOut))

    def get_attribute(self, obj: Planned, attr: str, default: Any) -> Any:  # noqa: ANN401 - as the base class
        """Read the warnings beside the assignment."""
        if attr == "warnings":
            return obj.warnings
        return super().get_attribute(obj.assignment, attr, default)


class AssignmentsArgs(PageArgs):
    """Filters."""

    status = words(AssignmentStatus, load_default=None)


@blueprint.route("")
class AssignmentsView(MethodView):
    """The company's assignments."""

    @requires(Permission.ASSIGNMENTS_READ, finishes_loads=True)
    @raises()
    @blueprint.arguments(AssignmentsArgs, location="query")
    @blueprint.doc(operationId="list_assignments")
    @blueprint.response(200, page_of(AssignmentOut, "Assignment"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's assignments; a driver sees only their own."""
        status = args.pop("status")
        with Session() as session:
            query = assignments.visible_assignments(actor())
            if status is not None:
                query = query.where(Assignment.status == status)
            return page(session, query, Assignment.id, **args)

    @requires(Permission.ASSIGNMENTS_MAKE)
    @raises(NotFound, Invalid, IdTaken, Objected)
    @once
    @blueprint.arguments(AssignmentIn)
    @blueprint.doc(operationId="assign_load")
    @blueprint.response(201, PlannedOut)
    def post(self, body: dict[str, Any]) -> Planned:
        """Give a posted load to one of your drivers, now or as their next load.

        If something speaks against it, the answer is `objections` with all of it. Some
        may be overruled: send it again with a `reason`, which is kept as an override.
        """
        why = body["reason"] and Why(body["reason"], body["note"])
        made = assign.plan(
            transaction(),
            actor(),
            assignment_id=body["id"],
            load_id=body["load_id"],
            driver_id=body["driver_id"],
            now=now(),
            why=why,
            rules=current_app.extensions["booking_rules"],
        )
        return Planned(made, overrides.warnings_of(transaction(), actor(), made.id))


@blueprint.route("/<uuid:assignment_id>")
class AssignmentView(MethodView):
    """One assignment."""

    @requires(Permission.ASSIGNMENTS_READ, finishes_loads=True)
    @raises(NotFound)
    @blueprint.doc(operationId="get_assignment")
    @blueprint.response(200, AssignmentOut)
    def get(self, assignment_id: UUID) -> Assignment:
        """Show an assignment."""
        with Session() as session:
            return assignments.get_assignment(session, actor(), assignment_id)


@blueprint.route("/<uuid:assignment_id>/hand-back")
class HandBackView(MethodView):
    """The fact that a driver gives up a load."""

    @requires(Permission.STOPS_REPORT, finishes_loads=True)
    @raises(NotFound, Invalid)
    @blueprint.arguments(HandBackIn)
    @blueprint.doc(operationId="hand_back_load")
    @blueprint.response(200, AssignmentOut)
    def put(self, body: dict[str, Any], assignment_id: UUID) -> Assignment:
        """Hand a load back; with freight aboard it is interrupted."""
        with Session.begin() as session:
            return hand_back(session, actor(), assignment_id, **body, now=now())
