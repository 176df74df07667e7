"""The caller's company: where it may go, and what a kilometre and an hour cost it."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, known
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.fields import (
    Time,
    cents_per_hour,
    cents_per_km,
    countries,
    sort_countries,
)
from api.kernel.problems import raises
from api.kernel.versions import edits, precondition, shows_version
from freight.costs import COST_CENTS_PER_KM, HOUR_CENTS
from models.people.organisations import Organisation, OrganisationKind, Verification
from runtime.db import Session
from services.kernel.actors import Permission
from services.people import members, organisations

blueprint = Blueprint(
    "organisation",
    __name__,
    url_prefix="/v1/organisation",
    description="Your company, where it may go, and its costs.",
)

MAY_GO = (
    "ISO 3166-1: where it may carry freight; null if that is only its `country`."
    " Freight goes where both the company and the driver may: if only one of them names"
    " a country, freight there is refused (`country_not_allowed`)"
)


class OrganisationOut(Answer):
    """A company, and what the register says about it."""

    id = fields.UUID()
    name = fields.String()
    kind = known(OrganisationKind)
    usdot_number = fields.String(allow_none=True)
    mc_number = fields.String(allow_none=True)
    country = fields.String(
        metadata={"description": "ISO 3166-1: where its trucks are registered"}
    )
    verification = known(Verification)
    verification_source = fields.String(allow_none=True)
    verification_at = Time(allow_none=True)
    suspended_at = Time(allow_none=True)


class OwnOrganisationOut(OrganisationOut):
    """Your company with its countries and costs, which no other company sees. A cost
    whose `..._is_default` is true is our default."""

    countries = fields.List(
        fields.String(), allow_none=True, metadata={"description": MAY_GO}
    )
    cost_cents_per_km = fields.Function(
        lambda company: (
            COST_CENTS_PER_KM
            if company.cost_cents_per_km is None
            else company.cost_cents_per_km
        ),
        metadata={"type": "number"},
    )
    cost_is_default = fields.Function(
        lambda company: company.cost_cents_per_km is None, metadata={"type": "boolean"}
    )
    hour_cents = fields.Function(
        lambda company: (
            HOUR_CENTS if company.hour_cents is None else company.hour_cents
        ),
        metadata={"type": "integer"},
    )
    hour_is_default = fields.Function(
        lambda company: company.hour_cents is None, metadata={"type": "boolean"}
    )


class OrganisationIn(ma.Schema):
    """The fields to change; the others stay. Null brings the default back."""

    countries = countries(MAY_GO)
    cost_cents_per_km = cents_per_km(
        allow_none=True,
        metadata={
            "description": "what another kilometre costs: fuel, wear, pay by the mile;"
            " without what is fixed",
            "example": 96.9,
        },
    )
    hour_cents = cents_per_hour(
        allow_none=True,
        metadata={
            "description": "what an hour of a truck and its driver is worth",
            "example": 2_000,
        },
    )

    @ma.post_load
    def _plain(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        sort_countries(data)
        return data


@blueprint.route("")
class OrganisationView(MethodView):
    """The caller's company."""

    @requires(Permission.ORGANISATION_READ)
    @raises()
    @blueprint.doc(operationId="get_organisation")
    @blueprint.response(200, OwnOrganisationOut)
    @shows_version
    def get(self) -> Organisation:
        """Show your company with its countries and costs."""
        with Session() as session:
            return members.organisation_of(session, actor())

    @requires(Permission.ORGANISATION_MANAGE)
    @raises()
    @blueprint.arguments(OrganisationIn)
    @blueprint.doc(operationId="edit_organisation")
    @blueprint.response(200, OwnOrganisationOut)
    @shows_version
    @edits
    def patch(self, body: dict[str, Any]) -> Organisation:
        """Change where your company may go, and what a kilometre and an hour cost it.

        A truck's own costs come first. Loads that are booked stay so; searches and
        bookings from now on are asked by the new countries.
        """
        with Session.begin() as session:
            return organisations.edit_own(session, actor(), precondition(), **body)
