"""Query parameters: one that the operation does not know is refused."""

from collections.abc import Callable
from typing import Any

from flask import request
from webargs.flaskparser import abort


def parameters_of(view: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the query parameters that the view declares."""
    declared = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ())
    schemas = [each["schema"] for each in declared if each["in"] == "query"]
    return frozenset(name for schema in schemas for name in schema.fields)


def refuse_unknown(known: frozenset[str]) -> None:
    """Answer 422 if the query has a parameter that is unknown, or one twice.

    A filter that is ignored would answer more than was asked for.
    """
    names = ", ".join(f"`{name}`" for name in sorted(known))
    told = (
        f"Known parameters: {names}."
        if known
        else "This operation has no query parameters."
    )
    messages = {
        name: [f"Unknown parameter. {told}" if name not in known else "Give it once."]
        for name, values in request.args.lists()
        if name not in known or len(values) > 1
    }
    if messages:
        abort(422, messages={"query": messages})
