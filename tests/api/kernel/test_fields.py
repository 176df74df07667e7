"""What text of people must be: something that can be seen, in one direction."""

import marshmallow as ma
import pytest
from flask import Flask
from marshmallow import fields, validate
from uuid_utils.compat import uuid7

from api.kernel.answers import Answer
from api.kernel.fields import NO_CONTROLS, IsLegible, IsState, IsZone
from tests.services.scene import Scene
from tests.world import World

UNSEEN = {
    "spaces": "   ",
    "no-break space": "\u00a0",
    "zero width": "\u200b\u200d\ufeff",
    "marks of a direction": "\u200e\u200f\u061c",
    "controls": "\t\n\x85",
    "line separators": "\u2028\u2029",
    "Hangul filler": "\u3164",
    "Braille blank": "\u2800",
    "an accent on nothing": " \u0301",
    "tags": "\U000e0041",
    "a variation of nothing": "\ufe0f",
    "a null notehead": "\U0001d159",
    "private use": "\ue000\U000f0000\U00100000",
    "the place of an object": "\ufffc",
    "blank hieroglyphs": "\U00013441\U00013442",
}
CONTROLS = {
    "line feed": "\n",
    "carriage return": "\r",
    "tab": "\t",
    "escape": "\x1b",
    "delete": "\x7f",
    "next line": "\x85",
    "control sequence": "\x9b",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
}
TURNED = {
    "override": "Acme \u202egnippihS\u202c",
    "embedding": "a\u202bb\u202c",
    "isolate": "a\u2067b\u2069",
    "only": "\u202e",
}
HONEST = [
    "Jos\u00e9 Nu\u0308n\u0303ez",
    "\u05d3\u05e0\u05d4 \u200f(5)",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u6d77\u6e2f",
    "\U0001f69a\u200d\U0001f468 1",
    "-",
]


def truck(unit_number: str) -> dict[str, str]:
    return {"unit_number": unit_number, "equipment": "van"}


class TestALine:
    @pytest.mark.parametrize("unit_number", UNSEEN.values(), ids=UNSEEN)
    def test_must_show_something(self, world: World, unit_number: str) -> None:
        answer = world.company().put(f"/v1/trucks/{uuid7()}", truck(unit_number))

        assert answer.status == 422
        assert {error["pointer"] for error in answer["errors"]} == {"#/unit_number"}

    @pytest.mark.parametrize("unit_number", TURNED.values(), ids=TURNED)
    def test_must_not_turn_its_direction(self, world: World, unit_number: str) -> None:
        answer = world.company().put(f"/v1/trucks/{uuid7()}", truck(unit_number))

        assert answer.status == 422
        assert "direction" in answer["errors"][0]["detail"]

    @pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
    @pytest.mark.parametrize("text", ["T-{}104", "T-104{}"])
    def test_must_not_control_what_prints_it(
        self, world: World, text: str, control: str
    ) -> None:
        body = truck(text.format(control))

        answer = world.company().put(f"/v1/trucks/{uuid7()}", body)

        assert answer.status == 422
        assert "Control characters" in answer["errors"][0]["detail"]

    @pytest.mark.parametrize("unit_number", HONEST)
    def test_may_be_in_any_script(self, world: World, unit_number: str) -> None:
        desk = world.company()

        answer = desk.put(f"/v1/trucks/{uuid7()}", truck(unit_number))

        assert answer.status == 200
        assert answer["unit_number"] == unit_number


class TestANote:
    @pytest.mark.parametrize(
        ("note", "status"),
        [
            *(("\u200b ", 422), ("why \u202ethis", 422), ("", 201)),
            *(("Two\r\n\tlines\n", 201), ("why\x1b[2J", 422), ("why\x9b2J", 422)),
        ],
    )
    def test_may_be_empty_but_not_unseen(
        self, world: World, note: str, status: int
    ) -> None:
        scene = Scene(world)
        assignment = scene.assigned(scene.driver(), scene.load())
        body = {"kind": "unassign", "reason": "safety", "note": note}

        answer = scene.carrier.post(f"/v1/assignments/{assignment}/override", body)

        assert answer.status == status


class TestInstructions:
    @pytest.mark.parametrize(
        ("instructions", "status"),
        [("Ring twice.\n\tDock 4", 201), ("Ring\x85", 422), ("", 422), ("\n", 422)],
    )
    def test_may_have_lines_but_no_other_controls(
        self, world: World, instructions: str, status: int
    ) -> None:
        body = world.load_body()
        body["stops"][0]["instructions"] = instructions

        assert world.shipper().post("/v1/loads", body).status == status


def test_a_country_ends_with_its_second_letter(world: World) -> None:
    body = world.load_body()
    body["stops"][0]["address"] = {"country": "US\n"}

    assert world.shipper().post("/v1/loads", body).status == 422


def test_no_pattern_takes_a_line_end_after_the_text() -> None:
    patterns = {
        check.regex.pattern
        for schema in kinds_of(ma.Schema)
        if schema.__module__.startswith("api.")
        for field in schema._declared_fields.values()
        for check in field.validators
        if isinstance(check, validate.Regexp)
    }

    ended = {each for each in patterns if each.endswith(r"(?!\n)$")}

    assert patterns - ended == {NO_CONTROLS}


NO_WORDS = {
    *("password", "current_password", "new_password"),
    *("cursor", "target", "country", "at", "from_", "until"),
}
"""Texts that are no words."""

CLOSED = (IsLegible, IsZone, IsState, validate.OneOf, validate.Email)


def test_every_text_that_a_person_may_read_must_be_legible(app: Flask) -> None:
    texts = [
        (schema.__name__, name, field.validators)
        for schema in kinds_of(ma.Schema)
        if schema.__module__.startswith("api.") and not issubclass(schema, Answer)
        for name, field in schema._declared_fields.items()
        if isinstance(field, fields.String) and not isinstance(field, fields.UUID)
    ]

    illegible = {
        (schema, name)
        for schema, name, checks in texts
        if name not in NO_WORDS
        and not any(isinstance(check, CLOSED) for check in checks)
    }

    assert illegible == set()
    assert len(texts) > 30


def kinds_of(base: type[ma.Schema]) -> set[type[ma.Schema]]:
    below = set(base.__subclasses__())
    return below.union(*(kinds_of(kind) for kind in below))
