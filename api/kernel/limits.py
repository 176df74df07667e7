"""Rate limits: what is counted for each request, and the headers that report it."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from ipaddress import ip_address
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Flask, Response, current_app, g, request
from sqlalchemy.orm import Session as OrmSession
from werkzeug.exceptions import HTTPException

from api.kernel.bodies import body_word
from api.kernel.routes import current_view
from models.booking.overrides import OverrideKind
from runtime.config import Settings
from runtime.db import Hand, Session, acting
from runtime.errors import DomainError
from services.kernel.limits import Allowance, Asked, RateLimited, Rule, take_each
from services.people.tokens import Claims, Keyring

POLICY_HEADER = "RateLimit-Policy"
STATE_HEADER = "RateLimit"
"""Source: draft-ietf-httpapi-ratelimit-headers-11, a draft that may still rename them,
so the names are written only here."""

ACCEPTANCE = "/acceptance"
OVERRIDE = "/v1/assignments/<uuid:assignment_id>/override"
SEARCHES = "/v1/backhaul-searches"
DESK = frozenset({"/v1/assignments", OVERRIDE, "/v1/overrides"})
"""Where the desk books by POST."""

WAYS_OUT = frozenset(
    {OverrideKind.UNASSIGN, OverrideKind.ABANDON, OverrideKind.TAKE_OVER}
)
"""Overrides that book nothing: a desk over its quota can still end what it has."""

HOUR_S = 3600
METERED = "/v1/"
"""Other paths are not counted: probes and pages for the operator."""


View = TypeVar("View", bound=Callable[..., Any])


def rules_of(settings: Settings) -> dict[str, Rule]:
    """Return the rule of each name, without the rules that are switched off."""
    quotas = {
        "person": settings.LIMIT_PERSON_PER_MIN,
        "device": settings.LIMIT_DEVICE_PER_MIN,
        "address": settings.LIMIT_ADDRESS_PER_MIN,
        "lists": settings.LIMIT_LISTS_PER_MIN,
        "accepts": settings.LIMIT_ACCEPTS_PER_MIN,
        "searches": settings.LIMIT_SEARCHES_PER_MIN,
    }
    rules = {name: Rule(quota) for name, quota in quotas.items() if quota}
    if settings.LIMIT_BOOKINGS_PER_HOUR:
        rules["bookings"] = Rule(settings.LIMIT_BOOKINGS_PER_HOUR, HOUR_S)
    if settings.LIMIT_FIXES_PER_HOUR:
        quota = settings.LIMIT_FIXES_PER_HOUR
        rules["fixes"] = Rule(quota, HOUR_S, counts="fixes")
    return rules


def asked_of(claims: Claims) -> Asked:
    """Return the rules for this request of a member, each with its name and key.

    The sign-in family stands for the device. What books a load is counted for the
    person, and for the company: a driver's acceptance and the desk's booking alike.
    """
    person = str(claims.member_id)
    keys = {"person": person, "device": str(claims.family_id)}
    rule = request.url_rule
    if rule is not None and _books(rule.rule):
        keys |= {"accepts": person, "bookings": str(claims.org_id)}
    elif rule is not None and request.method == "POST" and rule.rule == SEARCHES:
        keys["searches"] = person
    elif rule is not None and request.method in {"GET", "HEAD"} and not rule.arguments:
        keys["lists"] = person
    return _asked(keys)


def meter_refused(error: DomainError | HTTPException) -> None:
    """Count this refused request: by itself if it showed a token of ours that is over,
    else for its address; refuse it if there are too many.

    Many phones share one address: theirs must not count as one stranger. The key of a
    token that is over is not that of a sign-in that goes on.

    Raises: RateLimited.
    """
    counted_as = getattr(error, "counted_as", None)
    if counted_as is None:
        meter_stranger()
        return
    with acting(Hand.NOBODY), Session.begin() as session:
        _meter_device(session, counted_as)


def meter_family(session: OrmSession, family_id: UUID) -> None:
    """Count this request for a sign-in, as `requires` does; refuse it if too many.

    Locks: the key's row, until the transaction ends. Raises: RateLimited.
    """
    _meter_device(session, str(family_id))


def _meter_device(session: OrmSession, key: str) -> None:
    asked = _asked({"device": key})
    g.allowances = take_each(session, asked) if asked else []
    refuse()


def meter_legs(claims: Claims, number: int) -> None:
    """Count each leg of a route but the first as one more request of this member:
    finding the way of twenty stops takes as long as that of many loads.

    The caller holds no connection. Raises: RateLimited.
    """
    asked = [
        (name, key, replace(rule, cost=min(number - 1, rule.quota)))
        for name, key, rule in asked_of(claims)
    ]
    if asked and number > 1:
        with Session.begin() as session:
            g.allowances = take_each(session, asked)
        refuse()


def meter_fixes(session: OrmSession, driver_id: UUID, number: int) -> None:
    """Count so many fixes for a driver, beside the request; refuse all if too many.

    Locks: the key's row, until the transaction ends. Raises: RateLimited.
    """
    asked = [
        (name, key, replace(rule, cost=min(number, rule.quota)))
        for name, key, rule in _asked({"fixes": str(driver_id)})
    ]
    g.allowances += take_each(session, asked) if asked else []
    refuse()


def meters_itself(view: View) -> View:
    """Mark a public view that counts its requests once it has read their tokens.

    One that is refused is counted here, as `meter_refused` does. The outermost
    decorator.
    """

    @wraps(view)
    def metered(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any view
        try:
            return view(*args, **kwargs)
        except RateLimited:
            raise
        except (DomainError, HTTPException) as error:
            meter_refused(error)
            raise

    metered.meters_itself = True  # type: ignore[attr-defined]
    return cast(View, metered)


def meter_stranger() -> None:
    """Count this request without a valid token for its address; refuse it if too many.

    Raises: RateLimited.
    """
    keys: Keyring = current_app.extensions["keyring"]
    # Keyed, as addresses are personal and few enough to find one by trying all.
    words = f"rate-limits {network_of(request.remote_addr)}".encode()
    key = hmac.digest(keys.refresh[0], words, "sha256").hex()
    with acting(Hand.NOBODY), Session.begin() as session:
        asked = _asked({"address": key})
        g.allowances = take_each(session, asked) if asked else []
    refuse()


def refuse() -> None:
    """Raise if a rule has refused this request.

    Raises: RateLimited.
    """
    allowances: list[Allowance] = g.allowances
    if allowances and not allowances[-1].is_allowed:
        raise RateLimited(allowances[-1])


def register(app: Flask, settings: Settings) -> None:
    """Count requests of public routes; say in every counted answer how much is left."""
    app.extensions["limits"] = rules_of(settings)

    @app.before_request
    def meter_public() -> None:
        view = current_view()
        is_public = getattr(view, "permission", "undeclared") is None
        if getattr(view, "meters_itself", False):
            return
        if is_public and request.path.startswith(METERED):
            meter_stranger()

    @app.after_request
    def tell(response: Response) -> Response:
        allowances: list[Allowance] = g.get("allowances", [])
        if allowances:
            response.headers[POLICY_HEADER] = ", ".join(
                f'"{each.name}";q={each.rule.quota};w={each.rule.window_s}'
                for each in allowances
            )
            response.headers[STATE_HEADER] = ", ".join(
                f'"{each.name}";r={each.remaining};t={each.reset_s}'
                for each in allowances
            )
        return response


def _books(path: str) -> bool:
    if path.endswith(ACCEPTANCE):
        return True
    if request.method != "POST" or path not in DESK:
        return False
    return path != OVERRIDE or body_word("kind") not in WAYS_OUT


def _asked(keys: dict[str, str]) -> Asked:
    rules: dict[str, Rule] = current_app.extensions["limits"]
    return [(name, keys[name], rules[name]) for name in sorted(keys) if name in rules]


def network_of(address: str | None) -> str:
    """Return the network of an address: for IPv6 the /64 that one customer has."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if found.version == 6:
        return str(found.ipv4_mapped or int(found) >> 64)
    return str(found)
