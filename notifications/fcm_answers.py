"""What an answer of FCM that is not 2xx means to us."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from requests import RequestException, Response

from notifications.gateway import (
    PayloadRefused,
    ProviderMisconfigured,
    PushError,
    TargetGone,
    TryLater,
    WrongProject,
    parse_retry_after_s,
)

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_TARGET_FIELDS = frozenset({"message.token", "message.fid"})
_APNS_REFUSED = frozenset({"THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR"})


def error_from(response: Response, now: datetime) -> PushError:
    """Return our error for an answer of status 400 or more. Never raises.

    Only an answer of FCM itself can say that a target is gone or a payload is wrong. An
    answer that is not in Google's error format comes from a server in between, and
    means "later".

    Source: FCM reference, ErrorCode; cloud.google.com/apis/design/errors.
    """
    status = response.status_code
    error = _google_error(response)
    code = _fcm_code(error)
    reason = _reason(status, code, error)
    if status == 429 or status == 408 or status >= 500:
        return TryLater(
            reason,
            retry_after_s=_retry_after_s(response, now),
            is_quota=status == 429,
        )
    if error is None:
        return TryLater(reason, retry_after_s=_retry_after_s(response, now))
    if code == "UNREGISTERED" or (
        code == "INVALID_ARGUMENT" and _is_about_the_target(error)
    ):
        return TargetGone(reason)
    if code == "SENDER_ID_MISMATCH":
        return WrongProject(reason)
    if status in (400, 413):
        return PayloadRefused(reason)
    # 401 and 403: keys or roles. 404 that is not UNREGISTERED: no such project.
    if status in (401, 403, 404):
        return ProviderMisconfigured(reason)
    return TryLater(reason, retry_after_s=_retry_after_s(response, now))


def is_apns_refusal(response: Response) -> bool:
    """Say whether a 401 is about the APNs key in the project, not about our token."""
    return (
        response.status_code == 401
        and _fcm_code(_google_error(response)) in _APNS_REFUSED
    )


def _google_error(response: Response) -> Mapping[str, Any] | None:
    try:
        body = response.json()
    except (ValueError, RequestException):  # no JSON, or cut short
        return None
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else None


def _details(error: Mapping[str, Any] | None, kind: str) -> Iterator[dict[str, Any]]:
    for detail in _dicts(error.get("details") if error else None):
        if detail.get("@type") == kind:
            yield detail


def _dicts(found: object) -> list[dict[str, Any]]:
    members = found if isinstance(found, list) else []
    return [member for member in members if isinstance(member, dict)]


def _fcm_code(error: Mapping[str, Any] | None) -> str | None:
    codes = (detail.get("errorCode") for detail in _details(error, _FCM_ERROR))
    return next((code for code in codes if isinstance(code, str)), None)


def _is_about_the_target(error: Mapping[str, Any]) -> bool:
    """Tell a bad registration from a bad payload.

    FCM says INVALID_ARGUMENT for both, also for a message too big or without a
    target. If we took every one for a dead phone, a bug of ours would mark all phones
    as dead. The fields that the answer names decide; without any, its sentence does.
    """
    fields = {
        str(violation.get("field"))
        for detail in _details(error, _BAD_REQUEST)
        for violation in _dicts(detail.get("fieldViolations"))
    }
    if fields:
        return fields <= _TARGET_FIELDS
    sentence = str(error.get("message", "")).lower()
    return "registration" in sentence or "installation" in sentence


def _retry_after_s(response: Response, now: datetime) -> float | None:
    headers = response.headers
    return parse_retry_after_s(headers.get("Retry-After"), headers.get("Date"), now)


def _reason(status: int, code: str | None, error: Mapping[str, Any] | None) -> str:
    if error is None:
        return f"{status}, not in Google's error format"
    sentence = str(error.get("message", ""))[:200]
    return f"{status} {code or error.get('status', '')}: {sentence}"
