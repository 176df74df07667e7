"""People of the caller's company."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.auth import actor, requires
from api.bodies import Blueprint
from api.fields import Time, line, words
from api.lists import PageArgs, page, page_of
from api.problems import raises
from db import Session
from errors import Invalid
from freight.roles import Role
from models.organisations import Member
from services import members
from services.actors import Permission
from services.members import LoginTaken
from services.passwords import SHORTEST_PASSWORD

blueprint = Blueprint(
    "members", __name__, url_prefix="/v1/members", description="People."
)


class MemberIn(ma.Schema):
    """A person to add. E-mail or phone, whichever he signs in with."""

    name = line(required=True, metadata={"example": "Dana Ortiz"})
    email = fields.Email(validate=validate.Length(max=254))
    phone = line(30, metadata={"example": "+1 312 555 0142"})
    password = fields.String(
        required=True, validate=validate.Length(SHORTEST_PASSWORD, 200)
    )
    roles = fields.List(
        words(Role), required=True, validate=validate.Length(1, len(Role))
    )
    locale = line(20, load_default="en")


class MemberOut(ma.Schema):
    """A person of the company."""

    id = fields.UUID()
    name = fields.String()
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    roles = fields.List(fields.String())
    locale = fields.String()
    created_at = Time()


@blueprint.route("")
class MembersView(MethodView):
    """The company's people."""

    @requires(Permission.MEMBERS_READ)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, page_of(MemberOut, "Member"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's people."""
        with Session() as session:
            query = members.visible_members(actor())
            return page(session, query, Member.id, **args)

    @requires(Permission.MEMBERS_MANAGE)
    @raises(LoginTaken, Invalid)
    @blueprint.arguments(MemberIn)
    @blueprint.response(201, MemberOut)
    def post(self, body: dict[str, Any]) -> Member:
        """Add a person; a driver also gets his driver row."""
        with Session.begin() as session:
            return members.add_member(session, actor(), **body)
