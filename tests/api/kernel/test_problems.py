"""Every error is a problem document: one form and a closed list of codes."""

import ast
import gzip
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from marshmallow import EXCLUDE
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from uuid_utils.compat import uuid7

from api.app import create_app, make_posting_rules
from api.kernel.problems import CONTENT_TYPE, HTTP_PROBLEMS, Problem
from geo.roads import EstimatedRoads
from runtime.config import Settings
from runtime.db import Session, make_engine
from runtime.errors import DomainError
from services.people.tokens import Claims, Keyring, access_token
from tests import codes
from tests.source import ROOT, files, layer, tree
from tests.world import Caller, World, utcnow

JSON = {"Content-Type": "application/json"}


def send(caller: Caller, method: str, path: str, raw: Any = None, **headers: str):
    """Send the bytes unchanged; return the problem after checking its form."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if caller.token:
        sent["Authorization"] = f"Bearer {caller.token}"
    client = caller.app.test_client()
    with client.open(path, method=method, data=raw, headers=sent) as answer:
        assert answer.content_type == CONTENT_TYPE
        body = answer.get_json()
        assert Problem(unknown=EXCLUDE).validate(body) == {}
        assert body["status"] == answer.status_code
        assert body["type"] == f"/problems/{body['code']}"
        assert body["trace_id"] == answer.headers["X-Trace-Id"]
        return body | {"headers": dict(answer.headers)}


def put_truck(world: World, raw: str | bytes, **headers: str):
    path = f"/v1/trucks/{uuid7()}"
    return send(world.company(), "PUT", path, raw, **(JSON | headers))


def pointers(problem: dict[str, Any]) -> list[str]:
    return [error["pointer"] for error in problem.get("errors", [])]


@pytest.fixture
def broken(settings: Settings, keys: Keyring) -> Flask:
    """The app with routes that fail unexpectedly."""
    app = create_app(
        settings, keys, make_posting_rules(settings, EstimatedRoads()), schema_head="x"
    )
    codes.watch(app)

    @app.get("/bug")
    def bug() -> None:
        raise RuntimeError("secret words of the inside")

    @app.get("/too-large")
    def too_large() -> None:
        cause = psycopg.errors.ProgramLimitExceeded("index row size 9000 exceeds")
        raise OperationalError("insert into secret", {}, cause)

    return app


class TestBodies:
    @pytest.mark.parametrize(
        "raw",
        [
            "{",
            "{'a': 1}",
            '{"a":1,}',
            "[" * 100_000,
            '{"unit_number":' * 5_000,
            "[" * 900 + '"\\u0000"' + "]" * 900,
            '{"payload_kg":' + "9" * 5_000 + "}",
            '{"unit_number":"é"}'.encode("latin-1"),
            '{"unit_number":"é"}'.encode("utf-16"),
            gzip.compress(b"{}", mtime=0),
            b"\xff\xfe\x00",
        ],
        ids=lambda raw: repr(raw[:12]),
    )
    def test_a_body_that_is_not_json_is_malformed(self, world: World, raw: Any) -> None:
        problem = put_truck(world, raw)

        assert (problem["status"], problem["code"]) in {
            (400, "malformed-request"),
            (422, "invalid-request"),
        }

    @pytest.mark.parametrize("raw", ["[]", '"x"', "null", "1", "true", "[{}]"])
    def test_a_body_that_is_not_an_object_is_invalid(
        self, world: World, raw: str
    ) -> None:
        problem = put_truck(world, raw)

        assert problem["code"] == "invalid-request"
        assert pointers(problem) == ["#"]

    @pytest.mark.parametrize(
        "content_type",
        ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"],
    )
    def test_another_media_type_is_not_supported(
        self, world: World, content_type: str
    ) -> None:
        problem = put_truck(world, "{}", **{"Content-Type": content_type})

        assert (problem["status"], problem["code"]) == (415, "unsupported-media-type")

    def test_a_body_over_the_limit_is_too_large(
        self, world: World, settings: Settings
    ) -> None:
        problem = put_truck(world, '"' + "x" * settings.MAX_BODY_BYTES + '"')

        assert (problem["status"], problem["code"]) == (413, "body-too-large")

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ('"unit_number": null', "#/unit_number"),
            ('"unit_number": ""', "#/unit_number"),
            ('"unit_number": {}', "#/unit_number"),
            ('"unit_number": "a\\u0000b"', "#/unit_number"),
            ('"unit_number": "\\ud800"', "#/unit_number"),
            ('"equipment": "spaceship"', "#/equipment"),
            ('"equipment": ["van"]', "#/equipment"),
            ('"payload_kg": -1', "#/payload_kg"),
            ('"payload_kg": 1.5', "#/payload_kg"),
            ('"payload_kg": 1e400', "#/payload_kg"),
            ('"payload_kg": true', "#/payload_kg"),
            ('"deck_length_m": NaN', "#/deck_length_m"),
            ('"deck_length_m": Infinity', "#/deck_length_m"),
            ('"deck_length_m": ' + "9" * 400, "#/deck_length_m"),
            ('"cost_empty_cents_per_km": -0.1', "#/cost_empty_cents_per_km"),
            ('"is_hazmat_allowed": []', "#/is_hazmat_allowed"),
            ('"colour": "red"', "#/colour"),
            ('"a/b~c": 1', "#/a~1b~0c"),
        ],
    )
    def test_a_wrong_field_is_pointed_at(
        self, world: World, fields: str, pointer: str
    ) -> None:
        sound = ('"unit_number": "T1"', '"equipment": "van"')
        wrong = fields.partition(":")[0]
        others = [part for part in sound if not part.startswith(wrong)]

        problem = put_truck(world, "{" + ", ".join([*others, fields]) + "}")

        assert (problem["status"], problem["code"]) == (422, "invalid-request")
        assert pointers(problem) == [pointer]

    def test_all_wrong_fields_are_reported_at_once(self, world: World) -> None:
        problem = put_truck(world, '{"payload_kg": 0, "colour": 1}')

        assert sorted(pointers(problem)) == [
            "#/colour",
            "#/equipment",
            "#/payload_kg",
            "#/unit_number",
        ]


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        [
            "/index.html",
            "/v1",
            "/v2/me",
            "/v1/trucks/",
            "/v1/trucks/7",
            "/v1/trucks/%00",
            "/é",
        ],
    )
    def test_an_unknown_one_is_not_found(self, world: World, path: str) -> None:
        problem = send(Caller(world.app, ""), "GET", path)

        assert (problem["status"], problem["code"]) == (404, "not-found")

    def test_a_wrong_method_is_told_the_allowed_ones(self, world: World) -> None:
        problem = send(Caller(world.app, ""), "DELETE", "/v1/trucks")

        assert (problem["status"], problem["code"]) == (405, "method-not-allowed")
        assert {"GET", "HEAD", "OPTIONS"} == set(
            problem["headers"]["Allow"].split(", ")
        )

    @pytest.mark.parametrize(
        "query",
        [
            *("limit=0", "limit=201", "limit=x", "limit="),
            f"cursor={'x' * 501}",
        ],
    )
    def test_a_nonsense_query_is_invalid(self, world: World, query: str) -> None:
        caller = world.company()

        for path in ("trucks", "drivers", "members", "devices", "areas", "fleet"):
            problem = send(caller, "GET", f"/v1/{path}?{query}")
            assert (problem["status"], problem["code"]) == (422, "invalid-request")
            assert pointers(problem)[0].startswith("#/")


class TestFailures:
    @pytest.mark.parametrize("path", ["/bug", "/too-large"])
    def test_a_bug_tells_the_trace_id_and_nothing_else(
        self, broken: Flask, path: str
    ) -> None:
        problem = send(Caller(broken, ""), "GET", path, X_Trace_Id="trace-of-mine-1")

        assert (problem["status"], problem["code"]) == (500, "internal-error")
        assert problem["trace_id"] == "trace-of-mine-1"
        assert "secret" not in str(problem)
        assert "Error" not in str(problem)

    def test_an_unreachable_database_is_503_with_retry_after(
        self, world: World
    ) -> None:
        gone = make_engine(Settings(DATABASE_URL="postgresql://x@127.0.0.1:1/x"))
        bound = Session.kw["bind"]
        Session.configure(bind=gone)
        body = json.dumps({"login": "a@example.com", "password": "x"})

        problem = send(Caller(world.app, ""), "POST", "/v1/sessions", body, **JSON)
        guarded = send(known_caller(world), "GET", "/v1/me")

        Session.configure(bind=bound)
        for answer in (problem, guarded):
            assert (answer["status"], answer["code"]) == (503, "unavailable")
            assert int(answer["headers"]["Retry-After"]) > 0
            assert "127.0.0.1" not in str(answer)

    def test_an_exhausted_pool_is_503_with_retry_after(
        self, world: World, engine: Engine
    ) -> None:
        small = create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
        bound = Session.kw["bind"]
        caller = world.company()

        with small.connect():
            Session.configure(bind=small)
            problem = send(caller, "GET", "/v1/me")
        Session.configure(bind=bound)
        small.dispose()

        assert (problem["status"], problem["code"]) == (503, "unavailable")


def known_caller(world: World) -> Caller:
    """Return a caller with a valid token for a member who is not in the database."""
    any_id = uuid7()
    claims = Claims(any_id, any_id, any_id)
    token = access_token(world.keys, claims, now=utcnow())
    return Caller(world.app, token)


def all_errors() -> Iterator[type[DomainError]]:
    for path in files():
        if layer(path) == "services":
            importlib.import_module(".".join(path.with_suffix("").parts))
    waiting = DomainError.__subclasses__()
    while waiting:
        error = waiting.pop()
        yield error
        waiting += error.__subclasses__()


GENERAL = {"Conflict", "Gone", "DomainError"}
"""Base classes; they are never raised themselves."""


class TestCodes:
    def test_each_belongs_to_one_error(self) -> None:
        own = [error.code for error in all_errors() if "code" in vars(error)]

        assert {code for code in own if own.count(code) > 1} == set()
        taken = {code for code, _ in HTTP_PROBLEMS.values()}
        assert taken & set(own) == {"not-found", "invalid-request"}

    def test_each_is_a_kebab_case_fact_with_a_title(self) -> None:
        for error in all_errors():
            if error.__name__ in GENERAL:
                continue
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code), error
            assert error.title
            assert 400 <= error.status < 500 or error.status == 503, error

    def test_a_general_error_is_never_raised_itself(self) -> None:
        raised = [
            f"{path}:{node.lineno}"
            for path in files()
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and ast.unparse(node.exc.func) in GENERAL
        ]

        assert raised == []

    def test_the_document_lists_all_of_them(self, app: Flask) -> None:
        document = json.loads((ROOT / "docs/openapi.json").read_text())
        code = document["components"]["schemas"]["Problem"]["properties"]["code"]

        anywhere = {code for code, _ in HTTP_PROBLEMS.values()}
        assert set(code["enum"]) == codes.all_promised(document) | anywhere
        for name, known in app.extensions["problems"].items():
            assert f"- `{name}`: {known['title']}." in code["description"]

    def test_each_type_is_an_address_that_says_what_it_means(self, app: Flask) -> None:
        client = app.test_client()

        for code, known in app.extensions["problems"].items():
            answer = client.get(f"/problems/{code}")
            assert answer.status_code == 200
            assert answer.get_json() == {
                "type": f"/problems/{code}",
                "code": code,
                "title": known["title"],
                "statuses": known["statuses"],
            }
        unknown = client.get("/problems/no-such-code")
        assert unknown.get_json()["code"] == "not-found"

    def test_each_is_in_the_document(self) -> None:
        document = json.loads((ROOT / "docs/openapi.json").read_text())
        own = {e.code for e in all_errors() if e.__name__ not in GENERAL}

        assert own <= codes.all_promised(document)

    def test_the_document_has_no_other(self) -> None:
        document = json.loads((ROOT / "docs/openapi.json").read_text())
        known = {e.code for e in all_errors()} | {c for c, _ in HTTP_PROBLEMS.values()}

        assert codes.all_promised(document) <= known

    def test_the_whole_suite_saw_each_and_none_undocumented(
        self, request: pytest.FixtureRequest, all_saw: Path
    ) -> None:
        """Runs last. Without the whole suite only the codes seen are checked."""
        assert codes.unpromised == set()
        codes.need_the_whole_suite(request)
        document = json.loads((ROOT / "docs/openapi.json").read_text())

        closed = {code for code, _ in HTTP_PROBLEMS.values()}
        closed |= codes.all_promised(document)
        assert closed - codes.seen == set()
