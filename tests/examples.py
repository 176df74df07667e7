"""The examples of the API document: requests and answers of this suite.

`make examples` keeps them in api/kernel/examples.json, from a run of the whole suite.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from api.kernel.openapi import EXAMPLES
from tests.answers import Book
from tests.codes import openapi_path

JSON = "application/json"
MOST_REQUEST = 4_000
MOST_ENTRIES = 2
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECRETS = {
    "password": "correct horse battery",
    "access_token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMWEyIn0.c2lnbmF0dXJl",
    "refresh_token": "01a20330-7c7b-771a-934d-521e071717f4.0.c2VjcmV0",
    "token": "b25lIHRpbWU",
    "secret": "JBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/Backhaul:dana%40example.com?secret=JBSWY3DPEHPK3PXP",
}
"""The values that replace real secrets, by field."""

NOT_SHOWN = re.compile(r"canary|secret|nonsense|\\u0|[^\x20-\x7e©]")
"""Texts of tests that must not be in an example."""


@dataclass
class Exchange:
    """A successful request: its status, and the bodies of request and response."""

    status: int
    request: Any
    response: Any

    def fullness(self) -> int:
        return len(leaves(self.request)) + len(leaves(self.response))


best: dict[str, Exchange] = {}
"""The fullest exchange of each operation."""

seen: dict[str, set[str]] = {}
"""The leaves of all requests and answers, by operation; see `leaves`."""


def watch(app: Flask) -> Flask:
    """Note the successful requests to every operation of `app`, and their answers."""
    ids = {
        (method, path): operation["operationId"]
        for path, item in app.extensions["api"].spec.to_dict()["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict) and "operationId" in operation
    }

    book = Book(app.extensions["api"].spec.to_dict())

    @app.after_request
    def note(response: Response) -> Response:
        rule = request.url_rule
        if rule is None or not 200 <= response.status_code < 300:
            return response
        known = ids.get((request.method.lower(), openapi_path(rule.rule)))
        if known and (response.status_code == 204 or response.mimetype == JSON):
            heard = response.get_json() if response.status_code != 204 else None
            schema = book.asked_by(request.method, openapi_path(rule.rule))
            asked = request.get_json(silent=True) if schema else None
            fits = schema is None or book.fits(schema, asked)
            _keep(known, Exchange(response.status_code, asked, heard), fits=fits)
        return response

    return app


def _keep(operation_id: str, exchange: Exchange, *, fits: bool) -> None:
    """Note the leaves of an exchange, and the exchange if it is the fullest so far.

    fits: the request has the form of its schema, so that it can be an example.
    """
    found = {f"request {leaf}" for leaf in leaves(exchange.request)}
    found |= {f"response {leaf}" for leaf in leaves(exchange.response)}
    seen.setdefault(operation_id, set()).update(found)
    exchange = Exchange(
        exchange.status, _shown(exchange.request), _shortened(_shown(exchange.response))
    )
    if not fits or len(json.dumps(exchange.request)) > MOST_REQUEST:
        return
    if any(
        NOT_SHOWN.search(text) for text in _texts([exchange.request, exchange.response])
    ):
        return
    if operation_id not in best or exchange.fullness() > best[operation_id].fullness():
        best[operation_id] = exchange


def leaves(value: Any, path: str = "$") -> set[str]:
    """Return path and type of each value in `value`.

    The entries of a list have one path, and so have keys that differ by an id only.
    """
    match value:
        case dict() if value:
            parts = (leaves(v, f"{path}.{UUID.sub('*', k)}") for k, v in value.items())
            return set().union(*parts)
        case list() if value:
            return set().union(*(leaves(part, f"{path}[]") for part in value))
        case bool():
            return {f"{path} boolean"}
        case int() | float():
            return {f"{path} number"}
    return {f"{path} {type(value).__name__}"}


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in `value`, except those that SECRETS replaces."""
    match value:
        case dict():
            for name, inner in value.items():
                if name not in SECRETS:
                    yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case str():
            yield value


def _shown(value: Any) -> Any:
    match value:
        case dict():
            return {k: SECRETS.get(k, _shown(v)) for k, v in value.items()}
        case list():
            return [_shown(part) for part in value]
    return value


def _shortened(value: Any) -> Any:
    """Cut lists of objects to MOST_ENTRIES."""
    match value:
        case dict():
            return {k: _shortened(v) for k, v in value.items()}
        case list():
            is_table = any(isinstance(part, dict) for part in value)
            return [_shortened(p) for p in value[: MOST_ENTRIES if is_table else None]]
    return value


def write() -> None:
    """Write the fullest exchange of each operation to api/kernel/examples.json."""
    kept = {
        operation_id: {
            part: value
            for part in ("request", "response")
            if (value := getattr(best[operation_id], part)) is not None
        }
        for operation_id in sorted(best)
    }
    EXAMPLES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
