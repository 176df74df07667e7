"""Signing in, refreshing, signing out."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.auth import claims, keyring, public, requires
from api.bodies import Blueprint
from api.clock import now
from api.fields import line
from api.problems import raises
from db import Session, Tenant, acting
from errors import Unauthenticated
from services import identity
from services.actors import Permission
from services.identity import TokenReused, Tokens, WrongCredentials

blueprint = Blueprint(
    "sessions", __name__, url_prefix="/v1/sessions", description="Signing in."
)


class SignIn(ma.Schema):
    """E-mail or phone, and the password."""

    login = line(required=True, metadata={"example": "dana@example.com"})
    password = fields.String(required=True, validate=validate.Length(1, 200))


class Refresh(ma.Schema):
    """The newest refresh token."""

    refresh_token = line(300, required=True)


class TokensOut(ma.Schema):
    """Tokens. Ask for the next pair before `expires_in_s` is over."""

    access_token = fields.String()
    refresh_token = fields.String()
    expires_in_s = fields.Integer()
    member_id = fields.UUID()
    token_type = fields.Constant("Bearer")


@blueprint.route("")
class SessionsView(MethodView):
    """A sign-in."""

    @public
    @raises(WrongCredentials)
    @blueprint.arguments(SignIn)
    @blueprint.response(201, TokensOut)
    def post(self, body: dict[str, Any]) -> Tokens:
        """Sign in."""
        with Session() as session:
            account = identity.find_account(session, body["login"])
        member_id = identity.check_password(account, body["password"])
        assert account.org_id is not None
        with acting(Tenant(account.org_id, member_id)), Session.begin() as session:
            return identity.sign_in(session, keyring(), member_id, now=now())

    @requires(Permission.PROFILE_READ)
    @raises()
    @blueprint.response(204)
    def delete(self) -> None:
        """Sign out: this sign-in's tokens end."""
        with Session.begin() as session:
            identity.end_family(session, claims().family_id, "signed out", now())


@blueprint.route("/refresh")
class RefreshView(MethodView):
    """The next pair of tokens."""

    @public
    @raises(Unauthenticated, TokenReused)
    @blueprint.arguments(Refresh)
    @blueprint.response(200, TokensOut)
    def post(self, body: dict[str, Any]) -> Tokens:
        """Get a new access token and the next refresh token; a lost answer can be
        asked for again."""
        try:
            with Session.begin() as session:
                return identity.refresh(
                    session, keyring(), token=body["refresh_token"], now=now()
                )
        except TokenReused as error:
            with Session.begin() as session:
                identity.end_family(session, error.family_id, error.code, now())
            raise
