"""Errors over HTTP: RFC 9457, one renderer, a closed list of codes."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import marshmallow as ma
from flask import Flask, Response, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from api.kernel.answers import Answer, Vocabulary, known, sometimes, values_of
from api.kernel.fields import Time, json_value
from freight.lifecycles import LoadStatus, OfferStatus, StopStatus
from runtime.errors import DomainError, Invalid, NotFound
from runtime.telemetry import log, trace_id

CONTENT_TYPE = "application/problem+json"

TOO_LARGE = "54"
"""SQLSTATE class "program limit exceeded": a later attempt fails too; it is our bug."""

HTTP_PROBLEMS = {
    400: ("malformed-request", "The request cannot be read"),
    404: (NotFound.code, NotFound.title),
    405: ("method-not-allowed", "The address does not allow this method"),
    408: ("body-too-slow", "The body did not arrive in time"),
    413: ("body-too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body is not JSON"),
    422: (Invalid.code, Invalid.title),
    431: ("headers-too-large", "The headers are too large"),
    500: ("internal-error", "Internal server error"),
    503: ("unavailable", "The service is not available"),
}
"""Code and title of the problems that no use case raises."""

DETAILS = {
    400: "Send a well-formed request; a body is JSON in UTF-8.",
    404: "There is nothing at this address.",
    405: "Use a method that the Allow header lists.",
    408: "Send the body faster, or in smaller parts.",
    413: "Send a smaller body.",
    415: "Send the body as application/json.",
    422: "See `errors`.",
    431: "Send fewer or shorter headers, and a shorter address.",
    500: "The error is logged under this trace id.",
    503: "Please try again in a moment, with the same Idempotency-Key if there is one.",
}

RETRY_AFTER_S = "5"
"""How long a client should wait after a 503."""

CURRENT = Vocabulary(
    "CurrentStatus",
    values_of(LoadStatus, StopStatus, OfferStatus),
    "The status of a load, a stop or an offer.",
)


class FieldError(Answer):
    """What is wrong with one field."""

    pointer = ma.fields.String(
        metadata={"description": "RFC 6901, '#' is the body or the query"}
    )
    detail = ma.fields.String()


class Problem(Answer):
    """RFC 9457 problem details. Branch on `type` or `code`; both never change. Some
    codes have members of their own."""

    class Meta:
        """Clients must ignore members they do not know (RFC 9457 3.2)."""

        unknown = ma.INCLUDE

    type = ma.fields.String()
    title = ma.fields.String()
    status = ma.fields.Integer()
    code = ma.fields.String()
    detail = ma.fields.String()
    trace_id = ma.fields.String()
    errors = sometimes(
        ma.fields.List(ma.fields.Nested(FieldError)),
        "if parts of the request are wrong",
    )
    current_status = sometimes(
        known(CURRENT), "if the status of a load, stop or offer forbids the request"
    )
    load_status = sometimes(
        known(LoadStatus), "with some `assignment-ended`: as it was then"
    )
    open_stop_id = sometimes(ma.fields.UUID(), "with `stop-out-of-order`")
    device_id = sometimes(ma.fields.UUID(allow_none=True), "with `device-not-approved`")
    server_time = sometimes(Time(), "with `clock-skew`")
    reason = sometimes(ma.fields.String(), "if `GET /readyz` is not ready")
    # By name: offers and what is booked are above the kernel.
    objections = sometimes(
        ma.fields.List(ma.fields.Nested("ObjectionOut")), "with `objections`"
    )
    next_offer = sometimes(
        ma.fields.Nested("OfferOut", allow_none=True), "with `offer-taken`"
    )


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    extra: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return an error in the one form that all errors have."""
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "trace_id": trace_id(),
        **(extra or {}),
    }
    return Response(
        json.dumps(body, default=json_value),
        status=status,
        content_type=CONTENT_TYPE,
        headers=headers,
    )


def pointers(messages: object, path: str = "#") -> Iterator[dict[str, str]]:
    """Yield one {pointer, detail} for each message of a nested validation error."""
    match messages:
        case dict():
            for name, inner in messages.items():
                step = str(name).replace("~", "~0").replace("/", "~1")
                is_source = path == "#" and name in {"json", "query", "_schema"}
                yield from pointers(inner, path if is_source else f"{path}/{step}")
        case list():
            for inner in messages:
                yield from pointers(inner, path)
        case _:
            yield {"pointer": path, "detail": str(messages)}


def answer_domain_error(error: DomainError) -> Response:
    """Return the answer for an error that a use case raised."""
    return problem(
        error.status,
        error.code,
        error.title,
        error.detail,
        extra=error.extra,
        headers=error.headers,
    )


def answer_http_error(error: HTTPException) -> Response:
    """Return the answer for an error of Flask, webargs or flask-smorest."""
    status = error.code if error.code in HTTP_PROBLEMS else _nearest(error.code)
    data: dict[str, Any] = getattr(error, "data", None) or {}
    extra = {}
    if messages := data.get("errors") or data.get("messages"):
        extra["errors"] = list(pointers(messages))
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() in {"allow", "retry-after"}
    }
    return standard_problem(status, extra=extra, headers=headers)


def _nearest(status: int | None) -> int:
    """Return a listed status for one that is not, to keep the list of codes closed."""
    return 400 if status is not None and status < 500 else 500


def answer_bug(error: Exception) -> Response:
    """Log an unexpected error; the answer tells only the trace id."""
    log().error("http.bug", route=str(request.url_rule), exc_info=error)

    return standard_problem(500)


def answer_database_down(error: OperationalError | PoolTimeout) -> Response:
    """Answer 503 with Retry-After: the client should send the request again.

    The connection may have ended after the commit; only another attempt shows that.
    """
    origin = getattr(error, "orig", error)
    if (getattr(origin, "sqlstate", None) or "").startswith(TOO_LARGE):
        return answer_bug(error)
    log().error("http.database_unavailable", error=type(origin).__name__)
    return standard_problem(503, headers={"Retry-After": RETRY_AFTER_S})


def standard_problem(
    status: int,
    *,
    extra: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the problem of an HTTP status, for an error that no use case raised."""
    code, title = HTTP_PROBLEMS[status]
    return problem(status, code, title, DETAILS[status], extra=extra, headers=headers)


def register(app: Flask) -> None:
    """Answer every error with a problem."""
    app.register_error_handler(DomainError, answer_domain_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(OperationalError, answer_database_down)
    app.register_error_handler(PoolTimeout, answer_database_down)
    app.register_error_handler(Exception, answer_bug)


View = TypeVar("View", bound=Callable[..., Any])


def raises(*errors: type[DomainError]) -> Callable[[View], View]:
    """Declare which problems a view may answer with; the document lists them."""

    def mark(view: View) -> View:
        view.problems = errors  # type: ignore[attr-defined]
        return view

    return mark
