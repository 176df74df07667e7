"""Who asks too often: what is counted for each request, and the headers that tell."""

import hmac
from ipaddress import ip_address

from flask import Flask, Response, current_app, g, request

from api.routes import current_view
from config import Settings
from db import Hand, Session, acting
from services.limits import RateLimited, Rule, Verdict, take
from services.tokens import Claims, Keyring

POLICY_HEADER = "RateLimit-Policy"
STATE_HEADER = "RateLimit"
"""Source: draft-ietf-httpapi-ratelimit-headers-11, a draft: its names are here only."""

ACCEPTANCE = "/acceptance"
METERED = "/v1/"
"""The rest is for those who run it: probes and pages."""


def rules_of(settings: Settings) -> dict[str, Rule]:
    """Return the rule of each name; a name that is switched off is not there."""
    quotas = {
        "person": settings.LIMIT_PERSON_PER_MIN,
        "device": settings.LIMIT_DEVICE_PER_MIN,
        "address": settings.LIMIT_ADDRESS_PER_MIN,
        "lists": settings.LIMIT_LISTS_PER_MIN,
        "accepts": settings.LIMIT_ACCEPTS_PER_MIN,
    }
    return {name: Rule(quota) for name, quota in quotas.items() if quota}


def meter_member(claims: Claims) -> None:
    """Count this request of somebody with a valid token.

    The sign-in family stands for the device.

    Raises: RateLimited.
    """
    person = str(claims.member_id)
    keys = {"person": person, "device": str(claims.family_id)}
    rule = request.url_rule
    if rule is not None and rule.rule.endswith(ACCEPTANCE):
        keys["accepts"] = person
    elif rule is not None and request.method in {"GET", "HEAD"} and not rule.arguments:
        keys["lists"] = person
    _spend(keys)


def meter_stranger() -> None:
    """Count this request of an address that shows no valid token.

    Raises: RateLimited.
    """
    keys: Keyring = current_app.extensions["keyring"]
    # An address is personal, and there are few enough to try them all.
    words = f"rate-limits {_network(request.remote_addr)}".encode()
    _spend({"address": hmac.digest(keys.refresh[0], words, "sha256").hex()})


def register(app: Flask, settings: Settings) -> None:
    """Meter the routes that anybody may call; tell everybody how much is left."""
    app.extensions["limits"] = rules_of(settings)

    @app.before_request
    def meter_public() -> None:
        is_public = getattr(current_view(), "permission", "undeclared") is None
        if is_public and request.path.startswith(METERED):
            meter_stranger()

    @app.after_request
    def tell(response: Response) -> Response:
        verdicts: list[Verdict] = g.get("verdicts", [])
        if verdicts:
            response.headers[POLICY_HEADER] = ", ".join(
                f'"{it.name}";q={it.rule.quota};w={it.rule.window_s}' for it in verdicts
            )
            response.headers[STATE_HEADER] = ", ".join(
                f'"{it.name}";r={it.remaining};t={it.reset_s}' for it in verdicts
            )
        return response


def _spend(keys: dict[str, str]) -> None:
    """Take one from each, in a transaction of its own: a refusal must be kept too."""
    rules: dict[str, Rule] = current_app.extensions["limits"]
    g.verdicts = verdicts = []
    counted = [name for name in sorted(keys) if name in rules]
    if not counted:
        return
    with acting(Hand.NOBODY), Session.begin() as session:
        for name in counted:
            verdict = take(session, name, keys[name], rules[name])
            verdicts.append(verdict)
            if not verdict.is_allowed:
                break
    if not verdicts[-1].is_allowed:
        raise RateLimited(verdicts[-1])


def _network(address: str | None) -> str:
    """Return whose address it is: an IPv6 customer has a /64 to himself."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if found.version == 6:
        return str(found.ipv4_mapped or int(found) >> 64)
    return str(found)
