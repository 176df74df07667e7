"""JSON bodies: inflated, parsed and checked before a schema sees them."""

import json
import re
import zlib
from collections import Counter
from typing import Any

import marshmallow as ma
from flask import Request, request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import ValidationError
from webargs.core import is_json
from webargs.flaskparser import FlaskParser, abort

MAYBE_UNSTORABLE = re.compile(rb"\\u(0000|d[89a-f])", re.IGNORECASE)
"""JSON has NUL and surrogates only as escapes, so few bodies need a closer look."""


MOST_SEPARATORS = 20_000
MOST_LEVELS = 20
MOST_ITEMS = 1_000
"""Limits of one body: commas and opening brackets, levels of nested objects and lists,
and entries of one object or list. A thousand fixes have ten thousand commas. The first
is asked before parsing: a megabyte of empty lists takes a third of a second, in which
no other request goes on."""

SEPARATORS = (b",", b"[", b"{")


class InflatingRequest(Request):
    """A request whose body may be compressed with gzip; `get_data` returns it plain.

    A body beyond the limit, as sent or plain, answers 413, a broken one 400, another
    coding 415.
    """

    plain: bytes | None = None

    def get_data(
        self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False
    ) -> Any:  # noqa: ANN401 - bytes, or text if asked for
        if self.plain is None:
            raw = super().get_data(cache, False, parse_form_data)
            coding = self.headers.get("Content-Encoding", "identity").strip().lower()
            if coding not in {"identity", "gzip"}:
                abort(415)
            self.plain = raw
            if coding == "gzip":
                assert self.max_content_length is not None
                self.plain = _inflated(raw, self.max_content_length)
        return self.plain.decode(errors="replace") if as_text else self.plain


def _inflated(raw: bytes, most_bytes: int) -> bytes:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = stream.decompress(raw, most_bytes + 1)
    except zlib.error:
        abort(400)
    if len(plain) > most_bytes:
        abort(413)
    if not stream.eof or stream.unused_data:
        abort(400)
    return plain


class BodyParser(FlaskParser):
    """Checks a body before a schema sees it.

    A body that is not JSON answers 415 or 400, and one that gives a name twice in one
    object 400. A missing body answers 422. So do too many values, levels or items, and
    text that PostgreSQL cannot store, wherever it is in the body; text is not checked
    if the schema `keeps_no_text`.
    """

    def load_json(self, req: Request, schema: ma.Schema) -> Any:  # noqa: ANN401
        raw = req.get_data(cache=True)
        if raw and not is_json(req.mimetype):
            abort(415)
        if not raw:
            abort(422, messages={"json": ["Send a JSON object."]}, schema=schema)
        if _has_too_many(raw):
            abort(422, messages={"json": ["Too many values."]}, schema=schema)
        keeps_text = not getattr(schema, "keeps_no_text", False)
        try:
            body, is_double = _parsed(raw)
            if is_double:
                abort(400, messages={"json": _doubled(body)})
            needs_look = keeps_text and MAYBE_UNSTORABLE.search(raw)
            found = _oversized(body) or (_unstorable(body) if needs_look else None)
        except (RecursionError, ValueError) as error:
            # Nested too deep, or a number of thousands of digits.
            abort(400, exc=error, messages={"json": ["Invalid JSON body."]})
        if found:
            refused = ValidationError({"json": found})
            abort(422, exc=refused, messages=refused.messages, schema=schema)
        return body


class Blueprint(SmorestBlueprint):
    """A blueprint whose views get the bodies that `BodyParser` has checked."""

    ARGUMENTS_PARSER = BodyParser()

    def arguments(self, schema: Any, **options: Any) -> Any:  # noqa: ANN401 - as the base class
        """Let the view take what the schema describes.

        A class is made to a schema here: webargs would make one at each request.
        """
        made = schema() if isinstance(schema, type) else schema
        return super().arguments(made, **options)


class _Doubled(dict[str, Any]):
    """An object of a body that gives a name twice, with the last value of each name."""

    name: str


def body_word(name: str) -> str | None:
    """Return a word of the request's body, which no schema has seen yet.

    None if the body is not an object with that word: a schema will refuse it.
    """
    raw = request.get_data(cache=True)
    if _has_too_many(raw):
        return None
    try:
        body, _ = _parsed(raw)
    except (RecursionError, ValueError):
        return None
    word = body.get(name) if isinstance(body, dict) else None
    return word if isinstance(word, str) else None


def _has_too_many(raw: bytes) -> bool:
    """Say whether parsing the body would make too many values."""
    return sum(map(raw.count, SEPARATORS)) > MOST_SEPARATORS


def _parsed(raw: bytes) -> tuple[Any, bool]:
    """Return the JSON value, and whether an object in it gives a name twice.

    Parsers differ in which of the two they take, so a proxy or a log may see another
    value than we do.

    Raises: ValueError, RecursionError.
    """
    doubled: list[_Doubled] = []

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        named = dict(pairs)
        if len(named) == len(pairs):
            return named
        found = _Doubled(named)
        found.name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        doubled.append(found)
        return found

    body = json.loads(raw.decode(), object_pairs_hook=object_of)
    return body, bool(doubled)


def _doubled(value: object) -> Any:  # noqa: ANN401 - messages nest as the body
    """Return the message for the first name that is given twice, None if there is
    none."""
    if isinstance(value, _Doubled):
        return {value.name: ["Give each name once."]}
    if not isinstance(value, dict | list):
        return None
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if found := _doubled(part):
            return {key: found}
    return None


def _oversized(value: object, levels: int = MOST_LEVELS) -> Any:  # noqa: ANN401
    """Return the messages for too many levels or items, None if there are none."""
    if not isinstance(value, dict | list):
        return None
    if levels == 0:
        return [f"More than {MOST_LEVELS} levels."]
    if len(value) > MOST_ITEMS:
        return [f"More than {MOST_ITEMS} items."]
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, dict | list) and (found := _oversized(part, levels - 1)):
            return {key: found}
    return None


def _unstorable(value: object) -> Any:  # noqa: ANN401 - messages nest as the body
    """Return the messages for NUL and lone surrogates, None if there are none."""
    found: dict[Any, Any]
    match value:
        case str():
            is_bad = any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
            return ["Text must not contain NUL or lone surrogates."] if is_bad else None
        case dict():
            found = {k: _unstorable(v) or _unstorable(k) for k, v in value.items()}
        case list():
            found = {i: _unstorable(v) for i, v in enumerate(value)}
        case _:
            return None
    return {k: messages for k, messages in found.items() if messages} or None
