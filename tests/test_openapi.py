"""The document is current and whole, and /docs needs no internet."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from flask import Flask

from api.openapi import operations
from cli import DOCUMENT, document_text
from services.actors import Permission
from tests.codes import openapi_path
from tests.source import ROOT

METHODS = {"get", "put", "post", "patch", "delete"}
PUBLIC = {
    ("post", "/v1/sessions"),
    ("post", "/v1/sessions/refresh"),
    ("post", "/v1/invitations/acceptance"),
    ("post", "/v1/password-resets"),
    ("post", "/v1/password-resets/completion"),
}


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
    def test_the_committed_one_is_current(self, app: Flask) -> None:
        assert DOCUMENT.read_text() == document_text(app), "Run `make openapi`."

    def test_is_the_same_whatever_python_hashes_to(self) -> None:
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
            if rule.rule.startswith("/v1")
        }

        assert set(described) == served

    def test_refers_to_nothing_that_is_not_there(
        self, document: dict[str, Any]
    ) -> None:
        schemas = set(document["components"]["schemas"])
        used = re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(document))

        assert {name for kind, name in used if kind == "schemas"} <= schemas
        for kind, name in used:
            assert name in document["components"][kind]


class TestEveryOperation:
    def test_has_an_id_of_its_own(self, described: dict[Any, Any]) -> None:
        ids = [operation["operationId"] for operation in described.values()]

        assert len(set(ids)) == len(ids)
        assert [i for i in ids if not re.fullmatch(r"[a-z]+_\w+", i)] == []

    def test_says_what_it_does_and_belongs_somewhere(
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
                assert operation["security"] == [{"bearer": []}], where
                assert Permission(operation["x-permission"])

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

    def test_sends_every_problem_as_a_problem(self, described: dict[Any, Any]) -> None:
        for operation in described.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert set(response["content"]) == {"application/problem+json"}


class TestDocs:
    def test_refers_to_no_other_host(self, app: Flask) -> None:
        page = app.test_client().get("/docs/").get_data(as_text=True)
        links = re.findall(r'(?:src|href)="([^"]*)"', page)

        assert links
        assert [link for link in links if not link.startswith("/docs/")] == []
        assert "@import" not in page

    def test_asks_nobody_to_validate_the_document(self, app: Flask) -> None:
        page = app.test_client().get("/docs/").get_data(as_text=True)
        found = re.search(r"var user_config = (\{.*?\});", page)
        assert found
        config = json.loads(found[1])

        assert config["url"] == "/openapi.json"
        assert config["validatorUrl"] is None
        hosts = re.findall(r"//([^/\"]+)", json.dumps(config))
        assert set(hosts) <= {"localhost"}

    def test_every_asset_is_ours_and_loads_nothing_from_elsewhere(
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
