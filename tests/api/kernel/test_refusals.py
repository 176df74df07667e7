"""A request that reaches no view is answered by a problem like all others."""

import json
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from api.kernel.headers import ALWAYS
from api.kernel.problems import CONTENT_TYPE, DETAILS, HTTP_PROBLEMS
from api.kernel.refusals import refusal
from runtime.config import Settings

SETTINGS = Settings()


@pytest.mark.parametrize("status", [400, 408, 503])
def test_a_refusal_has_the_form_and_the_headers_of_every_problem(status: int) -> None:
    answered, pairs, raw = refusal(SETTINGS)(status)

    headers, body = dict(pairs), json.loads(raw)
    code, title = HTTP_PROBLEMS[status]
    assert answered == body["status"] == status
    assert (body["code"], body["title"]) == (code, title)
    assert (body["type"], body["detail"]) == (f"/problems/{code}", DETAILS[status])
    assert headers["Content-Type"] == CONTENT_TYPE
    assert headers["X-Trace-Id"] == body["trace_id"]
    assert {name: headers[name] for name in ALWAYS} == ALWAYS
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == str(len(raw))
    assert ("Retry-After" in headers) is (status == 503)
    assert "Strict-Transport-Security" not in headers


def test_each_refusal_has_a_trace_id_of_its_own() -> None:
    refuse = refusal(SETTINGS)

    assert dict(refuse(503)[1])["X-Trace-Id"] != dict(refuse(503)[1])["X-Trace-Id"]


def test_a_refusal_in_production_demands_tls() -> None:
    refuse = refusal(replace(SETTINGS, ENVIRONMENT="production"))

    assert "Strict-Transport-Security" in dict(refuse(503)[1])


def test_a_refusal_is_counted() -> None:
    def counted() -> float:
        labels = {"route": "refused", "method": "other", "status": "503"}
        return REGISTRY.get_sample_value("backhaul_http_requests_total", labels) or 0

    before = counted()
    refusal(SETTINGS)(503)

    assert counted() == before + 1
