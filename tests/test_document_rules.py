"""Rules that every schema and every operation of the API document follows.

What they are for: clients are generated from the document (`make clients`).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from marshmallow import fields

from api.kernel.answers import Answer, sometimes
from api.kernel.schemas import MORE
from models.booking.overrides import Override
from models.fleet.areas import Area
from models.fleet.drivers import Driver
from models.fleet.positions import LastPosition
from models.fleet.trucks import Truck
from models.kernel.row import Row
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.loads.stops import Stop
from models.offers.offers import Offer
from models.people.credentials import Invitation
from models.people.devices import Device
from models.people.organisations import Member, Organisation
from models.search.searches import BackhaulSearch
from tests import answers
from tests.answers import Book, is_nullable
from tests.codes import need_the_whole_suite

Json = dict[str, Any]

VERBS = {
    *("accept", "approve", "arrive", "assign", "cancel", "change", "complete"),
    *("confirm", "decline", "deliver", "depart", "draw", "edit", "enrol", "erase"),
    *("end", "explain", "hand", "interrupt", "return"),
    *("get", "invite", "list", "make", "mark", "override", "post", "refresh"),
    *("register", "remove", "renew", "report", "request", "revoke", "save", "sign"),
    *("sync", "withdraw"),
}

WORDS = {
    *("availability", "currency", "current_status", "decline_reason", "enrolment"),
    *("equipment", "kind", "load_status", "offer_status", "outcome", "permissions"),
    *("platform", "rate_type", "reason", "role", "roles", "stage", "status"),
    "strategy",
    *("target_kind", "trigger", "unit", "verdict", "verification", "visibility"),
}
"""Fields whose values are words of ours, so that the document lists them."""

FREE_TEXT = {
    "CancellationIn.reason": "a sentence of the poster",
    "ReadinessOut.reason": "a sentence for the operator",
    "Problem.reason": "a sentence for the operator",
    "Problem.status": "the HTTP status, a number",
}

MODELS: dict[str, type[Row]] = {
    "AreaOut": Area,
    "AssignmentOut": Assignment,
    "BareOfferOut": Offer,
    "CarriedOut": Assignment,
    "DeviceOut": Device,
    "DriverOut": Driver,
    "HeldAssignmentOut": Assignment,
    "InvitationOut": Invitation,
    "LoadOut": Load,
    "MarketLoadOut": Load,
    "MemberOut": Member,
    "OfferOut": Offer,
    "OfferedLoadOut": Load,
    "OrganisationOut": Organisation,
    "OverrideOut": Override,
    "PositionOut": LastPosition,
    "SearchOut": BackhaulSearch,
    "SearchSummary": BackhaulSearch,
    "StopOut": Stop,
    "TruckOut": Truck,
}
"""The table whose rows a schema shows."""

NEVER_NULL = {
    "truck_id": "a driver without a truck gets no load",
    "trace_id": "a search has always one",
    "cost_empty_cents_per_km": "our default stands for a cost that is not stated",
    "cost_loaded_cents_per_km": "our default stands for a cost that is not stated",
}
NEVER_NULL_HERE = {
    "MarketLoadOut.posted_at": "a load on the market was posted",
    "OfferedLoadOut.posted_at": "a load on the market was posted",
}
"""Fields that are never null though their column may be, and why."""


@pytest.fixture(scope="module")
def book(app: Flask) -> Book:
    return Book(json.loads(json.dumps(app.extensions["api"].spec.to_dict())))


@pytest.fixture(scope="module")
def operations(book: Book) -> list[Json]:
    return [
        operation
        for item in book.document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]


def parts(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Yield each part of a schema with its path, the whole first."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from parts(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from parts(schema[key], f"{path}[]")
    for choice in schema.get("anyOf", ()):
        yield from parts(choice, path)


def all_parts(book: Book) -> list[tuple[str, Json]]:
    return [
        found for name, schema in book.schemas.items() for found in parts(schema, name)
    ]


def properties(book: Book) -> list[tuple[str, str, Json]]:
    """Return schema, field and part of every property."""
    return [
        (name, field, part)
        for name, schema in book.schemas.items()
        for field, part in schema.get("properties", {}).items()
    ]


def words_of(book: Book, part: Json) -> list[str] | None:
    """Return the values that a text, or the texts of a list, may have."""
    for choice in [part, part.get("items", {}), *part.get("anyOf", ())]:
        if "$ref" in choice:
            choice = book.schemas[choice["$ref"].rpartition("/")[2]]
        if "enum" in choice:
            return list(choice["enum"])
    return None


class TestAnswers:
    def test_a_field_is_required_or_the_document_says_when_it_is_there(
        self, book: Book
    ) -> None:
        silent = [
            f"{name}.{field}"
            for name, field, part in properties(book)
            if name in book.answers()
            and (field in book.schemas[name].get("required", ()))
            is bool(re.search(r"\bOnly \w+", part.get("description", "")))
        ]

        assert silent == []

    def test_most_fields_are_required(self, book: Book) -> None:
        required = Counter(
            field in book.schemas[name].get("required", ())
            for name, field, _ in properties(book)
            if name in book.answers()
        )

        assert required[True] > 5 * required[False]

    def test_there_may_be_more_fields_later(self, book: Book) -> None:
        closed = [
            path
            for name in book.answers()
            for path, part in parts(book.schemas[name], name)
            if part.get("additionalProperties") is False
        ]

        assert closed == []

    def test_each_is_described(self, book: Book) -> None:
        assert [n for n, s in book.schemas.items() if not s.get("description")] == []

    def test_may_leave_out_what_is_marked(self) -> None:
        class ThingOut(Answer):
            name = fields.String()
            note = sometimes(fields.String(), "on Sundays")

        thing = ThingOut()

        assert thing.fields["name"].required
        assert not thing.fields["note"].required
        assert thing.fields["note"].metadata["description"] == "Only on Sundays."


class TestNulls:
    @pytest.mark.parametrize("name", MODELS)
    def test_a_field_of_a_row_is_nullable_if_its_column_is(
        self, book: Book, name: str
    ) -> None:
        columns = MODELS[name].__table__.columns
        differ = [
            field
            for field, part in book.schemas[name]["properties"].items()
            if field in columns
            and field not in NEVER_NULL
            and f"{name}.{field}" not in NEVER_NULL_HERE
            and is_nullable(part) is not columns[field].nullable
        ]

        assert differ == []

    def test_the_exceptions_are_needed(self, book: Book) -> None:
        nullable = {
            f"{name}.{field}"
            for name, model in MODELS.items()
            for field in book.schemas[name]["properties"]
            if field in model.__table__.columns
            and model.__table__.columns[field].nullable
            and not is_nullable(book.schemas[name]["properties"][field])
        }

        assert set(NEVER_NULL_HERE) <= nullable
        assert {
            each.partition(".")[2] for each in nullable - set(NEVER_NULL_HERE)
        } == set(NEVER_NULL)

    def test_the_whole_suite_has_seen_every_null_and_every_absence(
        self, request: pytest.FixtureRequest, book: Book, all_saw: Path
    ) -> None:
        """So the document allows no null and no absence that never happens."""
        need_the_whole_suite(request)
        assert sorted(book.may_be() - answers.seen) == []


class TestTypes:
    def test_no_object_is_untyped(self, book: Book) -> None:
        untyped = [
            path
            for path, part in all_parts(book)
            if "object" in part.get("type", ())
            and not part.get("properties")
            and not isinstance(part.get("additionalProperties"), dict)
        ]

        assert untyped == []

    def test_no_value_is_untyped(self, book: Book) -> None:
        untyped = [
            path
            for path, part in all_parts(book)
            if not {"type", "$ref", "anyOf"} & set(part)
            or ("array" in part.get("type", ()) and not part.get("items"))
        ]

        assert untyped == []

    def test_a_zone_is_a_text_with_a_format(self, book: Book) -> None:
        zones = [part for _, field, part in properties(book) if field == "zone"]

        assert len(zones) >= 2
        for part in zones:
            assert part["type"] in ("string", ["string", "null"])
            assert part["format"] == "iana-time-zone"
            assert "enum" not in part

    def test_no_body_has_a_default(self, book: Book) -> None:
        """Generators take an optional field with a default for a required one."""
        assert [path for path, part in all_parts(book) if "default" in part] == []

    def test_a_query_parameter_is_never_null(self, operations: list[Json]) -> None:
        for operation in operations:
            for parameter in operation.get("parameters", ()):
                assert not is_nullable(parameter["schema"]), parameter
                assert parameter["schema"].get("default", 0) is not None


class TestWords:
    def test_every_enum_is_a_text_of_which_there_may_be_more(self, book: Book) -> None:
        enums = {path: part for path, part in all_parts(book) if "enum" in part}

        assert len(enums) > 20
        for path, part in enums.items():
            assert part["type"] == "string", path
            assert part["description"].endswith(MORE), path
            assert len(part["enum"]) == len(set(part["enum"])), path

    def test_a_field_with_words_of_ours_lists_them(self, book: Book) -> None:
        bare = {
            f"{name}.{field}"
            for name, field, part in properties(book)
            if field in WORDS and words_of(book, part) is None
        }

        assert bare == set(FREE_TEXT)

    def test_the_words_are_those_of_the_document(self, book: Book) -> None:
        assert {field for _, field, _ in properties(book)} >= WORDS


class TestOperationIds:
    def test_are_what_a_person_would_call_it(self, operations: list[Json]) -> None:
        ids = [operation["operationId"] for operation in operations]
        odd = [
            name
            for name in ids
            if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)
            or name.partition("_")[0] not in VERBS
        ]

        assert odd == []
        assert [name for name, n in Counter(ids).items() if n > 1] == []
        assert {name.partition("_")[0] for name in ids} == VERBS

    def test_of_a_list_begin_with_list(self, operations: list[Json]) -> None:
        for operation in operations:
            names = {each["name"] for each in operation.get("parameters", ())}
            is_list = "cursor" in names and operation["operationId"] != "sync_changes"
            assert operation["operationId"].startswith("list_") is is_list
