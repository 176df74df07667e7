"""Queries of addresses: a parameter that the operation does not know is refused."""

from collections.abc import Callable
from typing import Any

from flask import request
from webargs.flaskparser import abort


def parameters_of(view: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the query parameters that the view declares."""
    declared = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ())
    schemas = [each["schema"] for each in declared if each["in"] == "query"]
    return frozenset(name for schema in schemas for name in schema().fields)


def refuse_unknown(known: frozenset[str]) -> None:
    """Answer 422 if the query has parameters that are not among the known ones.

    A misspelt filter that is ignored would answer more than was asked for.
    """
    unknown = [name for name in request.args if name not in known]
    if unknown:
        names = ", ".join(f"`{name}`" for name in sorted(known))
        told = f"Known parameters: {names}." if known else "It has no parameters."
        messages = {name: [f"Unknown parameter. {told}"] for name in unknown}
        abort(422, messages={"query": messages})
