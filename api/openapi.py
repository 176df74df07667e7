"""The document: what flask-smorest cannot know by itself, and the offline /docs."""

from collections.abc import Iterator
from typing import Any

from flask import Flask
from flask.views import MethodView
from flask_smorest import Api
from werkzeug.routing import Rule

from api.problems import CONTENT_TYPE, Problem
from errors import DomainError, Forbidden, Unauthenticated
from services.standing import OrganisationSuspended

Operation = tuple[Rule, str, Any]
ALWAYS = {400: "malformed-request", 500: "internal-error", 503: "unavailable"}


def operations(app: Flask) -> Iterator[Operation]:
    """Yield (rule, method, view function) of every route that is ours."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        view_class = getattr(view, "view_class", None)
        for method in sorted(methods):
            if view_class is not None and issubclass(view_class, MethodView):
                yield rule, method, getattr(view_class, method.lower())
            else:
                yield rule, method, view


def complete(api: Api, app: Flask) -> None:
    """Add ids, permissions and problems to every operation of the document."""
    paths = api.spec.to_dict()["paths"]
    for rule, method, view in operations(app):
        path = _openapi_path(rule)
        if path in paths and method.lower() in paths[path]:
            operation = api.spec._paths[path][method.lower()]
            operation["operationId"] = _operation_id(rule, method)
            permission = getattr(view, "permission", None)
            operation["security"] = [{"bearer": []}] if permission else []
            if permission:
                operation["x-permission"] = permission.value
            _add_problems(operation, view, permission is not None)
    # Nothing refers to flask-smorest's own any more, and their names follow Python's
    # release (3.13 renamed 422).
    api.spec.components.responses.clear()


def _openapi_path(rule: Rule) -> str:
    path = rule.rule
    for name in rule.arguments:
        path = path.replace(f"<uuid:{name}>", f"{{{name}}}")
    return path


def _operation_id(rule: Rule, method: str) -> str:
    noun = rule.endpoint.replace(".", "_").replace("-", "_").removesuffix("View")
    return f"{method.lower()}_{noun}"


def _add_problems(operation: dict[str, Any], view: Any, is_guarded: bool) -> None:  # noqa: ANN401
    codes: dict[int, set[str]] = {status: {code} for status, code in ALWAYS.items()}
    errors: list[type[DomainError]] = list(getattr(view, "problems", ()))
    if is_guarded:
        errors += [Unauthenticated, Forbidden, OrganisationSuspended]
    for error in errors:
        codes.setdefault(error.status, set()).add(error.code)
    if "requestBody" in operation:
        codes.setdefault(422, set()).add("invalid-request")
        codes.setdefault(413, set()).add("body-too-large")
        codes.setdefault(415, set()).add("unsupported-media-type")
    elif any(p.get("in") == "query" for p in operation.get("parameters", [])):
        codes.setdefault(422, set()).add("invalid-request")
    responses = operation["responses"]
    responses.pop("default", None)
    for status, names in sorted(codes.items()):
        responses[str(status)] = {
            "description": ", ".join(sorted(names)),
            "content": {
                CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }


def describe(api: Api) -> None:
    """Register what every operation refers to."""
    api.spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    api.spec.components.schema("Problem", schema=Problem)
