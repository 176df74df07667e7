"""Errors over HTTP: RFC 9457, one renderer, a closed list of codes."""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import marshmallow as ma
from flask import Flask, Response, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from api.fields import json_value
from errors import DomainError
from telemetry import log, trace_id

CONTENT_TYPE = "application/problem+json"

HTTP_CODES = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "request-timeout",
    413: "body-too-large",
    414: "url-too-long",
    415: "unsupported-media-type",
    422: "invalid-request",
    431: "headers-too-large",
    500: "internal-error",
    503: "unavailable",
}
"""The codes of problems that no use case raises."""


class FieldError(ma.Schema):
    """What is wrong with one field."""

    pointer = ma.fields.String(metadata={"description": "RFC 6901, '#' is the body"})
    detail = ma.fields.String()


class Problem(ma.Schema):
    """RFC 9457 problem details. Branch on `type` or `code`; both never change."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    code = ma.fields.String(required=True)
    detail = ma.fields.String()
    trace_id = ma.fields.String()
    errors = ma.fields.List(ma.fields.Nested(FieldError))


def problem(
    status: int,
    code: str,
    title: str,
    detail: str | None = None,
    *,
    extra: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the one form every error has."""
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "trace_id": trace_id(),
    }
    if detail:
        body["detail"] = detail
    body |= extra or {}
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
    """Render what a use case refused."""
    return problem(
        error.status,
        error.code,
        error.title,
        error.detail,
        extra=error.extra,
        headers=error.headers,
    )


def answer_http_error(error: HTTPException) -> Response:
    """Render what Flask, webargs or flask-smorest refused."""
    status = error.code or 500
    data: dict[str, Any] = getattr(error, "data", None) or {}
    extra = {}
    if messages := data.get("errors") or data.get("messages"):
        extra["errors"] = list(pointers(messages))
    detail = data.get("message") or error.description
    if status == 500:
        detail = "It is logged under this trace id."
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() in {"allow", "retry-after"}
    }
    return problem(
        status,
        HTTP_CODES.get(status, f"http-{status}"),
        error.name,
        detail,
        extra=extra,
        headers=headers,
    )


def answer_bug(error: Exception) -> Response:
    """Log what nobody expected; the caller learns only the trace id."""
    log().error("http.bug", route=str(request.url_rule), exc_info=error)
    return problem(
        500,
        "internal-error",
        "Internal server error",
        "It is logged under this trace id.",
    )


def answer_database_down(error: OperationalError) -> Response:
    """Tell a phone to come back; nothing was written."""
    log().error("http.database_unavailable", error=type(error.orig).__name__)
    return problem(
        503,
        "unavailable",
        "The service is not available",
        "Please try again in a moment; nothing was changed.",
        headers={"Retry-After": "5"},
    )


def register(app: Flask) -> None:
    """Answer every error with a problem."""
    app.register_error_handler(DomainError, answer_domain_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(OperationalError, answer_database_down)
    app.register_error_handler(Exception, answer_bug)


View = TypeVar("View", bound=Callable[..., Any])


def raises(*errors: type[DomainError]) -> Callable[[View], View]:
    """Declare which problems a view answers with; the document lists them."""

    def mark(view: View) -> View:
        view.problems = errors  # type: ignore[attr-defined]
        return view

    return mark
