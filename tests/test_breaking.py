"""A break of any kind is found, and accepted if the change log names it."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests import breaking
from tests.breaking import breaks, named, unnamed

Change = Callable[[dict[str, Any]], None]

RELEASED: dict[str, Any] = {
    "paths": {
        "/v1/trucks/{truck_id}": {
            "put": {
                "operationId": "put_truck",
                "x-permission": "trucks:manage",
                "parameters": [
                    {
                        "in": "query",
                        "name": "limit",
                        "schema": {"type": "integer", "maximum": 200},
                    }
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/TruckIn"}
                        }
                    },
                    "required": True,
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/TruckOut"}
                            }
                        }
                    },
                    "404": {"description": "not-found"},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "TruckIn": {
                "type": "object",
                "required": ["unit_number"],
                "properties": {
                    "unit_number": {"type": "string", "maxLength": 40},
                    "equipment": {"type": "string", "enum": ["van", "reefer"]},
                    "payload_kg": {"type": ["number", "null"]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            },
            "TruckOut": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "position": {
                        "anyOf": [
                            {"$ref": "#/components/schemas/Place"},
                            {"type": "null"},
                        ]
                    },
                    "drivers": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"id": {}}},
                    },
                },
            },
            "Place": {"type": "object", "properties": {"lat": {"type": "number"}}},
        }
    },
}


def operation(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/v1/trucks/{truck_id}"]["put"]
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def field(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema(document, "TruckIn")["properties"][name]
    return found


BREAKS: dict[str, tuple[Change, str]] = {
    "path": (lambda document: document["paths"].clear(), "is gone"),
    "operation": (
        lambda document: document["paths"].update({"/v1/trucks/{truck_id}": {}}),
        "gone",
    ),
    "status": (
        lambda document: operation(document)["responses"].pop("404"),
        "status 404 is gone",
    ),
    "permission": (
        lambda document: operation(document).update({"x-permission": "x:y"}),
        "needs x:y",
    ),
    "parameter": (
        lambda document: operation(document)["parameters"].clear(),
        "limit is gone",
    ),
    "narrower parameter": (
        lambda document: operation(document)["parameters"][0]["schema"].update(
            maximum=100
        ),
        "maximum 100",
    ),
    "required parameter": (
        lambda document: operation(document)["parameters"][0].update(required=True),
        "limit is required",
    ),
    "response field": (
        lambda document: schema(document, "TruckOut")["properties"].pop("id"),
        "response 200.id is gone",
    ),
    "nested response field": (
        lambda document: schema(document, "Place")["properties"].pop("lat"),
        "response 200.position.lat is gone",
    ),
    "response field in a list": (
        lambda document: schema(document, "TruckOut")["properties"]["drivers"]["items"][
            "properties"
        ].clear(),
        "response 200.drivers[].id is gone",
    ),
    "response type": (
        lambda document: schema(document, "TruckOut")["properties"].update(
            id={"type": ["string", "null"]}
        ),
        "response 200.id is ['null', 'string']",
    ),
    "response body": (
        lambda document: operation(document)["responses"]["200"].pop("content"),
        "200 has no body",
    ),
    "request enum value": (
        lambda document: field(document, "equipment").update(enum=["van"]),
        "no longer takes reefer",
    ),
    "new enum": (
        lambda document: field(document, "unit_number").update(enum=["A"]),
        "no longer takes any value",
    ),
    "required field": (
        lambda document: schema(document, "TruckIn")["required"].append("equipment"),
        "request.equipment is required",
    ),
    "request field": (
        lambda document: schema(document, "TruckIn")["properties"].pop("tags"),
        "request.tags is gone",
    ),
    "narrower type": (
        lambda document: field(document, "payload_kg").update(type="number"),
        "request.payload_kg takes",
    ),
    "integer for number": (
        lambda document: field(document, "payload_kg").update(type=["integer", "null"]),
        "request.payload_kg takes",
    ),
    "item type": (
        lambda document: field(document, "tags")["items"].update(type="integer"),
        "request.tags[] takes",
    ),
    "shorter": (
        lambda document: field(document, "unit_number").update(maxLength=20),
        "maxLength 20",
    ),
    "longer": (
        lambda document: field(document, "unit_number").update(minLength=2),
        "minLength 2",
    ),
    "pattern": (
        lambda document: field(document, "unit_number").update(pattern="^T"),
        "pattern",
    ),
}

HARMLESS: dict[str, Change] = {
    "nothing": lambda document: None,
    "new path": lambda document: document["paths"].update(
        {"/v1/new": {"get": {"responses": {}}}}
    ),
    "new optional field": lambda document: schema(document, "TruckIn")[
        "properties"
    ].update(colour={"type": "string"}),
    "new answer field": lambda document: schema(document, "TruckOut")[
        "properties"
    ].update(colour={"type": "string"}),
    "new status": lambda document: operation(document)["responses"].update({"429": {}}),
    "new enum value": lambda document: field(document, "equipment").update(
        enum=["van", "reefer", "flatbed"]
    ),
    "wider": lambda document: field(document, "unit_number").update(maxLength=50),
    "wider type": lambda document: field(document, "unit_number").update(
        type=["string", "null"]
    ),
    "optional": lambda document: schema(document, "TruckIn")["required"].clear(),
    "no limit": lambda document: field(document, "unit_number").pop("maxLength"),
    "other words": lambda document: operation(document).update(summary="Put it."),
}


def changed(change: Change) -> dict[str, Any]:
    current = copy.deepcopy(RELEASED)
    change(current)
    return current


class TestBreaks:
    @pytest.mark.parametrize("kind", BREAKS)
    def test_every_kind_of_break_is_found(self, kind: str) -> None:
        change, words = BREAKS[kind]

        found = list(breaks(RELEASED, changed(change)))

        assert len(found) == 1, found
        assert found[0][0] == "put_truck"
        assert words in found[0][1]

    @pytest.mark.parametrize("kind", HARMLESS)
    def test_a_change_that_clients_do_not_notice_is_no_break(self, kind: str) -> None:
        assert list(breaks(RELEASED, changed(HARMLESS[kind]))) == []


class TestTheChangeLog:
    def test_accepts_a_break_that_it_names(self) -> None:
        gone = changed(BREAKS["path"][0])

        assert unnamed(RELEASED, gone, "## [Unreleased]\n")
        text = "## [Unreleased]\n\n- Breaking: `put_truck` is replaced by patch.\n"
        assert unnamed(RELEASED, gone, text) == []

    @pytest.mark.parametrize(
        "text",
        [
            "## [Unreleased]\n- Breaking: put_trucks is gone.\n",
            "## [Unreleased]\n- Changed: put_truck is gone.\n",
            "## [Unreleased]\n\n## [0.2.0]\n- Breaking: put_truck is gone.\n",
            "- Breaking: put_truck is gone.\n",
        ],
    )
    def test_does_not_accept_a_break_named_in_another_part(self, text: str) -> None:
        assert "put_truck" not in named(text)


class TestOurs:
    def test_breaks_nothing_that_the_change_log_does_not_name(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert breaking.main() == 0, capsys.readouterr().err

    def test_a_break_fails_the_check(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        current = json.loads(breaking.CURRENT.read_text())
        current["paths"].pop("/v1/me")
        path = tmp_path / "openapi.json"
        path.write_text(json.dumps(current))
        monkeypatch.setattr(breaking, "CURRENT", path)

        assert breaking.main() == 1
