"""API3, broken object property level authorisation: which fields each role reads, and
that read-only fields cannot be written.

`make fields` records in `fields.json` which role sees which field: read its diff before
you commit it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from sqlalchemy.orm import Session as OrmSession

from tests.owasp.operations import Operation, document, guarded, operations
from tests.owasp.tour import Heard, Tour, names
from tests.test_security import Rows
from tests.world import Answer, Caller, World

GOLDEN = Path(__file__).with_name("fields.json")
"""operation -> role -> the fields that its answers were seen to have."""

Table = dict[str, dict[str, list[str]]]

OPEN = {"StageCountOut.excluded"}
"""Fields whose inner fields no schema names; only the recorded table lists them."""

MAY_BE_DRAWN_WITH_MORE = {"PolygonIn", "MultiPolygonIn"}
"""GeoJSON allows foreign members; the ones of an area are not kept."""

SECRET = {
    *("password_hash", "token_hash", "seed", "target", "secret", "recovery_codes"),
    *("token", "access_token", "refresh_token"),
}
SHOWN_ONCE = {
    "POST /v1/invitations": {"token"},
    "POST /v1/me/second-factor": {"secret"},
    "PUT /v1/me/second-factor/confirmation": {"recovery_codes"},
}
"""Secrets that are shown once, in the answer to the request that makes them."""

told: list[Heard] = []


@pytest.fixture
def heard(world: World, rows: Rows, session: OrmSession) -> list[Heard]:
    """The answers to every role; the requests are made once for all tests."""
    if not told:
        told.extend(Tour(world, rows, session).walk())
    return told


def table_of(heard: list[Heard]) -> Table:
    seen: dict[str, dict[str, set[str]]] = {}
    for entry in heard:
        if entry.answer.status < 300:
            roles = seen.setdefault(str(entry.operation), {})
            fields = names(entry.answer.body)
            roles.setdefault(entry.role.value, set()).update(fields)
    return {
        operation: {role: sorted(fields) for role, fields in sorted(roles.items())}
        for operation, roles in sorted(seen.items())
    }


class TestReading:
    def test_every_role_was_answered_by_every_operation_open_to_it(
        self, heard: list[Heard]
    ) -> None:
        asked = {(entry.role, str(entry.operation)) for entry in heard}
        answered = {
            (entry.role, str(entry.operation))
            for entry in heard
            if entry.answer.status < 300
        }

        assert len(asked) > 100
        assert asked - answered == set()

    def test_no_role_sees_a_field_that_is_not_in_the_table(
        self, heard: list[Heard], request: pytest.FixtureRequest
    ) -> None:
        found = table_of(heard)
        if request.config.getoption("write_fields"):
            GOLDEN.write_text(written(found))
        known: Table = json.loads(GOLDEN.read_text())

        surprises = {
            (operation, role): sorted(new)
            for operation, roles in found.items()
            for role, fields in roles.items()
            if (new := set(fields) - set(known.get(operation, {}).get(role, [])))
        }
        assert surprises == {}, "Who sees more now? If that is meant: `make fields`."
        assert found == known, "A role sees fewer fields now: run `make fields`."

    def test_no_answer_has_a_field_outside_its_operations_schema(
        self, app: Flask, heard: list[Heard]
    ) -> None:
        components = {"components": document(app)["components"]}
        judged = 0

        for entry in heard:
            if entry.answer.status < 300 and entry.answer.body is not None:
                answered = entry.operation.spec["responses"][str(entry.answer.status)]
                schema = answered["content"]["application/json"]["schema"]
                judge = jsonschema_rs.Draft202012Validator(schema | components)
                wrong = [str(error) for error in judge.iter_errors(entry.answer.body)]
                assert wrong == [], (str(entry.operation), entry.role)
                judged += 1

        assert judged > 100

    def test_a_schema_names_its_fields_unless_it_says_otherwise(
        self, app: Flask
    ) -> None:
        found = {
            where
            for name, schema in document(app)["components"]["schemas"].items()
            for where in opened(schema, name)
        }

        assert found == OPEN

    def test_a_request_has_the_fields_of_its_schema_and_no_other(
        self, app: Flask
    ) -> None:
        schemas = document(app)["components"]["schemas"]
        named = [operation.body for operation in writing(app)]
        asked: set[str] = set()
        while named:
            name = named.pop()
            if name not in asked:
                asked.add(name)
                named += re.findall(r"#/components/schemas/(\w+)", str(schemas[name]))

        loose = {
            name
            for name in asked
            if "properties" in schemas[name]
            and schemas[name].get("additionalProperties") is not False
        }

        assert loose == MAY_BE_DRAWN_WITH_MORE

    def test_a_secret_is_in_no_answer_but_the_one_that_makes_it(
        self, heard: list[Heard]
    ) -> None:
        for operation, roles in table_of(heard).items():
            for fields in roles.values():
                last = {field.rpartition(".")[2] for field in fields}
                assert last & SECRET <= SHOWN_ONCE.get(operation, set()), operation


def written(table: Table) -> str:
    """Return the table with a line for each field, so that a diff is easy to read."""
    return json.dumps(table, indent=1) + "\n"


def opened(schema: Any, where: str) -> Iterator[str]:
    """Yield the fields below `where` that accept any inner field."""
    if isinstance(schema, dict):
        is_object = schema.get("type") in ("object", ["object", "null"])
        if is_object and not schema.get("properties"):
            yield where
        for key, part in schema.items():
            if key == "properties":
                for name, inner in part.items():
                    yield from opened(inner, f"{where}.{name}")
            elif key not in {"example", "examples", "additionalProperties"}:
                yield from opened(part, where)
    elif isinstance(schema, list):
        for part in schema:
            yield from opened(part, where)


def writing(app: Flask) -> list[Operation]:
    return [operation for operation in operations(app) if operation.body]


def readable(app: Flask) -> set[str]:
    """Return every field of any answer; a request may write only those its schema
    names."""
    return {
        name
        for schema, description in document(app)["components"]["schemas"].items()
        if schema != "Problem"
        for name in description.get("properties", {})
    }


def writable(app: Flask, operation: Operation) -> set[str]:
    return set(document(app)["components"]["schemas"][operation.body]["properties"])


INVENTED = {
    *("org_id", "tenant_id", "load_org_id", "member_id", "is_admin", "roles"),
    *("permissions", "password_hash", "suspended_at", "__class__", "version"),
}
"""Names of columns and other names that an attacker might try."""


class TestWriting:
    def test_every_read_only_field_of_every_schema_is_refused_on_every_route(
        self, world: World
    ) -> None:
        everybody = [
            world.company(),
            world.shipper(),
            world.driver(world.company(), device=None),
            Caller(world.app, ""),
        ]
        granted = [
            set(caller.get("/v1/me")["permissions"]) if caller.token else set()
            for caller in everybody
        ]
        refused = 0

        for operation in writing(world.app):
            caller = next(
                member
                for member, may in zip(everybody, granted, strict=True)
                if operation.scopes <= may
            )
            read_only = (readable(world.app) | INVENTED) - writable(
                world.app, operation
            )
            path = operation.with_any_id()
            answer = caller.call(
                operation.method, path, dict.fromkeys(read_only, 1), If_Match='"1"'
            )
            assert pointers(answer) >= {f"#/{field}" for field in read_only}, str(
                operation
            )
            refused += len(read_only)
            # A single unknown field is refused too, not only many at once.
            one = caller.call(operation.method, path, {"org_id": 1}, If_Match='"1"')
            assert "#/org_id" in pointers(one), str(operation)

        assert len(writing(world.app)) > 20
        assert refused > 5_000

    @pytest.mark.parametrize(
        ("part", "field"),
        [
            *(("stops/0", name) for name in ("id", "status", "confirmed_pieces")),
            *(("stops/0/address", name) for name in ("id", "org_id")),
            *(("stops/0/contact", name) for name in ("id", "member_id")),
            *(("references/0", name) for name in ("id", "org_id")),
        ],
    )
    def test_a_part_of_a_body_refuses_read_only_fields_too(
        self, world: World, part: str, field: str
    ) -> None:
        shipper = world.shipper()
        body = world.load_body()
        body["stops"][0] |= {"address": {"city": "A"}, "contact": {"name": "B"}}
        body["references"] = [{"qualifier": "PO", "value": "1"}]
        whole = shipper.post("/v1/loads", body)
        assert whole.status == 201, whole.body
        inner: Any = body
        for step in part.split("/"):
            inner = inner[int(step) if step.isdigit() else step]
        inner[field] = "01a20371-674a-758b-a993-e37ffce75fc9"

        assert f"#/{part}/{field}" in pointers(shipper.post("/v1/loads", body))

    def test_a_fix_refuses_unknown_fields_too(self, world: World) -> None:
        driver = world.driver(world.company(), device=None)
        fix = {"fix_id": "01a20371-674a-758b-a993-e37ffce75fc9", "driver_id": "x"}

        answer = driver.post("/v1/positions", {"fixes": [fix]})

        assert answer["results"][0]["reason"] == "invalid-fix"

    def test_a_body_where_none_is_read_changes_nothing(self, world: World) -> None:
        shipper = world.shipper()
        load = world.load(shipper)
        path = f"/v1/loads/{load['id']}"
        renewed = shipper.put(f"{path}/posting", {"price_cents": 1, "org_id": "x"})

        assert renewed.status == 200
        assert renewed["price_cents"] == load["price_cents"]


def pointers(answer: Answer) -> set[str]:
    assert (answer.status, answer.code) == (422, "invalid-request"), answer.body
    return {error["pointer"] for error in answer["errors"]}


def test_the_table_names_roles_and_operations_that_exist(app: Flask) -> None:
    known: Table = json.loads(GOLDEN.read_text())
    there = {str(operation) for operation in guarded(app)}

    assert set(known) == there
