"""What happens at a stop: arrival, completion, departure, pickup confirmation."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session as OrmSession

from api.auth import actor, requires
from api.bodies import Blueprint
from api.clock import now
from api.fields import PlaceIn, Time, amount, count, line, words
from api.loads import StopOut
from api.problems import raises
from db import Session
from errors import Forbidden, Invalid, NotFound
from geo.points import Point
from models.assignments import OverrideReason
from models.stops import Stop
from services import pickups, stops
from services.actors import Permission
from services.clocks import ClockSkew
from services.moves import LoadMoveRefused, StopMoveRefused
from services.pickups import NotAPickup, StopOutOfOrder
from services.stops import AssignmentEnded, PickupNotConfirmed, Release, Report

blueprint = Blueprint(
    "stops",
    __name__,
    url_prefix="/v1/stops",
    description="Stops. Send the facts of a load in order: one that comes before its"
    " turn is 409, changes nothing, and may be sent again after the one it waits for.",
)


class FixedPlaceIn(PlaceIn):
    """Where the phone was."""

    accuracy_m = amount(load_default=None, allow_none=True)


class ReportIn(ma.Schema):
    """A fact by the phone. `occurred_at` may lie well in the past; `sent_at` is the
    phone's clock when it sends, so that a wrong clock can be corrected."""

    occurred_at = Time(required=True)
    sent_at = Time(load_default=None, allow_none=True)
    position = fields.Nested(FixedPlaceIn, load_default=None, allow_none=True)


class DepartureIn(ReportIn):
    """A dispatcher may let the truck go without the shipper's confirmation."""

    release_reason = words(OverrideReason, load_default=None, allow_none=True)
    release_note = fields.String(load_default="", validate=validate.Length(max=2000))


class ConfirmationIn(ma.Schema):
    """What was loaded, as the shipper counted it."""

    confirmed_at = Time(load_default=None, allow_none=True)
    confirmed_by = line(required=True, metadata={"example": "R. Meyer, dock 4"})
    pieces = count(load_default=None, allow_none=True)
    weight_kg = count(load_default=None, allow_none=True)
    seal_number = line(60, load_default=None, allow_none=True)
    bol_number = line(60, load_default=None, allow_none=True)


def report_of(body: dict[str, Any]) -> Report:
    """Return the report a body makes."""
    place = body["position"]
    return Report(
        body["occurred_at"],
        body["sent_at"],
        Point(place["lat"], place["lon"]) if place else None,
        place["accuracy_m"] if place else None,
    )


def shown(session: OrmSession, stop: Stop) -> Stop:
    """Return the stop as the transaction leaves it."""
    session.flush()
    session.refresh(stop)
    return stop


@blueprint.route("/<uuid:stop_id>/arrival")
class ArrivalView(MethodView):
    """The fact that the truck is there."""

    @requires(Permission.STOPS_REPORT)
    @raises(NotFound, AssignmentEnded, StopOutOfOrder, LoadMoveRefused, ClockSkew)
    @blueprint.arguments(ReportIn)
    @blueprint.response(200, StopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Stop:
        """Arrive at a stop."""
        at: datetime = now()
        with Session.begin() as session:
            return shown(
                session,
                stops.arrive(session, actor(), stop_id, report_of(body), now=at),
            )


@blueprint.route("/<uuid:stop_id>/completion")
class CompletionView(MethodView):
    """The fact that a stop is done."""

    @requires(Permission.STOPS_REPORT)
    @raises(NotFound, AssignmentEnded, StopMoveRefused, LoadMoveRefused, ClockSkew)
    @blueprint.arguments(ReportIn)
    @blueprint.response(200, StopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Stop:
        """Complete a stop; the last one starts the search for a backhaul."""
        at: datetime = now()
        with Session.begin() as session:
            return shown(
                session,
                stops.complete(session, actor(), stop_id, report_of(body), now=at),
            )


@blueprint.route("/<uuid:stop_id>/departure")
class DepartureView(MethodView):
    """The fact that the truck left."""

    @requires(Permission.STOPS_REPORT)
    @raises(
        NotFound,
        AssignmentEnded,
        StopMoveRefused,
        LoadMoveRefused,
        PickupNotConfirmed,
        ClockSkew,
        Invalid,
    )
    @blueprint.arguments(DepartureIn)
    @blueprint.response(200, StopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Stop:
        """Depart from a stop; from a pickup once the shipper has confirmed."""
        at: datetime = now()
        reason: OverrideReason | None = body["release_reason"]
        release = Release(reason, body["release_note"]) if reason else None
        with Session.begin() as session:
            return shown(
                session,
                stops.depart(
                    session,
                    actor(),
                    stop_id,
                    report_of(body),
                    release=release,
                    now=at,
                ),
            )


@blueprint.route("/<uuid:stop_id>/pickup-confirmation")
class PickupConfirmationView(MethodView):
    """The shipper's word."""

    @requires(Permission.PICKUPS_CONFIRM)
    @raises(NotFound, NotAPickup, StopOutOfOrder, LoadMoveRefused, Forbidden, ClockSkew)
    @blueprint.arguments(ConfirmationIn)
    @blueprint.response(200, StopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Stop:
        """Confirm what was picked up; a difference to the load is kept."""
        at: datetime = now()
        body["confirmed_at"] = body["confirmed_at"] or at
        with Session.begin() as session:
            return shown(
                session, pickups.confirm(session, actor(), stop_id, **body, now=at)
            )
