"""No answer repeats a host that the caller chose: not in Location, not in a page."""

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from api.kernel.headers import without_host
from tests.api.kernel.conftest import Limited
from tests.owasp.operations import operations
from tests.source import files, nodes
from tests.world import World

FOREIGN = "foreign.example"
HOSTILE = {
    "Host": FOREIGN,
    "Forwarded": f"host={FOREIGN};proto=https",
    "X-Forwarded-Host": FOREIGN,
    "X-Forwarded-Server": FOREIGN,
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": f"//{FOREIGN}",
    "X-Forwarded-Proto": "https",
    "X-Host": FOREIGN,
    "X-Original-URL": f"//{FOREIGN}/",
    "X-Rewrite-URL": f"//{FOREIGN}/",
}
PAGES = ("/", "/docs", "/docs/", "/openapi.json", "/healthz", "/readyz", "/metrics")


@pytest.fixture(params=[0, 1])
def app(limited: Limited, request: pytest.FixtureRequest) -> Flask:
    """The application without and with a trusted proxy."""
    return limited(TRUSTED_PROXIES=request.param)


def ways(app: Flask) -> Iterator[tuple[str, str]]:
    """Yield each operation and page, also with slashes too many and none at the end."""
    asked = [(each.method, each.with_any_id()) for each in operations(app)]
    for method, path in [*asked, *(("GET", page) for page in PAGES)]:
        yield from ((method, each) for each in (path, f"{path}/", f"/{path}"))
        yield method, path.replace("/", "//")


def everything(answer: Any) -> str:
    return f"{answer.headers}{answer.get_data(as_text=True)}".lower()


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_no_answer_repeats_a_foreign_host(
    app: Flask, world: World, is_signed_in: bool
) -> None:
    headers = dict(HOSTILE)
    if is_signed_in:
        headers["Authorization"] = f"Bearer {world.company().token}"
    moved = set()
    for method, path in ways(app):
        with app.test_client().open(path, method=method, headers=headers) as answer:
            assert FOREIGN not in everything(answer), (method, path)
            assert not (answer.location or "/").startswith("//"), (method, path)
            if answer.location:
                moved.add(path)

    # Else the framework's own redirects were not seen.
    assert {"/", "/docs", "//openapi.json"} <= moved


def test_no_code_of_ours_reads_the_host() -> None:
    reads = [
        f"{path}:{node.lineno}"
        for path in files()
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "request"
        and node.attr in {"host", "host_url", "base_url", "root_url", "url_root", "url"}
    ]

    assert reads == []


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/docs/", "/docs/"),
        ("http://foreign.example/docs/?a=1&b=2", "/docs/?a=1&b=2"),
        ("//foreign.example/docs/", "/docs/"),
        ("http://foreign.example//elsewhere.example/", "/elsewhere.example/"),
        ("http://foreign.example/\\elsewhere.example/", "/elsewhere.example/"),
        ("https://foreign.example", "/"),
    ],
)
def test_a_redirect_stays_on_this_server(location: str, path: str) -> None:
    assert without_host(location) == path
