"""Every answer of the suite, compared with its published schema.

Stricter than the document: a field that it does not list is a fault here.
"""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from tests.codes import openapi_path

Json = dict[str, Any]

wrong: list[str] = []
"""Faults found since the last test; conftest empties the list."""

seen: set[str] = set()
"""`<schema>.<field> null` and `<schema>.<field> absent`, for what an answer had."""


def watch(app: Flask) -> Flask:
    """Compare every JSON answer of `app` with the document; note what does not fit."""
    book = Book(app.extensions["api"].spec.to_dict())

    @app.after_request
    def compare(response: Response) -> Response:
        rule = request.url_rule
        if rule is not None and "json" in response.mimetype and response.data:
            # The document describes HEAD by GET.
            method = {"HEAD": "GET"}.get(request.method, request.method)
            path, status = openapi_path(rule.rule), str(response.status_code)
            schema = book.schema_of(method, path, status, response.mimetype)
            if schema is not None:
                body = response.get_json()
                faults = [str(fault) for fault in book.faults(schema, body)]
                wrong.extend(f"{method} {path} {status}: {f}" for f in faults)
                seen.update(book.gaps(schema, body))
        return response

    return app


class Book:
    """The document, as the judge of answers."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.schemas: Json = document["components"]["schemas"]
        self.strict = {
            "components": {"schemas": {n: _closed(s) for n, s in self.schemas.items()}}
        }
        self.judge_of = cache(self._judge_of)
        self.answers = cache(self._answers)

    def schema_of(self, method: str, path: str, status: str, kind: str) -> str | None:
        """Return the name of the schema of an answer; None if it has none."""
        operation = self.document["paths"].get(path, {}).get(method.lower(), {})
        content = operation.get("responses", {}).get(status, {}).get("content", {})
        reference: str = content.get(kind, {}).get("schema", {}).get("$ref", "")
        return reference.rpartition("/")[2] or None

    def asked_by(self, method: str, path: str) -> str | None:
        """Return the name of the schema of a request's body; None if it has none."""
        operation = self.document["paths"].get(path, {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {})
        reference = (
            content.get("application/json", {}).get("schema", {}).get("$ref", "")
        )
        return str(reference).rpartition("/")[2] or None

    def fits(self, schema: str, body: Any) -> bool:
        """Say whether a body has the form of the schema; a lone surrogate has none."""
        try:
            return not any(self.faults(schema, body))
        except UnicodeEncodeError:
            return False

    def faults(self, schema: str, body: Any) -> Iterator[object]:
        return iter(self.judge_of(schema).iter_errors(body))

    def _judge_of(self, schema: str) -> Any:
        reference = {"$ref": f"#/components/schemas/{schema}"} | self.strict
        return jsonschema_rs.Draft202012Validator(reference, validate_formats=True)

    def gaps(self, name: str, value: Any) -> Iterator[str]:
        """Yield what is null or absent in an answer, by schema and field."""
        schema = self.schemas[name]
        for field, part in schema.get("properties", {}).items():
            if field not in value:
                yield f"{name}.{field} absent"
            elif value[field] is None:
                yield f"{name}.{field} null"
            else:
                yield from self._inside(part, value[field])

    def _inside(self, part: Json, value: Any) -> Iterator[str]:
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            if isinstance(value, dict):
                yield from self.gaps(name, value)
        for choice in part.get("anyOf", ()):
            name = choice.get("$ref", "").rpartition("/")[2]
            if name and self.judge_of(name).is_valid(value):
                yield from self._inside(choice, value)
        for item in value if "items" in part else ():
            if item is not None:
                yield from self._inside(part["items"], item)

    def may_be(self) -> set[str]:
        """Return what the document lets answers leave out, or say null."""
        return {
            f"{name}.{field} {gap}"
            for name in self.answers()
            for field, part in self.schemas[name].get("properties", {}).items()
            for gap, allowed in (
                ("absent", field not in self.schemas[name].get("required", ())),
                ("null", is_nullable(part)),
            )
            if allowed
        }

    def _answers(self) -> set[str]:
        """Return the names of all schemas that answers have, nested ones as well."""
        found: set[str] = set()
        waiting = [
            media.get("schema", {})
            for item in self.document["paths"].values()
            for operation in item.values()
            if isinstance(operation, dict)
            for response in operation.get("responses", {}).values()
            for media in response.get("content", {}).values()
        ]
        while waiting:
            part = waiting.pop()
            name = part.get("$ref", "").rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(self.schemas[name])
            waiting += [*part.get("anyOf", ()), *part.get("properties", {}).values()]
            waiting += [part[k] for k in ("items", "additionalProperties") if k in part]
            waiting = [each for each in waiting if isinstance(each, dict)]
        return found


def is_nullable(part: Json) -> bool:
    kinds = part.get("type", [])
    return "null" in ([kinds] if isinstance(kinds, str) else kinds) or any(
        is_nullable(choice) for choice in part.get("anyOf", ())
    )


def _closed(schema: Json) -> Json:
    """Return the schema without room for fields that it does not list."""
    closed = copy.copy(schema)
    if "properties" in closed and closed.get("additionalProperties") in (None, True):
        closed["additionalProperties"] = False
    return closed
