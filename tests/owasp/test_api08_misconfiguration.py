"""API8, security misconfiguration: nothing is open, chatty or default by mistake."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from api.app import create_app, make_posting_rules
from geo.roads import EstimatedRoads
from tests.api.kernel.test_headers import GOLDEN
from tests.owasp.operations import operations
from tests.owasp.proofs import missing
from tests.world import World

EVIL = "https://evil.example"


def ask(app: Flask, method: str, path: str, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().open(path, method=method, headers=sent)


def test_every_operation_answers_a_stranger_with_the_golden_headers(app: Flask) -> None:
    for operation in operations(app):
        answer = ask(app, operation.method, operation.with_any_id())
        found = {name: answer.headers.get(name) for name in GOLDEN}
        # Pages say for how long they may be kept.
        found["Cache-Control"] = found["Cache-Control"] and GOLDEN["Cache-Control"]
        assert found == GOLDEN, str(operation)
        assert not {"Server", "X-Powered-By"} & set(answer.headers), str(operation)


def test_no_operation_is_open_to_a_page_of_another_site(app: Flask) -> None:
    for operation in operations(app):
        path = operation.with_any_id()
        plain = ask(app, operation.method, path, Origin=EVIL)
        preflight = ask(
            app,
            "OPTIONS",
            path,
            Origin=EVIL,
            Access_Control_Request_Method=operation.method,
            Access_Control_Request_Headers="authorization",
        )
        for answer in (plain, preflight):
            allowed = [n for n in dict(answer.headers) if n.startswith("Access-C")]
            assert allowed == [], str(operation)


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND"])
def test_no_other_method_is_answered(app: Flask, method: str) -> None:
    for operation in operations(app):
        answer = ask(app, method, operation.with_any_id(), Cookie="canary=1")
        assert answer.status_code == 405, str(operation)
        assert b"canary" not in answer.data


@pytest.mark.parametrize("environment", ["development", "production"])
def test_no_debugger_runs_and_a_bug_shows_nothing(
    world: World, environment: str
) -> None:
    settings = replace(world.settings, ENVIRONMENT=environment)
    market = make_posting_rules(settings, EstimatedRoads())
    app = create_app(settings, world.keys, market, schema_head="x")

    @app.get("/bug")
    def bug() -> None:
        secret = "canary"
        raise RuntimeError(secret)

    answer = ask(app, "GET", "/bug")

    assert (app.debug, app.testing) == (False, False)
    assert not app.config["PROPAGATE_EXCEPTIONS"]
    assert answer.status_code == 500
    said = answer.get_data(as_text=True)
    for word in ("canary", "Traceback", "RuntimeError", ".py", "flask", "werkzeug"):
        assert word not in said
    assert answer.get_json()["code"] == "internal-error"


def test_the_other_proofs_exist() -> None:
    headers = "api/kernel/test_headers.py::"
    secrets = "runtime/test_settings.py::TestProductionSecrets::"
    assert (
        missing(
            "runtime/test_settings.py::TestFromEnv::test_production_needs_every_secret_to_be_set",
            secrets + "test_a_sample_or_short_secret_is_refused",
            secrets + "test_the_values_of_the_sample_file_are_refused",
            headers + "TestEveryAnswer::test_is_protected",
            headers + "TestEveryAnswer::test_is_protected_after_a_bug_too",
            headers + "TestEveryAnswer::test_insists_on_tls_in_production",
            headers + "TestOrigins::test_are_closed_by_default",
            headers + "TestOrigins::test_another_may_not_call",
            headers + "TestDocs::test_run_their_own_script_and_no_other",
            "api/kernel/test_problems.py::TestFailures"
            "::test_a_bug_tells_the_trace_id_and_nothing_else",
        )
        == []
    )
