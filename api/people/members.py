"""People of the caller's company."""

from typing import Any

from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, known
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.fields import Time
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from freight.roles import Role
from models.people.organisations import Member
from runtime.db import Session
from services.kernel.actors import Permission
from services.people import members

blueprint = Blueprint(
    "members", __name__, url_prefix="/v1/members", description="People."
)


class MemberOut(Answer):
    """A person of the company."""

    id = fields.UUID()
    name = fields.String()
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    roles = fields.List(known(Role))
    locale = fields.String()
    created_at = Time()


@blueprint.route("")
class MembersView(MethodView):
    """The company's people."""

    @requires(Permission.MEMBERS_READ)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_members")
    @blueprint.response(200, page_of(MemberOut, "Member"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's people."""
        with Session() as session:
            query = members.visible_members(actor())
            return page(session, query, Member.id, **args)
