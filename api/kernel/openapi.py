"""The OpenAPI document: what flask-smorest cannot know by itself."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask
from flask_smorest import Api
from werkzeug.routing import Rule

from api.kernel.problems import CONTENT_TYPE, HTTP_PROBLEMS, Problem
from api.kernel.routes import document_path, operations
from api.kernel.schemas import MORE, describe_schemas, teach, without_null
from runtime.errors import DomainError, Forbidden, NotFound, Unauthenticated
from services.kernel.actors import PERMISSIONS, Permission
from services.kernel.cursors import CursorInvalid, CursorMismatch
from services.kernel.limits import RateLimited
from services.kernel.standing import OrganisationSuspended
from services.people.proofs import LONGEST_PROOF

JSON = "application/json"
TEXT = {"type": "string"}
REQUEST_HEADERS: dict[str, dict[str, Any]] = {
    "DPoP": {
        "description": "A proof of the phone's key: a JWT as RFC 9449 says, by ES256,"
        " with `jwk` in its header, and `htm`, `htu` and a new `jti`. If the request"
        " has a refresh token or an invitation's token, `ath` is the base64url SHA-256"
        " of it. A sign-in has none: its proof has the `nonce` of the DPoP-Nonce"
        " header, which comes with `proof-nonce-needed`. Times in a proof are not"
        " read. The first proof of a sign-in gives the phone its key, which never"
        " changes; a sign-in begun without a key does not get one.",
        "schema": TEXT | {"maxLength": LONGEST_PROOF},
    },
    "Idempotency-Key": {
        "description": "New for each request, the same when it is sent again: the"
        " effect happens once, and the first answer is given again for 7 days.",
        "schema": TEXT | {"minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    },
    "If-Match": {
        "description": "The ETag of the version to change. `*` and weak tags match"
        " nothing.",
        "schema": TEXT,
    },
    "If-None-Match": {
        "description": "GET: 304 if you have this version or answer. PUT: `*` creates,"
        " and never replaces.",
        "schema": TEXT,
    },
}
ETAG = {"description": "Of the version or answer shown; opaque.", "schema": TEXT}
REPLAYED = {"description": "`true` on an answer given before.", "schema": TEXT}
ALWAYS = (400, 422, 431, 500, 503)
RETRY_AFTER = {
    "description": "seconds to wait before the next attempt",
    "schema": {"type": "integer"},
}
WITH_A_BODY = (408, 413, 415)

EXAMPLES = Path(__file__).with_name("examples.json")
"""Requests and answers of the tests, by operation: `make examples` writes it."""

Known = dict[str, dict[str, Any]]
"""Title and statuses of each code that may be answered."""

__all__ = ["complete", "describe", "operations"]


def complete(api: Api, app: Flask) -> Known:
    """Add permissions, headers, examples and problems to every operation.

    Return every problem there is.
    """
    paths = api.spec.to_dict()["paths"]
    examples = json.loads(EXAMPLES.read_text())
    known: Known = {}
    for status in HTTP_PROBLEMS:
        _learn(known, status, *HTTP_PROBLEMS[status])
    for rule, method, view in operations(app):
        path = document_path(rule)
        if path in paths and method.lower() in paths[path]:
            operation = api.spec._paths[path][method.lower()]
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = without_null(parameter["schema"])
            _add_permission(operation, getattr(view, "permission", None))
            if hasattr(view, "deprecation"):
                operation["deprecated"] = True
            _add_headers(operation, view, method)
            _add_examples(operation, examples.get(operation["operationId"], {}))
            _add_problems(operation, _errors_of(rule, view, operation), known)
    describe_schemas(api)
    code = api.spec.components.schemas["Problem"]["properties"]["code"]
    code["enum"] = sorted(known)
    told = "\n".join(f"- `{name}`: {known[name]['title']}." for name in sorted(known))
    code["description"] = f"{told}\n\n{MORE}"
    # Nothing refers to flask-smorest's own responses any more, and their names depend
    # on Python's release (3.13 renamed 422).
    api.spec.components.responses.clear()
    for unused in ("Error", "PaginationMetadata"):
        api.spec.components.schemas.pop(unused, None)
    return known


def _learn(known: Known, status: int, code: str, title: str) -> None:
    entry = known.setdefault(code, {"title": title, "statuses": []})
    entry["statuses"] = sorted({*entry["statuses"], status})


def _add_headers(operation: dict[str, Any], view: Any, method: str) -> None:  # noqa: ANN401
    names = []
    if getattr(view, "is_once", False):
        names.append(("Idempotency-Key", True))
    if getattr(view, "is_edit", False):
        names.append(("If-Match", method != "PUT"))
    if method == "PUT" and getattr(view, "is_edit", False):
        names.append(("If-None-Match", False))
    is_versioned = getattr(view, "is_versioned", False)
    if method == "GET" and is_versioned:
        names.append(("If-None-Match", False))
        operation["responses"]["304"] = {
            "description": "You have this version or answer."
        }
    if getattr(view, "takes_proof", False):
        names.append(("DPoP", False))
    for name, is_required in names:
        operation.setdefault("parameters", []).append(
            {"in": "header", "name": name, "required": is_required}
            | REQUEST_HEADERS[name]
        )
    for status, response in operation["responses"].items():
        if is_versioned and status[0] in "23":
            response.setdefault("headers", {})["ETag"] = ETAG
        if getattr(view, "is_once", False) and status[0] == "2":
            response.setdefault("headers", {})["Idempotent-Replayed"] = REPLAYED


def _add_permission(operation: dict[str, Any], permission: Permission | None) -> None:
    words = "Needs no sign-in."
    operation["security"] = []
    if permission:
        roles = sorted(role for role in PERMISSIONS if permission in PERMISSIONS[role])
        words = f"Needs `{permission.value}`: {', '.join(roles)}."
        operation["security"] = [{"bearer": [permission.value]}]
        operation["x-permission"] = permission.value
    told = operation.get("description")
    operation["description"] = f"{told}\n\n{words}" if told else words


def _add_examples(operation: dict[str, Any], example: dict[str, Any]) -> None:
    if "request" in example:
        operation["requestBody"]["content"][JSON]["example"] = example["request"]
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get(JSON)
        if str(status).startswith("2") and content and "response" in example:
            content["example"] = example["response"]


def _errors_of(
    rule: Rule,
    view: Any,  # noqa: ANN401
    operation: dict[str, Any],
) -> list[type[DomainError]]:
    errors: list[type[DomainError]] = list(getattr(view, "problems", ()))
    errors += getattr(view, "promises", ())
    if getattr(view, "permission", None):
        errors += [Unauthenticated, Forbidden, OrganisationSuspended]
    if any(p.get("name") == "cursor" for p in operation.get("parameters", [])):
        errors += [CursorInvalid, CursorMismatch]
    if rule.arguments:
        # An address with a malformed id answers 404.
        errors.append(NotFound)
    if rule.rule.startswith("/v1/"):
        errors.append(RateLimited)
    return errors


def _add_problems(
    operation: dict[str, Any], errors: list[type[DomainError]], known: Known
) -> None:
    codes: dict[int, set[str]] = {}
    for error in errors:
        codes.setdefault(error.status, set()).add(error.code)
        _learn(known, error.status, error.code, error.title)
    own = [*ALWAYS, *(WITH_A_BODY if "requestBody" in operation else ())]
    for status in own:
        codes.setdefault(status, set()).add(HTTP_PROBLEMS[status][0])
    responses = operation["responses"]
    responses.pop("default", None)
    for status, names in sorted(codes.items()):
        responses[str(status)] = {
            "description": ", ".join(sorted(names)),
            "content": {
                CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            responses[str(status)]["headers"] = {"Retry-After": RETRY_AFTER}


def describe(api: Api) -> None:
    """Register the token scheme and the problem schema, to which operations refer."""
    teach(api)
    api.spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    api.spec.components.schema("Problem", schema=Problem)
