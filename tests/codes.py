"""The problem codes that the suite has seen, and those missing in the API document."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request

from api.kernel.problems import CONTENT_TYPE
from tests.source import ROOT

WHOLE = {"", "not bench"}
"""The marks (`-m`) with which a run is whole. The quick forms of the benches send their
requests to processes of their own, so this process sees nothing of them."""

ANYWHERE = {"method-not-allowed", "internal-error"}
"""Codes that any request may get, so that no operation lists them."""

seen: set[str] = set()
unpromised: set[tuple[str, str, str]] = set()
"""(method, path, code) of answers that the document does not list."""


def watch(app: Flask) -> Flask:
    """Note the code of every problem that `app` answers with."""
    document = app.extensions["api"].spec.to_dict()

    @app.after_request
    def note(response: Response) -> Response:
        if response.content_type == CONTENT_TYPE:
            code = response.get_json()["code"]
            seen.add(code)
            if request.url_rule is not None and code not in ANYWHERE:
                path = openapi_path(request.url_rule.rule)
                # The document describes HEAD by GET.
                method = {"HEAD": "GET"}.get(request.method, request.method)
                if path in document["paths"] and code not in promised(
                    document, method, path
                ):
                    unpromised.add((method, path, code))
        return response

    return app


def need_the_whole_suite(request: pytest.FixtureRequest) -> None:
    """Skip the test unless this run has every test.

    A part of the suite cannot say of something unseen that it never happens.
    """
    there = {p.resolve() for p in (ROOT / "tests").rglob("test_*.py")}
    ran = {Path(item.path).resolve() for item in request.session.items}
    option = request.config.option
    if there - ran or option.keyword or option.markexpr not in WHOLE:
        pytest.skip("a part of the suite ran: what it did not see means nothing")


def openapi_path(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def promised(document: dict[str, Any], method: str, path: str) -> set[str]:
    """Return the codes that the document lists for an operation."""
    operation = document["paths"][path][method.lower()]
    return {
        code
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for code in response["description"].split(", ")
    }


def all_promised(document: dict[str, Any]) -> set[str]:
    """Return every code that the document lists."""
    methods = {"get", "put", "post", "patch", "delete"}
    return {
        code
        for path, operations in document["paths"].items()
        for method in methods & set(operations)
        for code in promised(document, method, path)
    }
