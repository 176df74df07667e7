"""The app's routes: all of them, and the one of the current request."""

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask, current_app, request
from flask.views import MethodView
from werkzeug.routing import Rule

Operation = tuple[Rule, str, Any]


def operations(app: Flask) -> Iterator[Operation]:
    """Yield (rule, method, view function) of every route, except HEAD and OPTIONS."""
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        for method in sorted(methods):
            yield rule, method, _view(app, rule, method)


def current_view() -> Any:  # noqa: ANN401 - a view function, or None
    """Return the view function of this request; None if there is no such route."""
    rule, method = request.url_rule, request.method
    if rule is None or method not in (rule.methods or set()) or method == "OPTIONS":
        return None
    return _view(current_app, rule, "GET" if method == "HEAD" else method)


def document_path(rule: Rule) -> str:
    """Return the rule as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _view(app: Flask, rule: Rule, method: str) -> Any:  # noqa: ANN401
    view = app.view_functions[rule.endpoint]
    kind = getattr(view, "view_class", None)
    if kind is not None and issubclass(kind, MethodView):
        return getattr(kind, method.lower())
    return view
