"""Phones: the caller's own, and those of the caller's company."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer, known
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time, line, words
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from models.people.devices import Device, Enrolment
from models.people.targets import Platform, TargetKind
from runtime.db import Session
from runtime.errors import IdTaken, NotFound
from services.kernel.actors import Permission
from services.people import devices
from services.people.enrolments import DeviceNotApproved

blueprint = Blueprint(
    "devices", __name__, url_prefix="/v1/devices", description="Phones and pushes."
)


company_blueprint = Blueprint(
    "company-devices",
    __name__,
    url_prefix="/v1/company-devices",
    description="Phones of the company's people.",
)

MOST_TARGET = 2000
"""Firebase's tokens have some 160 characters; PostgreSQL indexes at most 2,700."""


class DeviceIn(ma.Schema):
    """Where pushes go. `fid`: Firebase installation id; `token`: registration token."""

    platform = words(Platform, required=True)
    target_kind = words(TargetKind, required=True)
    target = fields.String(
        required=True,
        validate=[
            validate.Length(1, MOST_TARGET),
            validate.Regexp(r"^[!-~]*(?!\n)$", error="Printable ASCII, no spaces."),
        ],
    )
    app_version = line(50, required=True)
    locale = line(20, required=True, metadata={"example": "es-MX"})


class DeviceOut(Answer):
    """A phone. The target itself is never shown again."""

    id = fields.UUID()
    member_id = fields.UUID()
    enrolment = known(Enrolment)
    enrolment_at = Time(allow_none=True)
    has_key = fields.Boolean(
        metadata={
            "description": "it proves its key at each sign-in; without a key, an"
            " approval counts for one sign-in"
        }
    )
    platform = known(Platform, allow_none=True)
    target_kind = known(TargetKind)
    app_version = fields.String()
    locale = fields.String()
    registered_at = Time()
    last_ok_at = Time(allow_none=True)
    dead_at = Time(allow_none=True)
    dead_reason = fields.String(allow_none=True)


class CompanyDevices(PageArgs):
    """Which phones: all, or those in one state."""

    enrolment = words(Enrolment, load_default=None)


@blueprint.route("")
class DevicesView(MethodView):
    """The caller's phones."""

    @requires(Permission.DEVICES_REGISTER, finishes_loads=True)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_devices")
    @blueprint.response(200, page_of(DeviceOut, "Device"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the caller's phones, dead ones too."""
        with Session() as session:
            query = devices.visible_devices(actor())
            return page(session, query, Device.id, **args)


@blueprint.route("/<uuid:device_id>")
class DeviceView(MethodView):
    """One phone; the app makes its id."""

    @requires(Permission.DEVICES_REGISTER, finishes_loads=True)
    @raises(IdTaken, DeviceNotApproved)
    @blueprint.arguments(DeviceIn)
    @blueprint.doc(operationId="register_device")
    @blueprint.response(200, DeviceOut)
    def put(self, body: dict[str, Any], device_id: UUID) -> Device:
        """Register this phone's push target; repeat it at every start of the app.

        Pushes go to the ten phones of a person that registered last.
        """
        with Session.begin() as session:
            return devices.register(session, actor(), device_id, **body, now=now())

    @requires(Permission.DEVICES_REGISTER, finishes_loads=True)
    @raises(NotFound)
    @blueprint.doc(operationId="sign_out_device")
    @blueprint.response(204)
    def delete(self, device_id: UUID) -> None:
        """Sign this phone out: its sign-ins end and pushes to it stop."""
        with Session.begin() as session:
            devices.forget(session, actor(), device_id, now=now())


@blueprint.route("/<uuid:device_id>/approval")
class DeviceApproval(MethodView):
    """Whether the phone's owner may sign in on it."""

    @requires(Permission.DEVICES_APPROVE)
    @raises(NotFound)
    @blueprint.doc(operationId="approve_device")
    @blueprint.response(200, DeviceOut)
    def put(self, device_id: UUID) -> Device:
        """Let the owner sign in on this phone, even while they have a load."""
        with Session.begin() as session:
            return devices.approve(session, actor(), device_id, now=now())

    @requires(Permission.DEVICES_APPROVE)
    @raises(NotFound)
    @blueprint.doc(operationId="revoke_device")
    @blueprint.response(204)
    def delete(self, device_id: UUID) -> None:
        """Revoke the phone: it is signed out until it is approved again."""
        with Session.begin() as session:
            devices.revoke(session, actor(), device_id, now=now())


@company_blueprint.route("")
class CompanyDevicesView(MethodView):
    """The phones of the company's people."""

    @requires(Permission.DEVICES_APPROVE)
    @raises()
    @company_blueprint.arguments(CompanyDevices, location="query")
    @company_blueprint.doc(operationId="list_company_devices")
    @company_blueprint.response(200, page_of(DeviceOut, "CompanyDevice"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the phones of the company's people; `pending` ones wait for you."""
        with Session() as session:
            query = devices.visible_phones(actor(), args.pop("enrolment"))
            return page(session, query, Device.id, **args)
