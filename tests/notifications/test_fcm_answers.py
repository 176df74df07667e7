"""The meaning of each answer of FCM, also of those that the fake does not give."""

import json

import pytest
from requests import Response

from notifications.fcm_answers import error_from
from notifications.gateway import (
    PayloadRefused,
    ProviderMisconfigured,
    TargetGone,
    TryLater,
    WrongProject,
)
from tests.notifications.samples import NOON

FCM = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def answer(status: int, body: object) -> Response:
    response = Response()
    response.status_code = status
    is_raw = isinstance(body, bytes)
    response._content = body if is_raw else json.dumps(body).encode()
    return response


def google(sentence: str, code: str | None = None, *fields: str) -> dict:
    details: list[dict] = []
    if code:
        details.append({"@type": FCM, "errorCode": code})
    if fields:
        violations = [{"field": field, "description": ""} for field in fields]
        details.append({"@type": BAD_REQUEST, "fieldViolations": violations})
    return {"error": {"message": sentence, "status": "X", "details": details}}


NOT_VALID = "The registration token is not a valid FCM registration token"
INVALID = "Request contains an invalid argument."


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, google("", "UNREGISTERED"), TargetGone),
        (400, google(NOT_VALID, "INVALID_ARGUMENT"), TargetGone),
        (400, google(INVALID, "INVALID_ARGUMENT", "message.token"), TargetGone),
        (400, google(INVALID, "INVALID_ARGUMENT", "message.fid"), TargetGone),
        (403, google("", "SENDER_ID_MISMATCH"), WrongProject),
        (401, google("", "THIRD_PARTY_AUTH_ERROR"), ProviderMisconfigured),
        (401, google(""), ProviderMisconfigured),
        (403, google(""), ProviderMisconfigured),
        (429, google("", "QUOTA_EXCEEDED"), TryLater),
        (500, google("", "INTERNAL"), TryLater),
        (503, google("", "UNAVAILABLE"), TryLater),
        (504, google(""), TryLater),
        (408, google(""), TryLater),
        (409, google(""), TryLater),
        (413, google(""), PayloadRefused),
        (400, google(INVALID), PayloadRefused),
    ],
)
def test_each_answer_has_the_outcome_of_the_table(status, body, expected) -> None:
    assert type(error_from(answer(status, body), NOON)) is expected


@pytest.mark.parametrize(
    "body",
    [
        google("Android message is too big", "INVALID_ARGUMENT"),
        google("Recipient of the message is not set.", "INVALID_ARGUMENT", "message"),
        google(INVALID, "INVALID_ARGUMENT", "message.android.ttl"),
        google(INVALID, "INVALID_ARGUMENT", "message.token", "message.data"),
        google(NOT_VALID, None, "message.data[0].value"),
    ],
)
def test_an_invalid_payload_never_marks_a_device_as_dead(body) -> None:
    assert type(error_from(answer(400, body), NOON)) is PayloadRefused


def test_a_404_that_is_not_about_the_phone_does_not_mark_it_as_dead() -> None:
    body = google("Requested entity was not found.")

    assert type(error_from(answer(404, body), NOON)) is ProviderMisconfigured


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 418, 429, 500, 502])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Not here</html>",
        b"\xff\xfe\xfa",
        b'{"error": {"code"',
        [],
        None,
        {"error": None},
        {"error": "UNREGISTERED"},
        {"errors": []},
    ],
)
def test_an_answer_not_in_googles_format_means_try_later(status, body) -> None:
    assert type(error_from(answer(status, body), NOON)) is TryLater


@pytest.mark.parametrize(
    "details",
    [None, "x", [None, 3, "x"], [{}], [{"@type": FCM, "errorCode": 5}], {"a": 1}],
)
@pytest.mark.parametrize("violations", [None, 5, ["x"], [{"field": ["message"]}]])
def test_unknown_details_do_not_raise(details, violations) -> None:
    if isinstance(details, list):
        details = [
            *details,
            {"@type": FCM, "errorCode": "INVALID_ARGUMENT"},
            {"@type": BAD_REQUEST, "fieldViolations": violations},
        ]
    body = {"error": {"message": None, "details": details}}

    assert type(error_from(answer(400, body), NOON)) is PayloadRefused
