"""The caller: the bearer token, the actor, the permission of each route."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, g, request

from api.kernel import limits, queries
from api.kernel.clock import now
from runtime.db import Hand, Session, Tenant, acting
from runtime.errors import Forbidden, Unauthenticated
from services.kernel.actors import Actor, Permission
from services.kernel.cursors import derived
from services.kernel.standing import OrganisationSuspended, check_may_finish
from services.people import sign_in
from services.people.tokens import Claims, Keyring, read_access_token

View = TypeVar("View", bound=Callable[..., Any])


def keyring() -> Keyring:
    """Return the process's keys."""
    keys: Keyring = current_app.extensions["keyring"]
    return keys


def cursor_keys() -> tuple[bytes, ...]:
    """Return the keys of cursors: the first signs, all are accepted."""
    return derived(keyring().refresh)


def actor() -> Actor:
    """Return the signed-in member of this request."""
    member: Actor = g.actor
    return member


def claims() -> Claims:
    """Return what the token of this request says."""
    token_claims: Claims = g.claims
    return token_claims


def requires(
    permission: Permission, *, finishes_loads: bool = False
) -> Callable[[View], View]:
    """Allow only members whose roles grant `permission`.

    The outermost decorator, so that strangers learn nothing from validation.

    finishes_loads: a suspended company may use the route while it has a load underway.
        The service answers of those loads only.
    """

    def guard(view: View) -> View:
        known = queries.parameters_of(view)

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any view
            try:
                g.claims = read_access_token(
                    keyring(), bearer(request.headers.get("Authorization")), now=now()
                )
                asked = limits.asked_of(g.claims)
                g.actor, g.allowances = sign_in.enter(g.claims, asked)
            except Unauthenticated as error:
                # A phone that was signed out must not use up its owner's quota.
                limits.meter_refused(error)
                raise
            with acting(Tenant(g.claims.org_id, g.claims.member_id)):
                limits.refuse()
                if g.actor.is_suspended:
                    _check_finishing(g.actor, finishes_loads)
                if not g.actor.may(permission):
                    raise Forbidden(f"Your role does not grant {permission}.")
                queries.refuse_unknown(known)
                return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        guarded.finishes_loads = finishes_loads  # type: ignore[attr-defined]
        return cast(View, guarded)

    return guard


def _check_finishing(member: Actor, finishes_loads: bool) -> None:
    """Raise OrganisationSuspended, unless this route may finish a load of theirs."""
    if not finishes_loads:
        raise OrganisationSuspended
    with Session() as session:
        check_may_finish(session, member.org_id, deny_within=deny_within())


def deny_within() -> timedelta:
    """Return how long after its delivery a poster may deny a load."""
    within: timedelta = current_app.extensions["deny_delivery"]
    return within


def public(view: View) -> View:
    """Mark a view that needs no token; its transactions act for no company."""
    known = queries.parameters_of(view)

    @wraps(view)
    def opened(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any view
        queries.refuse_unknown(known)
        with acting(Hand.NOBODY):
            return view(*args, **kwargs)

    opened.permission = None  # type: ignore[attr-defined]
    return cast(View, opened)


def bearer(authorization: str | None) -> str:
    """Return the token of an Authorization header.

    Raises: Unauthenticated.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()
