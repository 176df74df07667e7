"""The caller's password and second factor, and new passwords by mail."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel.answers import Answer
from api.kernel.auth import actor, claims, keyring, public, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time, line
from api.kernel.problems import raises
from runtime.db import Session
from runtime.errors import Invalid
from services.kernel.actors import Permission
from services.people import lockouts, passwords, resets, second_factors
from services.people.lockouts import AccountLocked
from services.people.passwords import SHORTEST_PASSWORD
from services.people.resets import ResetOver
from services.people.second_factors import (
    Enrolment,
    SecondFactorActive,
    SecondFactorWrong,
)

blueprint = Blueprint(
    "credentials",
    __name__,
    url_prefix="/v1/me",
    description="Passwords and second factors.",
)
resets_blueprint = Blueprint(
    "password-resets",
    __name__,
    url_prefix="/v1/password-resets",
    description="New passwords by mail.",
)


def new_password() -> fields.String:
    """Return the field of a password to set."""
    return fields.String(
        required=True, validate=validate.Length(SHORTEST_PASSWORD, 200)
    )


class CurrentPassword(ma.Schema):
    """The current password."""

    current_password = fields.String(required=True, validate=validate.Length(1, 200))


class PasswordChange(CurrentPassword):
    """The current password and the new one."""

    new_password = new_password()


class ResetIn(ma.Schema):
    """E-mail or phone."""

    login = line(required=True, metadata={"example": "dana@example.com"})


class ResetCompletion(ma.Schema):
    """The mailed token, and the new password."""

    token = line(100, required=True)
    new_password = new_password()


class Code(ma.Schema):
    """Six digits of the authenticator app; for removal, a recovery code works too."""

    code = line(50, required=True)


class EnrolmentOut(Answer):
    """What the authenticator app needs, shown only once. `uri` is for a QR code."""

    secret = fields.String()
    uri = fields.String()


class RecoveryOut(Answer):
    """Ten codes that each work once in place of the app, shown only once."""

    recovery_codes = fields.List(fields.String())


class FactorOut(Answer):
    """Whether the second factor is on, and since when."""

    confirmed_at = Time(allow_none=True)
    recovery_codes_left = fields.Integer()


@blueprint.route("/password")
class PasswordView(MethodView):
    """The caller's password."""

    @requires(Permission.PROFILE_READ)
    @raises(Invalid, AccountLocked)
    @blueprint.arguments(PasswordChange)
    @blueprint.doc(operationId="change_password")
    @blueprint.response(204)
    def put(self, body: dict[str, Any]) -> None:
        """Change your password; all your other sign-ins end."""
        old_hash = _checked_hash(body)
        new_hash = passwords.hash_password(body["new_password"])
        with Session.begin() as session:
            resets.change(
                session,
                actor(),
                old_hash=old_hash,
                new_hash=new_hash,
                family_id=claims().family_id,
                now=now(),
            )


@blueprint.route("/second-factor")
class FactorView(MethodView):
    """The caller's second factor."""

    @requires(Permission.FACTORS_ENROL)
    @raises()
    @blueprint.doc(operationId="get_second_factor")
    @blueprint.response(200, FactorOut)
    def get(self) -> dict[str, Any]:
        """Show whether your second factor is on."""
        with Session() as session:
            factor = second_factors.state_of(session, actor())
        return {
            "confirmed_at": factor.confirmed_at if factor else None,
            "recovery_codes_left": len(factor.recovery_hashes) if factor else 0,
        }

    @requires(Permission.FACTORS_ENROL)
    @raises(Invalid, SecondFactorActive, AccountLocked)
    @blueprint.arguments(CurrentPassword)
    @blueprint.doc(operationId="enrol_second_factor")
    @blueprint.response(201, EnrolmentOut)
    def post(self, body: dict[str, Any]) -> Enrolment:
        """Get a secret for your authenticator app; confirm it with a first code.

        Your password is asked again, and wrong ones count with those of
        `change_password`.
        """
        checked_hash = _checked_hash(body)
        with Session.begin() as session:
            return second_factors.enrol(
                session, actor(), keyring(), checked_hash=checked_hash
            )


@blueprint.route("/second-factor/confirmation")
class FactorConfirmation(MethodView):
    """The fact that the factor is on."""

    @requires(Permission.FACTORS_ENROL)
    @raises(SecondFactorWrong, SecondFactorActive, AccountLocked)
    @blueprint.arguments(Code)
    @blueprint.doc(operationId="confirm_second_factor")
    @blueprint.response(200, RecoveryOut)
    def put(self, body: dict[str, Any]) -> dict[str, Any]:
        """Turn your second factor on with a first code; keep the recovery codes."""
        _count_factor()
        with Session.begin() as session:
            codes = second_factors.confirm(
                session, actor(), keyring(), code=body["code"], now=now()
            )
            lockouts.forgive(session, _factor_guard())
        return {"recovery_codes": codes}


@blueprint.route("/second-factor/removal")
class FactorRemoval(MethodView):
    """The fact that the factor is off."""

    @requires(Permission.FACTORS_ENROL)
    @raises(SecondFactorWrong, AccountLocked)
    @blueprint.arguments(Code)
    @blueprint.doc(operationId="remove_second_factor")
    @blueprint.response(204)
    def post(self, body: dict[str, Any]) -> None:
        """Turn your second factor off, with one of its codes or a recovery code."""
        _count_factor()
        with Session.begin() as session:
            second_factors.remove(
                session, actor(), keyring(), code=body["code"], now=now()
            )
            lockouts.forgive(session, _factor_guard())


@resets_blueprint.route("")
class ResetsView(MethodView):
    """Resets that were asked for."""

    @public
    @raises()
    @resets_blueprint.arguments(ResetIn)
    @resets_blueprint.doc(operationId="request_password_reset")
    @resets_blueprint.response(202)
    def post(self, body: dict[str, Any]) -> None:
        """Ask for a new password.

        If the account has an e-mail, a letter goes there. The answer is the same if
        there is no such account.
        """
        with Session.begin() as session:
            resets.ask(session, keyring(), body["login"])


@resets_blueprint.route("/completion")
class ResetCompletionView(MethodView):
    """The fact that a new password was set."""

    @public
    @raises(ResetOver)
    @resets_blueprint.arguments(ResetCompletion)
    @resets_blueprint.doc(operationId="complete_password_reset")
    @resets_blueprint.response(204)
    def post(self, body: dict[str, Any]) -> None:
        """Set a new password with the mailed token; all your sign-ins end."""
        with Session() as session:
            resets.check_open(session, body["token"], now=now())
        new_hash = passwords.hash_password(body["new_password"])
        with Session.begin() as session:
            resets.complete(session, token=body["token"], new_hash=new_hash, now=now())


def _checked_hash(body: dict[str, Any]) -> str:
    """Return the stored hash of the caller's password, which the body gives.

    Wrong ones are counted, so that a stranger at a device where a member is signed in
    cannot guess.

    Raises: AccountLocked, Invalid.
    """
    guarded = f"password:{actor().member_id}"
    with Session.begin() as session:
        lockouts.count_attempt(session, guarded, now=now())
        stored = resets.password_hash_of(session, actor())
    if not passwords.matches(stored, body["current_password"]):
        raise Invalid("#/current_password", "That is not your password.")
    with Session.begin() as session:
        lockouts.forgive(session, guarded)
    return stored


def _factor_guard() -> str:
    return f"factor:{actor().member_id}"


def _count_factor() -> None:
    """Limit the guesses of a stranger at a device where a member is signed in."""
    with Session.begin() as session:
        lockouts.count_attempt(session, _factor_guard(), now=now())
