"""What happens at a stop: arrival, completion, departure, pickup confirmation."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session as OrmSession

from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import (
    LARGEST,
    ClaimedTime,
    Number,
    Time,
    amount,
    count,
    line,
    note,
    words,
)
from api.kernel.problems import raises
from api.loads.answers import FullStopOut, Reported, ReportedStopOut
from freight.lifecycles import StopAct
from geo.points import ROADS_NORTH, ROADS_SOUTH, Point
from models.booking.overrides import OverrideReason
from models.loads.stops import Stop
from runtime.db import Session
from runtime.errors import Forbidden, Invalid, NotFound
from services.booking.overrides import Why
from services.booking.release import release_departure
from services.fleet import flags
from services.kernel.actors import Permission
from services.kernel.clocks import ClockSkew
from services.kernel.moves import LoadMoveRefused, StopMoveRefused
from services.loads import pickups, stops
from services.loads.pickups import NotAPickup
from services.loads.reports import FACTS, Report
from services.loads.stops import AssignmentEnded, PickupNotConfirmed, StopOutOfOrder

blueprint = Blueprint(
    "stops",
    __name__,
    url_prefix="/v1/stops",
    description="Stops. Send the facts of a load in order. A fact that comes too early"
    " is answered 409 and changes nothing; send it again after the facts before it. No"
    " time and no place that a phone claims is refused for its value, so that one wrong"
    " report never stops those after it: what cannot be right is kept, and `flags` says"
    " so. Only another form is refused, such as text in place of a number. A"
    " dispatcher can report what the phone cannot.",
)


class ClaimedPlaceIn(ma.Schema):
    """Where the phone was, as it says. Numbers out of range are not refused: a place
    that is none, or where no truck can be, is flagged, and a negative accuracy or speed
    means unknown. Other members are ignored."""

    lat = Number(
        required=True,
        validate=validate.Range(-90, 90),
        metadata={"description": "degrees, WGS 84"},
    )
    lon = Number(
        required=True,
        validate=validate.Range(-180, 180),
        metadata={"description": "degrees, WGS 84"},
    )
    accuracy_m = amount(load_default=None, allow_none=True)
    speed_mps = amount(load_default=None, allow_none=True)


class ClaimedPlace(fields.Nested):
    """A `ClaimedPlaceIn` whose numbers never refuse it; `lat` and `lon` are None if it
    is no place. What has not its form is refused."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            return super()._deserialize(value, *args, **kwargs)
        said = {
            "lat": _within(value.get("lat"), 90),
            "lon": _within(value.get("lon"), 180),
            "accuracy_m": _amount(value.get("accuracy_m")),
            "speed_mps": _amount(value.get("speed_mps")),
        }
        if None not in (said["lat"], said["lon"]):
            return super()._deserialize(said, *args, **kwargs)
        # The form of the other numbers is still looked at.
        filled = {name: 0 if part is None else part for name, part in said.items()}
        found = super()._deserialize(filled, *args, **kwargs)
        return found | {"lat": None, "lon": None, "speed_mps": said["speed_mps"]}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(value: Any, most: float) -> Any:  # noqa: ANN401 - what JSON has
    """Return the value, None for a number that is not within +-`most`."""
    return None if _is_number(value) and not abs(value) <= most else value


def _amount(value: Any) -> Any:  # noqa: ANN401 - what JSON has
    """Return the value, None for a negative number, the largest for a larger one."""
    if not _is_number(value):
        return value
    return min(value, LARGEST) if value >= 0 else None


class ReportIn(ma.Schema):
    """What a phone reports. `occurred_at` may lie well in the past; `sent_at` is the
    phone's time when it sends, so that a wrong clock can be corrected."""

    occurred_at = ClaimedTime(required=True)
    sent_at = ClaimedTime(load_default=None, allow_none=True)
    position = ClaimedPlace(ClaimedPlaceIn, load_default=None, allow_none=True)


class DepartureIn(ReportIn):
    """A departure. With `release_reason`, a dispatcher lets the truck leave a pickup
    that the shipper has not confirmed."""

    release_reason = words(OverrideReason, load_default=None, allow_none=True)
    release_note = note()


class ConfirmationIn(ma.Schema):
    """What was loaded, as the shipper counted it."""

    confirmed_at = Time(load_default=None, allow_none=True)
    confirmed_by = line(required=True, metadata={"example": "R. Meyer, dock 4"})
    pieces = count(load_default=None, allow_none=True)
    weight_kg = count(load_default=None, allow_none=True)
    seal_number = line(60, load_default=None, allow_none=True)
    bol_number = line(60, load_default=None, allow_none=True)


def report_of(body: dict[str, Any]) -> Report:
    """Return the report in a request's body."""
    place = body["position"]
    if place is None:
        return Report(body["occurred_at"], body["sent_at"])
    if place["lat"] is None:
        return Report(
            body["occurred_at"],
            body["sent_at"],
            speed_mps=place["speed_mps"],
            is_on_road=False,
        )
    point = Point(place["lat"], place["lon"])
    return Report(
        body["occurred_at"],
        body["sent_at"],
        point,
        place["accuracy_m"],
        place["speed_mps"],
        # Broken receivers send (0, 0).
        ROADS_SOUTH <= point.lat <= ROADS_NORTH and point != Point(0, 0),
    )


def _with_flags(session: OrmSession, stop: Stop, act: StopAct) -> Reported:
    """Return the stop with the flags that the caller's company has about this fact."""
    return Reported(stop, flags.flags_of(session, actor(), stop.id, FACTS[act]))


@blueprint.route("/<uuid:stop_id>/arrival")
class ArrivalView(MethodView):
    """The fact that the truck arrived at a stop."""

    @requires(Permission.STOPS_REPORT, finishes_loads=True)
    @raises(NotFound, AssignmentEnded, StopOutOfOrder, LoadMoveRefused)
    @blueprint.arguments(ReportIn)
    @blueprint.doc(operationId="arrive_at_stop")
    @blueprint.response(200, ReportedStopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Reported:
        """Arrive at a stop; at the last one a search before the drop follows."""
        at: datetime = now()
        after: timedelta = current_app.extensions["arrived_search_after"]
        report = report_of(body)
        with Session.begin() as session:
            stop = stops.arrive(
                session, actor(), stop_id, report, search_after=after, now=at
            )
            return _with_flags(session, stop, StopAct.ARRIVE)


@blueprint.route("/<uuid:stop_id>/completion")
class CompletionView(MethodView):
    """The fact that a stop is done."""

    @requires(Permission.STOPS_REPORT, finishes_loads=True)
    @raises(NotFound, AssignmentEnded, StopMoveRefused, LoadMoveRefused)
    @blueprint.arguments(ReportIn)
    @blueprint.doc(operationId="complete_stop")
    @blueprint.response(200, ReportedStopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Reported:
        """Complete a stop; the last one starts the search for a backhaul."""
        at: datetime = now()
        with Session.begin() as session:
            stop = stops.complete(session, actor(), stop_id, report_of(body), now=at)
            return _with_flags(session, stop, StopAct.COMPLETE)


@blueprint.route("/<uuid:stop_id>/departure")
class DepartureView(MethodView):
    """The fact that the truck left."""

    @requires(Permission.STOPS_REPORT, finishes_loads=True)
    @raises(
        NotFound,
        AssignmentEnded,
        StopMoveRefused,
        LoadMoveRefused,
        PickupNotConfirmed,
        Invalid,
    )
    @blueprint.arguments(DepartureIn)
    @blueprint.doc(operationId="depart_from_stop")
    @blueprint.response(200, ReportedStopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Reported:
        """Depart from a stop; from a pickup once the shipper has confirmed."""
        at: datetime = now()
        reason: OverrideReason | None = body["release_reason"]
        report = report_of(body)
        with Session.begin() as session:
            if reason is None:
                stop = stops.depart(session, actor(), stop_id, report, now=at)
            else:
                why = Why(reason, body["release_note"])
                stop = release_departure(session, actor(), stop_id, report, why, now=at)
            return _with_flags(session, stop, StopAct.DEPART)


@blueprint.route("/<uuid:stop_id>/pickup-confirmation")
class PickupConfirmationView(MethodView):
    """The shipper's confirmation of a pickup."""

    @requires(Permission.PICKUPS_CONFIRM, finishes_loads=True)
    @raises(NotFound, NotAPickup, StopOutOfOrder, LoadMoveRefused, Forbidden, ClockSkew)
    @blueprint.arguments(ConfirmationIn)
    @blueprint.doc(operationId="confirm_pickup")
    @blueprint.response(200, FullStopOut)
    def put(self, body: dict[str, Any], stop_id: UUID) -> Stop:
        """Confirm what was picked up; a difference from the load is recorded."""
        at: datetime = now()
        body["confirmed_at"] = body["confirmed_at"] or at
        with Session.begin() as session:
            return pickups.confirm(session, actor(), stop_id, **body, now=at)
