"""JSON bodies: read, and found fit to be kept, before a schema sees them."""

import re
from typing import Any

import marshmallow as ma
from flask import Request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import ValidationError
from webargs.core import is_json
from webargs.flaskparser import FlaskParser, abort

MAYBE_UNSTORABLE = re.compile(rb"\\u(0000|d[89a-f])", re.IGNORECASE)
"""JSON can carry both only as escapes, so most bodies need no closer look."""


class BodyParser(FlaskParser):
    """Finds a body fit to be kept before a schema sees it.

    A body that is no JSON is a 415 or a 400. Text that PostgreSQL cannot hold is a
    422 wherever it is, unless the schema `keeps_no_text`.
    """

    def load_json(self, req: Request, schema: ma.Schema) -> Any:  # noqa: ANN401
        raw = req.get_data(cache=True)
        if raw and not is_json(req.mimetype):
            abort(415)
        keeps_text = not getattr(schema, "keeps_no_text", False)
        try:
            body = super().load_json(req, schema)
            needs_look = keeps_text and MAYBE_UNSTORABLE.search(raw)
            found = _unstorable(body) if needs_look else None
        except (RecursionError, ValueError) as error:
            # Nested too deep, or a number of thousands of digits.
            abort(400, exc=error, messages={"json": ["Invalid JSON body."]})
        if found:
            refused = ValidationError({"json": found})
            abort(422, exc=refused, messages=refused.messages, schema=schema)
        return body


class Blueprint(SmorestBlueprint):
    """A blueprint whose views are handed such bodies."""

    ARGUMENTS_PARSER = BodyParser()


def _unstorable(value: object) -> Any:  # noqa: ANN401 - messages nest as the body
    """Return the messages for NUL and lone surrogates, None if there are none."""
    found: dict[Any, Any]
    match value:
        case str():
            is_bad = any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
            return ["NUL and lone surrogates are not text."] if is_bad else None
        case dict():
            found = {k: _unstorable(v) or _unstorable(k) for k, v in value.items()}
        case list():
            found = {i: _unstorable(v) for i, v in enumerate(value)}
        case _:
            return None
    return {k: messages for k, messages in found.items() if messages} or None
