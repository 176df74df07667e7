"""What the stand-in takes, and what it answers: as FCM does, or as a target says.

A phone's target chooses what happens to a push to it: `<scenario>-<anything>`, with a
count and an argument if wanted: `<scenario><times>-<argument>-<anything>`. With a
count, only that many first requests to the target get the scenario, the rest get `ok`.
The argument of a failure is its Retry-After in seconds; without one there is none.
Every other target is `ok`. So `unavail2-anna` answers 503 twice and then accepts,
`quota1-3-anna` answers 429 with `Retry-After: 3` once, `slow-2.5-anna` takes 2.5 s.

    ok        200 and the phone receives the message
    unreg     404 UNREGISTERED
    badtok    400 INVALID_ARGUMENT about the registration
    payload   400 INVALID_ARGUMENT about a field of the message
    mismatch  403 SENDER_ID_MISMATCH
    apns      401 THIRD_PARTY_AUTH_ERROR
    denied    403 PERMISSION_DENIED, no FcmError: our account lacks the role
    quota     429 QUOTA_EXCEEDED
    quotadate the same, its Retry-After as an HTTP date
    unavail   503 UNAVAILABLE
    internal  500 INTERNAL
    slow      accepts after the argument's seconds (default 1), even if the caller left
    reset     resets the connection instead of answering
    html      502 with a page of HTML
    oddhtml   200 with a page of HTML (a captive portal)
    odd       503 with an `error` that is not an object, and bytes that are not UTF-8
    cut       503 with a body that ends before its Content-Length
    cutok     accepts, but the 200's body ends before its Content-Length
    revoked   401 UNAUTHENTICATED, and the caller's access token is revoked; once if
              no count is given

The token endpoint (POST /token) works until `token_mode` (PUT /token-mode) says
otherwise: `down` 503, `refused` 400 invalid_grant, `html` 200 with HTML, `reset`, or
`slow` (answers after `token_delay_s`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from math import ceil
from typing import Any

PAYLOAD_LIMIT_BYTES = 4096
TTL_LIMIT_S = 28 * 86_400
COLLAPSE_ID_LIMIT_BYTES = 64
TARGET_FIELDS = ("token", "fid", "topic", "condition")
MESSAGE_FIELDS = frozenset(
    {"name", "data", "notification", "android", "webpush", "apns", "fcm_options"}
    | set(TARGET_FIELDS)
)
RESERVED_KEYS = re.compile(r"^(from|message_type|gcm|gcm\..*|google.*)$")
TTL = re.compile(r"^(\d+)(\.\d{1,9})?s$")

HTML = b"<!DOCTYPE html><html><title>Error</title><p>Try again in 30 seconds.</html>"

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
RPC_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""Source: cloud.google.com/apis/design/errors."""


@dataclass(frozen=True)
class Answer:
    """What goes back: a status with a JSON body, or a body of other bytes."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()
    is_cut: bool = False
    is_reset: bool = False


@dataclass(frozen=True)
class Scenario:
    """What a target asks for by its name."""

    name: str
    times: int | None
    argument: str | None


def refusal(
    status: int, sentence: str, code: str | None = None, field: str | None = None
) -> Answer:
    """Return an error in Google's format.

    code: FCM's own word for it, in a detail of its own.
    field: the malformed field, in another.
    """
    details: list[object] = []
    if field is not None:
        violations = [{"field": field, "description": sentence}]
        details.append({"@type": BAD_REQUEST, "fieldViolations": violations})
    if code is not None:
        details.append({"@type": FCM_ERROR, "errorCode": code})
    error = {"code": status, "message": sentence, "status": RPC_CODES[status]}
    return Answer(status, {"error": error | ({"details": details} if details else {})})


_QUOTA = refusal(429, "Quota exceeded.", "QUOTA_EXCEEDED")
REVOKED = refusal(401, "Request had invalid authentication credentials.")
_BAD_TOKEN = "The registration token is not a valid FCM registration token"
_NOT_A_STRING = "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"
_NO_ROLE = "Permission 'cloudmessaging.messages.create' denied"
_APNS_KEY = "Auth error from APNS or Web Push Service"

# Sentences as FCM writes them. Source: FCM guides, "REST error codes for HTTP v1".
FAILURES: Mapping[str, Answer] = {
    "unreg": refusal(404, "Requested entity was not found.", "UNREGISTERED"),
    "badtok": refusal(400, _BAD_TOKEN, "INVALID_ARGUMENT"),
    "payload": refusal(400, _NOT_A_STRING, field="message.data[0].value"),
    "mismatch": refusal(403, "SenderId mismatch", "SENDER_ID_MISMATCH"),
    "apns": refusal(401, _APNS_KEY, "THIRD_PARTY_AUTH_ERROR"),
    "denied": refusal(403, _NO_ROLE),
    "quota": _QUOTA,
    "quotadate": _QUOTA,
    "unavail": refusal(503, "The service is unavailable.", "UNAVAILABLE"),
    "internal": refusal(500, "Internal error encountered.", "INTERNAL"),
    "reset": Answer(0, b"", is_reset=True),
    "html": Answer(502, HTML),
    "oddhtml": Answer(200, HTML),
    "odd": Answer(503, b'{"error": "\xff\xfe"}'),
    "cut": Answer(503, b'{"error": {"code"', is_cut=True),
    "revoked": REVOKED,
}
SUCCESSES = frozenset({"ok", "slow", "cutok"})


def scenario_of(target: str) -> Scenario:
    """Return the scenario that `target` names, `ok` if it names none."""
    found = re.match(r"([a-z]+)(\d*)-(?:(\d+(?:\.\d+)?)-)?", target)
    if found is None or found[1] not in SUCCESSES | set(FAILURES):
        return Scenario("ok", None, None)
    default = 1 if found[1] == "revoked" else None
    return Scenario(found[1], int(found[2]) if found[2] else default, found[3])


def failure_of(scenario: Scenario, at: float) -> Answer:
    """Return the answer of a failing scenario, with Retry-After if it has one.

    at: now, in seconds since the epoch.
    """
    retry_after = scenario.argument
    if scenario.name == "quotadate":
        # Rounded up: a date has whole seconds and must not come too early.
        retry_after = formatdate(ceil(at + float(retry_after or 1)), usegmt=True)
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return replace(FAILURES[scenario.name], headers=headers)


class Malformed(Exception):
    """FCM would refuse this request."""

    def __init__(self, field: str, sentence: str, *, has_code: bool = False) -> None:
        super().__init__(sentence)
        self.field = field
        self.has_code = has_code


def check_message(message: object) -> tuple[str, str]:
    """Return the kind and value of the target if FCM would take this message.

    Source: FCM reference, Message and ErrorCode; Apple, "Sending notification
    requests to APNs", for the headers.

    Raises: Malformed.
    """
    if not isinstance(message, dict):
        raise Malformed("message", "Message is not an object")
    for field in sorted(set(message) - MESSAGE_FIELDS):
        raise Malformed(f"message.{field}", f'Unknown name "{field}" at "message"')
    targets = [field for field in TARGET_FIELDS if message.get(field)]
    if not targets:
        sentence = "Recipient of the message is not set."
        raise Malformed("message", sentence, has_code=True)
    if len(targets) > 1:
        raise Malformed("message", "Message has more than one recipient")
    _check_strings("message.data", message.get("data", {}))
    for key in message.get("data", {}):
        if RESERVED_KEYS.match(key):
            raise Malformed("message.data", f"Invalid data payload key: {key}")
    _check_android(message.get("android", {}))
    _check_apns(message.get("apns", {}))
    payload = {k: v for k, v in message.items() if k not in TARGET_FIELDS}
    if len(json.dumps(payload, ensure_ascii=False).encode()) > PAYLOAD_LIMIT_BYTES:
        raise Malformed("message", "Android message is too big", has_code=True)
    return targets[0], str(message[targets[0]])


def _check_strings(field: str, found: object) -> None:
    if not isinstance(found, dict) or not all(
        isinstance(value, str) for value in found.values()
    ):
        raise Malformed(field, f"Invalid value at '{field}' (TYPE_STRING)")


def _check_android(android: Mapping[str, Any]) -> None:
    ttl = android.get("ttl")
    if ttl is not None:
        found = TTL.match(str(ttl))
        if found is None or int(found[1]) > TTL_LIMIT_S:
            raise Malformed("message.android.ttl", f"Invalid TTL: {ttl}")
    if str(android.get("priority", "normal")).lower() not in ("normal", "high"):
        raise Malformed("message.android.priority", "Invalid priority")
    visibility = android.get("notification", {}).get("visibility", "PRIVATE")
    if visibility not in ("PRIVATE", "PUBLIC", "SECRET"):
        raise Malformed("message.android.notification.visibility", "Invalid value")


def _check_apns(apns: Mapping[str, Any]) -> None:
    headers = apns.get("headers", {})
    _check_strings("message.apns.headers", headers)
    collapse_id = headers.get("apns-collapse-id", "")
    if len(collapse_id.encode()) > COLLAPSE_ID_LIMIT_BYTES:
        raise Malformed("message.apns.headers", "apns-collapse-id is too long")
    if not headers.get("apns-expiration", "0").isdigit():
        raise Malformed("message.apns.headers", "apns-expiration is not a number")
    is_background = headers.get("apns-push-type") == "background"
    if is_background and headers.get("apns-priority") != "5":
        raise Malformed("message.apns.headers", "background needs apns-priority 5")
