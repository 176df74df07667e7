"""Inviting people into the caller's company."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer, known
from api.kernel.auth import actor, keyring, public, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time, line, words
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from api.kernel.proofs import shown_proof, takes_proof
from api.people.sign_ins import TokensOut
from freight.roles import Role
from models.people.credentials import Invitation
from runtime.db import Session
from runtime.errors import IdTaken, Invalid, NotFound
from services.kernel.actors import Permission
from services.kernel.standing import OrganisationSuspended
from services.people import invitations
from services.people.families import Tokens
from services.people.invitations import InvitationOver, Invited
from services.people.members import LoginTaken
from services.people.passwords import SHORTEST_PASSWORD, hash_password
from services.people.proofs import ProofInvalid

blueprint = Blueprint(
    "invitations",
    __name__,
    url_prefix="/v1/invitations",
    description="Inviting people.",
)


class InvitationIn(ma.Schema):
    """The person to invite, with the e-mail or phone that they will sign in with."""

    name = line(required=True, metadata={"example": "Dana Ortiz"})
    email = fields.Email(validate=validate.Length(max=254))
    phone = line(30, metadata={"example": "+1 312 555 0142"})
    roles = fields.List(
        words(Role), required=True, validate=validate.Length(1, len(Role))
    )
    locale = line(20, load_default="en")


class InvitationOut(Answer):
    """An invitation. It is open until `expires_at`, unless it was accepted or withdrawn
    before."""

    id = fields.UUID()
    name = fields.String()
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    roles = fields.List(known(Role))
    locale = fields.String()
    invited_by = fields.UUID()
    created_at = Time()
    expires_at = Time()
    accepted_at = Time(allow_none=True)
    withdrawn_at = Time(allow_none=True)
    member_id = fields.UUID(allow_none=True)


class InvitedOut(Answer):
    """The invitation, and its token, which is shown only once."""

    invitation = fields.Nested(InvitationOut)
    token = fields.String()


class Acceptance(ma.Schema):
    """The token, the chosen password and the phone; a browser has no `device_id`."""

    token = line(100, required=True)
    password = fields.String(
        required=True, validate=validate.Length(SHORTEST_PASSWORD, 200)
    )
    device_id = fields.UUID(load_default=None)


@blueprint.route("")
class InvitationsView(MethodView):
    """The company's invitations."""

    @requires(Permission.MEMBERS_MANAGE)
    @raises()
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="list_invitations")
    @blueprint.response(200, page_of(InvitationOut, "Invitation"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the company's invitations, also those that are over."""
        with Session() as session:
            query = invitations.visible_invitations(actor())
            return page(session, query, Invitation.id, **args)

    @requires(Permission.MEMBERS_MANAGE)
    @raises(LoginTaken, Invalid)
    @blueprint.arguments(InvitationIn)
    @blueprint.doc(operationId="invite_member")
    @blueprint.response(201, InvitedOut)
    def post(self, body: dict[str, Any]) -> Invited:
        """Invite a person.

        If there is an e-mail, a letter brings the token there. Otherwise pass the token
        on yourself.
        """
        with Session.begin() as session:
            return invitations.invite(session, actor(), keyring(), **body, now=now())


@blueprint.route("/<uuid:invitation_id>")
class InvitationView(MethodView):
    """One invitation."""

    @requires(Permission.MEMBERS_MANAGE)
    @raises(NotFound, InvitationOver)
    @blueprint.doc(operationId="withdraw_invitation")
    @blueprint.response(204)
    def delete(self, invitation_id: UUID) -> None:
        """Withdraw an invitation."""
        with Session.begin() as session:
            invitations.withdraw(session, actor(), invitation_id, now=now())


@blueprint.route("/acceptance")
class InvitationAcceptance(MethodView):
    """The fact that the person has joined the company."""

    @public
    @raises(InvitationOver, LoginTaken, OrganisationSuspended, IdTaken, ProofInvalid)
    @takes_proof
    @blueprint.arguments(Acceptance)
    @blueprint.doc(operationId="accept_invitation")
    @blueprint.response(201, TokensOut)
    def post(self, body: dict[str, Any]) -> Tokens:
        """Accept an invitation: set a password, enrol this phone and sign in."""
        proof = shown_proof()
        with Session() as session:
            invitations.check_open(session, body["token"], now=now())
        password_hash = hash_password(body["password"])
        with Session.begin() as session:
            return invitations.accept(
                session,
                keyring(),
                token=body["token"],
                password_hash=password_hash,
                device_id=body["device_id"],
                proof=proof,
                now=now(),
            )
