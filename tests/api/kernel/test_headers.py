"""The headers of every answer, and which other sites may call the API from a page."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app, make_posting_rules
from api.kernel.headers import READABLE
from geo.roads import EstimatedRoads
from tests import codes
from tests.world import Caller, World

GOLDEN = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
APP = "https://app.example.com"
Make = Callable[..., Flask]


@pytest.fixture
def make(world: World) -> Make:
    """Return a function that makes an app with the given settings."""

    def make(**changes: str) -> Flask:
        settings = replace(world.settings, **changes)
        return codes.watch(
            create_app(
                settings,
                world.keys,
                make_posting_rules(settings, EstimatedRoads()),
                schema_head="x",
            )
        )

    return make


def preflight(app: Flask, origin: str, method: str = "PUT"):
    return app.test_client().options(
        "/v1/trucks",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, idempotency-key",
        },
    )


class TestEveryAnswer:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/v1/me", 200),
            ("GET", "/v1/nothing", 404),
            ("POST", "/v1/me", 405),
            ("POST", "/v1/sessions", 422),
            ("GET", "/healthz", 200),
            ("GET", "/metrics", 200),
            ("GET", "/openapi.json", 200),
            ("OPTIONS", "/v1/me", 200),
            ("HEAD", "/v1/me", 200),
        ],
    )
    def test_is_protected(
        self, world: World, method: str, path: str, status: int
    ) -> None:
        caller = world.company()
        headers = {"Authorization": f"Bearer {caller.token}"}

        json = {} if method == "POST" else None
        client: FlaskClient = world.app.test_client()
        answer = client.open(path, method=method, headers=headers, json=json)

        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in GOLDEN} == GOLDEN
        assert "Server" not in answer.headers
        assert "Strict-Transport-Security" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers

    def test_is_protected_after_a_bug_too(self, make: Make) -> None:
        app = make()

        @app.get("/bug")
        def bug() -> None:
            raise RuntimeError

        answer = app.test_client().get("/bug")

        assert answer.status_code == 500
        assert {name: answer.headers.get(name) for name in GOLDEN} == GOLDEN

    def test_insists_on_tls_in_production(self, make: Make) -> None:
        answer = make(ENVIRONMENT="production").test_client().get("/v1/me")

        assert answer.headers["Strict-Transport-Security"] == (
            "max-age=63072000; includeSubDomains"
        )

    def test_keeps_what_a_view_says_about_its_cache(self, make: Make) -> None:
        app = make()

        @app.get("/kept")
        def kept() -> tuple[str, dict[str, str]]:
            return "{}", {"Cache-Control": "private, max-age=5"}

        answer = app.test_client().get("/kept")

        assert answer.headers["Cache-Control"] == "private, max-age=5"


class TestDocs:
    def test_run_their_own_script_and_no_other(self, app: Flask) -> None:
        answer = app.test_client().get("/docs/")
        policy = answer.headers["Content-Security-Policy"]

        assert "script-src 'self' 'sha256-" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        script_src = policy.split("script-src")[1].split(";")[0]
        assert "unsafe" not in script_src


class TestOrigins:
    def test_are_closed_by_default(self, app: Flask) -> None:
        assert "Access-Control-Allow-Origin" not in preflight(app, APP).headers

    def test_a_named_one_may_call(self, make: Make) -> None:
        app = make(CORS_ORIGINS=f"{APP}, http://localhost:5173")

        for origin in (APP, "http://localhost:5173"):
            headers = preflight(app, origin).headers
            assert headers["Access-Control-Allow-Origin"] == origin
            assert "PUT" in headers["Access-Control-Allow-Methods"]
            allowed = headers["Access-Control-Allow-Headers"].lower()
            assert "authorization" in allowed
            assert "idempotency-key" in allowed
            assert "Origin" in headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in headers

    @pytest.mark.parametrize(
        "origin",
        [
            *("https://evil.example.com", "http://app.example.com", "null"),
            *(f"{APP}.evil.example.com", f"{APP}:8443", "https://appXexample.com"),
        ],
    )
    def test_another_may_not_call(self, make: Make, origin: str) -> None:
        app = make(CORS_ORIGINS=APP)

        for answer in (
            preflight(app, origin),
            app.test_client().get("/v1/me", headers={"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers

    def test_may_read_what_a_client_needs_also_of_problems(self, make: Make) -> None:
        app = make(CORS_ORIGINS=APP)

        answer = Caller(app, "").get("/v1/me", Origin=APP)

        assert answer.status == 401
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert set(exposed) == set(READABLE)
        assert {"ETag", "Location", "Retry-After", "RateLimit"} <= set(exposed)
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "Origin" in answer.headers["Vary"]
