"""Signing in, refreshing, signing out."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer
from api.kernel.auth import claims, deny_within, keyring, public, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import line
from api.kernel.limits import meter_family, meters_itself
from api.kernel.problems import raises
from api.kernel.proofs import shown_proof, takes_proof
from runtime.db import Session, Tenant, acting
from runtime.errors import IdTaken, Unauthenticated
from services.kernel.actors import Permission
from services.kernel.standing import OrganisationSuspended
from services.people import families, sign_in
from services.people.enrolments import DeviceKeyMismatch, DeviceNotApproved
from services.people.families import (
    DeviceMismatch,
    KeyMismatch,
    StolenToken,
    TokenReused,
    Tokens,
    TokenSuperseded,
)
from services.people.lockouts import AccountLocked
from services.people.proofs import Proof, ProofInvalid, ProofNonceNeeded, check_nonce
from services.people.second_factors import SecondFactorRequired
from services.people.sign_in import Account, HashChanged, WrongCredentials

blueprint = Blueprint(
    "sessions", __name__, url_prefix="/v1/sessions", description="Signing in."
)


class SignIn(ma.Schema):
    """E-mail or phone, and the password."""

    login = line(required=True, metadata={"example": "dana@example.com"})
    password = fields.String(required=True, validate=validate.Length(1, 200))
    device_id = fields.UUID(
        load_default=None,
        metadata={"description": "made by the app; a browser has none"},
    )
    totp = line(
        50,
        load_default=None,
        metadata={"description": "the second factor's code, or a recovery code"},
    )


class Refresh(ma.Schema):
    """The newest refresh token, and the device that signed in."""

    refresh_token = line(300, required=True)
    device_id = fields.UUID(load_default=None)


class TokensOut(Answer):
    """Tokens. Get the next pair before `expires_in_s` seconds have passed."""

    access_token = fields.String()
    refresh_token = fields.String()
    expires_in_s = fields.Integer()
    member_id = fields.UUID()
    token_type = fields.Constant("Bearer")


def _sign_in(body: dict[str, Any], proof: Proof | None) -> Tokens:
    with Session.begin() as session:
        account = sign_in.begin_sign_in(session, body["login"], now=now())
    account = sign_in.check_password(account, body["password"])
    assert account.org_id is not None
    assert account.member_id is not None
    with acting(Tenant(account.org_id, account.member_id)):
        return _open(account, body, proof)


def _open(account: Account, body: dict[str, Any], proof: Proof | None) -> Tokens:
    try:
        with Session.begin() as session:
            return sign_in.sign_in(
                session,
                keyring(),
                account,
                device_id=body["device_id"],
                proof=proof,
                totp=body["totp"],
                deny_within=deny_within(),
                now=now(),
            )
    except DeviceNotApproved as error:
        if error.device_id is not None:
            with Session.begin() as session:
                sign_in.ask_for_device(
                    session, account, error.device_id, proof, now=now()
                )
        raise
    except DeviceKeyMismatch:
        with Session.begin() as session:
            sign_in.record_key_mismatch(session, account, body["device_id"], now=now())
        raise


@blueprint.route("")
class SessionsView(MethodView):
    """A sign-in."""

    @public
    @raises(
        *(WrongCredentials, SecondFactorRequired, AccountLocked),
        *(OrganisationSuspended, DeviceNotApproved, IdTaken),
        *(DeviceKeyMismatch, ProofInvalid, ProofNonceNeeded),
    )
    @takes_proof
    @blueprint.arguments(SignIn)
    @blueprint.doc(operationId="sign_in")
    @blueprint.response(201, TokensOut)
    def post(self, body: dict[str, Any]) -> Tokens:
        """Sign in."""
        proof = shown_proof()
        if proof is not None:
            check_nonce(keyring(), proof, now=now())
        try:
            return _sign_in(body, proof)
        except HashChanged:
            return _sign_in(body, proof)

    @requires(Permission.PROFILE_READ, finishes_loads=True)
    @raises()
    @blueprint.doc(operationId="sign_out")
    @blueprint.response(204)
    def delete(self) -> None:
        """Sign out: the tokens of this sign-in stop working."""
        with Session.begin() as session:
            families.end_family(session, claims().family_id, "signed out", now())


@blueprint.route("/refresh")
class RefreshView(MethodView):
    """The next pair of tokens."""

    @meters_itself
    @public
    @raises(
        *(Unauthenticated, TokenReused, DeviceMismatch, OrganisationSuspended),
        *(KeyMismatch, TokenSuperseded, ProofInvalid),
    )
    @takes_proof
    @blueprint.arguments(Refresh)
    @blueprint.doc(operationId="refresh_tokens")
    @blueprint.response(200, TokensOut)
    def post(self, body: dict[str, Any]) -> Tokens:
        """Get a new access token and the next refresh token.

        If the answer is lost, send the same token again: at any time with a new proof
        of the phone's key, within a minute without one. A later or older use of a token
        ends the sign-in.
        """
        proof = shown_proof()
        try:
            with Session.begin() as session:
                tokens = families.refresh(
                    session,
                    keyring(),
                    token=body["refresh_token"],
                    device_id=body["device_id"],
                    proof=proof,
                    deny_within=deny_within(),
                    now=now(),
                )
                # Before the commit: one that is refused has rotated nothing.
                meter_family(session, tokens.family_id)
                return tokens
        except StolenToken as theft:
            with Session.begin() as session:
                families.end_stolen(session, theft, now())
            raise
