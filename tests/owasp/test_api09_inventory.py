"""API9, improper inventory management: only documented routes answer."""

import re
from pathlib import Path

import pytest
from flask import Flask

from api.kernel.routes import operations as routed
from tests.owasp.operations import operations
from tests.owasp.proofs import missing
from tests.test_security import PUBLIC_PAGES

OUTSIDE = {"/healthz", "/readyz", "/metrics", "/problems/<code>"}
"""Routes for the operator, and the page that a problem's `type` names."""


def test_the_routes_and_the_document_have_the_same_operations(app: Flask) -> None:
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule, method, _ in routed(app)
        if (method, rule.rule) not in PUBLIC_PAGES
    }

    assert served == {
        (operation.method, operation.path) for operation in operations(app)
    }
    assert len(served) > 50


def test_every_route_is_below_v1_or_listed_as_outside(
    app: Flask,
) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}

    outside = {rule for rule in rules if not rule.startswith("/v1/")}

    assert outside == OUTSIDE | {path for _, path in PUBLIC_PAGES}


@pytest.mark.parametrize(
    "path",
    [
        *("/v0/me", "/v2/me", "/v1", "/v1/", "/api/v1/me", "/V1/me", "/v1/me/"),
        *("/admin", "/debug", "/console", "/.env", "/.git/config", "/static/app.js"),
        *("/v1/internal", "/v1/test", "/swagger.json", "/docs/../config.py"),
        *("/docs/..%2fconfig.py", "/docs/%2e%2e/%2e%2e/config.py"),
    ],
)
def test_an_undocumented_path_is_not_found(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)

    assert answer.status_code == 404, answer.data


def test_a_deprecated_operation_says_until_when(app: Flask) -> None:
    """No operation is deprecated now; the tests named below mark one."""
    for operation in operations(app):
        if operation.spec.get("deprecated"):
            answer = app.test_client().open(
                operation.with_any_id(), method=operation.method
            )
            assert {"Deprecation", "Sunset", "Link"} <= set(answer.headers), str(
                operation
            )


def test_the_other_proofs_exist() -> None:
    deprecated = "api/kernel/test_deprecation.py::TestAMarkedOperation::"
    assert (
        missing(
            "test_openapi.py::TestTheDocument::test_describes_every_route_and_no_other",
            "test_openapi.py::TestTheDocument::test_the_committed_document_is_current",
            deprecated + "test_says_so_in_every_answer",
            deprecated + "test_every_deprecated_operation_sends_all_three_headers",
        )
        == []
    )


def test_every_row_of_the_ten_has_its_file() -> None:
    here = Path(__file__).parent

    rows = {path.name[:10] for path in here.glob("test_api*.py")}

    assert rows == {f"test_api{number:02}" for number in range(1, 11)}
