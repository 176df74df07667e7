"""The API document is current and complete, and /docs needs no internet."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from werkzeug.serving import make_server

from api.kernel.openapi import operations
from cli import DOCUMENT, document_text
from services.kernel.actors import PERMISSIONS, Permission
from tests import examples
from tests.codes import need_the_whole_suite, openapi_path, promised
from tests.source import ROOT
from tests.tools import need
from tests.waiting import LONGEST_S

METHODS = {"get", "put", "post", "patch", "delete"}
PUBLIC = {
    ("post", "/v1/sessions"),
    ("post", "/v1/sessions/refresh"),
    ("post", "/v1/invitations/acceptance"),
    ("post", "/v1/password-resets"),
    ("post", "/v1/password-resets/completion"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/problems/{code}"),
}
PAGES = {
    ("get", "/"),
    ("get", "/openapi.json"),
    ("get", "/docs/"),
    ("get", "/docs/{path}"),
}
"""The document and the pages that show it."""


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return json.loads(document_text(app))


@pytest.fixture(scope="module")
def described(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): item[method]
        for path, item in document["paths"].items()
        for method in METHODS & set(item)
    }


class TestTheDocument:
    def test_the_committed_document_is_current(self, app: Flask) -> None:
        assert DOCUMENT.read_text() == document_text(app), "Run `make openapi`."

    @pytest.mark.process
    def test_does_not_depend_on_the_hash_seed(self) -> None:
        run = subprocess.run(
            [sys.executable, "cli.py", "openapi", "--check"],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": "7"},
            capture_output=True,
            text=True,
        )

        assert (run.returncode, run.stderr) == (0, "")

    def test_is_openapi_3_1(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")

    def test_describes_every_route_and_no_other(
        self, app: Flask, described: dict[tuple[str, str], Any]
    ) -> None:
        served = {
            (method.lower(), openapi_path(rule.rule))
            for rule, method, _ in operations(app)
        }

        assert served >= PAGES
        assert set(described) == served - PAGES

    def test_every_reference_exists(self, document: dict[str, Any]) -> None:
        schemas = set(document["components"]["schemas"])
        used = re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(document))

        assert {name for kind, name in used if kind == "schemas"} <= schemas
        for kind, name in used:
            assert name in document["components"][kind]


class TestEveryOperation:
    def test_has_a_unique_id(self, described: dict[Any, Any]) -> None:
        ids = [operation["operationId"] for operation in described.values()]

        assert len(set(ids)) == len(ids)
        assert [i for i in ids if not re.fullmatch(r"[a-z]+_\w+", i)] == []

    def test_has_a_summary_and_a_tag(
        self, document: dict[str, Any], described: dict[Any, Any]
    ) -> None:
        tags = {tag["name"] for tag in document["tags"]}

        for where, operation in described.items():
            assert operation["summary"].endswith("."), where
            assert set(operation["tags"]) <= tags, where

    def test_asks_for_a_permission_or_is_public(
        self, described: dict[Any, Any]
    ) -> None:
        for where, operation in described.items():
            if where in PUBLIC:
                assert operation["security"] == []
                assert "x-permission" not in operation
            else:
                permission = Permission(operation["x-permission"])
                assert operation["security"] == [{"bearer": [permission.value]}], where

    def test_says_who_may_call_it(self, described: dict[Any, Any]) -> None:
        for where, operation in described.items():
            permission = operation.get("x-permission")
            if permission is None:
                assert "Needs no sign-in." in operation["description"], where
                continue
            assert f"Needs `{permission}`: " in operation["description"], where
            for role, granted in PERMISSIONS.items():
                words = operation["description"].rpartition(": ")[2]
                named = role in re.findall(r"\w+", words)
                assert named is (permission in granted), where

    def test_answers_with_something_and_lists_its_problems(
        self, described: dict[Any, Any]
    ) -> None:
        for where, operation in described.items():
            statuses = set(operation["responses"])
            assert statuses & {"200", "201", "202", "204"}, where
            assert {"400", "500", "503"} <= statuses, where
            assert "default" not in statuses, where
            if "{" in where[1] and where != ("put", "/v1/devices/{device_id}"):
                assert "404" in statuses, where

    def test_sends_every_problem_in_its_media_type(
        self, described: dict[Any, Any]
    ) -> None:
        for operation in described.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert set(response["content"]) == {"application/problem+json"}


def headers_of(operation: dict[str, Any]) -> set[str]:
    found = operation.get("parameters", [])
    return {parameter["name"] for parameter in found if parameter["in"] == "header"}


class TestPromises:
    @pytest.mark.parametrize(
        ("mark", "header", "codes"),
        [
            (
                "is_once",
                "Idempotency-Key",
                {
                    *("idempotency-key-missing", "idempotency-key-reused"),
                    "idempotency-key-in-use",
                },
            ),
            ("is_edit", "If-Match", {"precondition-required", "version-mismatch"}),
        ],
        ids=["once", "edit"],
    )
    def test_list_the_headers_to_send_and_the_possible_answers(
        self,
        app: Flask,
        document: dict[str, Any],
        described: dict[Any, Any],
        mark: str,
        header: str,
        codes: set[str],
    ) -> None:
        marked = {
            (method.lower(), openapi_path(rule.rule))
            for rule, method, view in operations(app)
            if getattr(view, mark, False)
        }

        assert marked
        for where, operation in described.items():
            listed = promised(document, *where)
            assert (header in headers_of(operation)) == (where in marked), where
            assert (codes <= listed) == bool(codes & listed) == (where in marked), where

    def test_of_a_versioned_operation_include_an_etag(
        self, app: Flask, described: dict[Any, Any]
    ) -> None:
        shown = [
            described[method.lower(), openapi_path(rule.rule)]
            for rule, method, view in operations(app)
            if getattr(view, "is_versioned", False)
        ]

        assert len(shown) > 5
        for operation in shown:
            for status, response in operation["responses"].items():
                assert ("ETag" in response.get("headers", {})) == (status[0] in "23")

    def test_of_a_list_include_the_refusals_of_its_cursor(
        self, document: dict[str, Any], described: dict[Any, Any]
    ) -> None:
        for where, operation in described.items():
            is_list = any(
                parameter["name"] == "cursor"
                for parameter in operation.get("parameters", [])
            )
            codes = {"cursor-invalid", "cursor-mismatch"}
            assert (codes <= promised(document, *where)) == is_list, where


class TestExamples:
    def test_exist_for_every_operation_with_a_body_or_an_answer(
        self, described: dict[Any, Any]
    ) -> None:
        bare = [
            where
            for where, operation in described.items()
            for content in contents(operation)
            if "example" not in content
        ]

        assert bare == [], "Run `make examples`."

    def test_fit_their_schemas(
        self, document: dict[str, Any], described: dict[Any, Any]
    ) -> None:
        for where, operation in described.items():
            for content in contents(operation):
                schema = content["schema"] | {"components": document["components"]}
                judge = jsonschema_rs.Draft202012Validator(schema)
                wrong = [str(error) for error in judge.iter_errors(content["example"])]
                assert wrong == [], where

    def test_contain_no_real_token(self) -> None:
        text = examples.EXAMPLES.read_text()
        found = re.findall(r'"(access_token|refresh_token|password)": "(.*?)"', text)

        assert found
        assert [leaf for leaf in found if examples.SECRETS[leaf[0]] != leaf[1]] == []

    def test_the_whole_suite_had_requests_and_answers_of_their_shape(
        self, request: pytest.FixtureRequest, all_saw: Path
    ) -> None:
        """Runs last, as all keys of the answers are known only at the end."""
        need_the_whole_suite(request)
        for operation_id, example in json.loads(examples.EXAMPLES.read_text()).items():
            shape = {
                f"{part} {leaf}"
                for part, value in example.items()
                for leaf in examples.leaves(value)
            }
            assert shape <= examples.seen[operation_id], operation_id


def contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the contents of request bodies and of successful answers."""
    for part in (
        operation.get("requestBody", {}),
        *(r for s, r in operation["responses"].items() if s.startswith("2")),
    ):
        yield from part.get("content", {}).values()


class TestDocs:
    def test_refers_to_no_other_host(self, app: Flask) -> None:
        page = app.test_client().get("/docs/").get_data(as_text=True)
        links = re.findall(r'(?:src|href)="([^"]*)"', page)

        assert links
        assert [link for link in links if not link.startswith("/docs/")] == []
        assert "@import" not in page

    def test_uses_no_external_validator(self, app: Flask) -> None:
        page = app.test_client().get("/docs/").get_data(as_text=True)
        found = re.search(r"var user_config = (\{.*?\});", page)
        assert found
        config = json.loads(found[1])

        assert config["url"] == "/openapi.json"
        assert config["validatorUrl"] is None
        hosts = re.findall(r"//([^/\"]+)", json.dumps(config))
        assert set(hosts) <= {"localhost"}

    def test_every_asset_is_local_and_loads_nothing_from_another_host(
        self, app: Flask
    ) -> None:
        client = app.test_client()
        page = client.get("/docs/").get_data(as_text=True)

        for link in set(re.findall(r'(?:src|href)="([^"]*)"', page)):
            with client.get(link) as asset:
                assert asset.status_code == 200
                if link.endswith(".css"):
                    text = asset.get_data(as_text=True)
                    assert "@import" not in text
                    urls = re.findall(r"url\([\"']?([^)\"']{0,40})", text)
                    assert [u for u in urls if not u.startswith("data:")] == []

    def test_serves_the_document_it_shows(
        self, app: Flask, document: dict[str, Any]
    ) -> None:
        assert app.test_client().get("/openapi.json").get_json() == document

    def test_a_browser_shows_it_under_our_policy(
        self, app: Flask, document: dict[str, Any], tmp_path: Path
    ) -> None:
        # The machine's own program: none of our packages contains one.
        browser = need("chromium", "google-chrome")
        web = make_server("127.0.0.1", 0, app, threaded=True)
        serving = Thread(target=web.serve_forever)
        serving.start()
        try:
            shown = subprocess.run(
                [
                    *(browser, "--headless", "--no-sandbox", "--disable-gpu"),
                    *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000"),
                    *("--dump-dom", f"http://127.0.0.1:{web.server_port}/docs/"),
                ],
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
                check=False,
            ).stdout
        finally:
            web.shutdown()
            serving.join()
            web.server_close()

        for tag in document["tags"]:
            assert f'data-tag="{tag["name"]}"' in shown
