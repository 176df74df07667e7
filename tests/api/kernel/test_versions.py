"""ETag and If-Match: an edit cannot overwrite a version its client has not seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from api.kernel.openapi import operations
from runtime.db import Session
from tests.services.scene import at_once
from tests.test_security import area_body
from tests.world import Caller, World

EDITS = {
    ("PATCH", "/v1/loads/<uuid:load_id>"),
    ("PUT", "/v1/trucks/<uuid:truck_id>"),
    ("PATCH", "/v1/drivers/<uuid:driver_id>"),
    ("PATCH", "/v1/organisation"),
    ("PUT", "/v1/areas/<uuid:area_id>"),
    ("DELETE", "/v1/areas/<uuid:area_id>"),
}
FACTS = {
    *("arrival", "completion", "departure", "pickup-confirmation"),
    *("posting", "cancellation", "seen", "acceptance", "decline"),
    # Give up a load, say where its freight went, end a flag.
    *("hand-back", "interruption", "return", "delivery", "end"),
    # Withdraw an invitation, approve a phone, set a password, confirm a factor.
    *("<uuid:invitation_id>", "approval", "password", "confirmation"),
}
"""Facts: they may be repeated, and they overwrite nothing."""
OWN = {"/v1/devices/<uuid:device_id>", "/v1/sessions"}
"""A phone's own registration, repeated at every start, and the end of a sign-in."""


@dataclass
class Row:
    """A row that clients edit, with the request that edits it."""

    caller: Caller
    path: str
    method: str
    body: Any
    other: Any

    def edit(self, tag: str, body: Any = None) -> Any:
        return self.caller.call(self.method, self.path, body or self.body, If_Match=tag)


def load_row(world: World) -> Row:
    shipper = world.shipper()
    path = f"/v1/loads/{world.load(shipper)['id']}"
    return Row(shipper, path, "PATCH", {"price_cents": 5}, {"price_cents": 6})


def truck_row(world: World) -> Row:
    boss = world.company()
    path = f"/v1/trucks/{world.truck(boss)}"
    body = {"unit_number": "X", "equipment": "van"}
    return Row(boss, path, "PUT", body, body | {"equipment": "reefer"})


def driver_row(world: World) -> Row:
    boss = world.company()
    path = f"/v1/drivers/{world.driver(boss, device=None).driver_id}"
    return Row(boss, path, "PATCH", {"home_label": "A"}, {"home_label": "B"})


def organisation_row(world: World) -> Row:
    body = {"hour_cents": 1_000}
    other = {"hour_cents": 3_000}
    return Row(world.company(), "/v1/organisation", "PATCH", body, other)


def area_row(world: World) -> Row:
    boss, path = world.company(), f"/v1/areas/{uuid7()}"
    assert boss.put(path, area_body()).status == 200
    new, other = area_body() | {"name": "New"}, area_body() | {"name": "Other"}
    return Row(boss, path, "PUT", new, other)


def erased_area_row(world: World) -> Row:
    row = area_row(world)
    return Row(row.caller, row.path, "DELETE", None, None)


MAKERS = [load_row, truck_row, driver_row, organisation_row, area_row]
each_row = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
each_edit = pytest.mark.parametrize(
    "make", [*MAKERS, erased_area_row], ids=lambda make: make.__name__
)
Maker = Callable[[World], Row]


class TestTheTag:
    @each_row
    def test_is_new_with_each_change(self, world: World, make: Maker) -> None:
        row = make(world)
        first = row.caller.get(row.path).headers["ETag"]

        changed = row.edit(first)

        assert changed.status == 200
        assert first.startswith('"')
        assert changed.headers["ETag"] != first
        assert row.caller.get(row.path).headers["ETag"] == changed.headers["ETag"]

    @each_row
    def test_a_client_that_has_the_version_gets_no_body(
        self, world: World, make: Maker
    ) -> None:
        row = make(world)
        shown = row.caller.get(row.path)
        tag = shown.headers["ETag"]

        spared = row.caller.get(row.path, If_None_Match=f'"x", {tag}')
        head = row.caller.call("HEAD", row.path, If_None_Match=tag)
        row.edit(tag)
        after = row.caller.get(row.path, If_None_Match=tag)

        assert (spared.status, spared.body) == (304, None)
        assert spared.headers["ETag"] == tag
        assert head.status == 304
        assert after.status == 200
        assert after.body != shown.body

    def test_is_the_same_for_every_role(self, world: World) -> None:
        carrier, shipper = world.company(), world.shipper()
        driver, load = world.driver(carrier, device=None), world.load(shipper)
        world.assign(carrier, driver, load)

        tags = {
            caller.get(f"/v1/loads/{load['id']}").headers["ETag"]
            for caller in (carrier, shipper, driver)
        }

        assert len(tags) == 1

    def test_a_load_gets_a_new_one_with_every_fact_at_its_stops(
        self, world: World
    ) -> None:
        carrier, shipper = world.company(), world.shipper()
        driver, load = world.driver(carrier, device=None), world.load(shipper)
        world.assign(carrier, driver, load)
        path, stop_id = f"/v1/loads/{load['id']}", load["stops"][0]["id"]
        seen = [shipper.get(path)]

        for tell in (
            lambda: world.report(driver, stop_id, "arrival"),
            lambda: world.report(driver, stop_id, "completion"),
            lambda: world.confirm(shipper, stop_id),
            lambda: world.confirm(shipper, stop_id, pieces=19),
            lambda: world.report(driver, stop_id, "departure"),
        ):
            assert tell().status == 200
            seen.append(shipper.get(path, If_None_Match=seen[-1].headers["ETag"]))

        assert [answer.status for answer in seen] == [200] * 6
        assert len({answer.headers["ETag"] for answer in seen}) == 6

    def test_a_repeated_fact_does_not_change_it(self, world: World) -> None:
        carrier, shipper = world.company(), world.shipper()
        driver, load = world.driver(carrier, device=None), world.load(shipper)
        world.assign(carrier, driver, load)
        at = {"occurred_at": "2026-11-22T10:00:00Z"}
        world.report(driver, load["stops"][0]["id"], "arrival", **at)
        before = shipper.get(f"/v1/loads/{load['id']}").headers["ETag"]

        world.report(driver, load["stops"][0]["id"], "arrival", **at)

        assert shipper.get(f"/v1/loads/{load['id']}").headers["ETag"] == before

    def test_new_stops_make_a_new_version_of_the_load(self, world: World) -> None:
        shipper, body = world.shipper(), world.load_body()
        load = shipper.post("/v1/loads", body).body
        path = f"/v1/loads/{load['id']}"
        before = shipper.get(path).headers["ETag"]
        body["stops"][0]["instructions"] = "Ring twice."

        edited = shipper.patch(path, {"stops": body["stops"]})

        assert edited["stops"][0]["instructions"] == "Ring twice."
        assert edited.headers["ETag"] != before

    def test_a_driver_gets_a_new_one_with_their_truck_and_availability(
        self, world: World
    ) -> None:
        boss = world.company()
        driver = world.driver(boss, device=None)
        path = f"/v1/drivers/{driver.driver_id}"
        tags = [boss.get(path).headers["ETag"]]
        truck = boss.get(path)["truck"]["id"]

        body = {"unit_number": "N", "equipment": "reefer"}
        assert boss.put(f"/v1/trucks/{truck}", body).status == 200
        tags.append(boss.get(path).headers["ETag"])
        boss.put(f"/v1/trucks/{truck}", body | {"equipment": "van"})
        world.assign(boss, driver, world.load(world.shipper()))
        tags.append(boss.get(path).headers["ETag"])

        assert boss.get(path)["availability"] == "on_load"
        assert len(set(tags)) == 3


class TestAnEdit:
    def test_these_are_edits_and_all_else_is_a_fact(self, app: Flask) -> None:
        marks = {
            (method, rule.rule): getattr(view, "is_edit", False)
            for rule, method, view in operations(app)
            if method in {"PUT", "PATCH", "DELETE"}
        }

        assert {where for where, is_edit in marks.items() if is_edit} == EDITS
        others = {path for (_, path), is_edit in marks.items() if not is_edit}
        assert {path.split("/")[-1] for path in others - OWN} == FACTS

    @each_edit
    def test_must_name_the_version_it_means(self, world: World, make: Maker) -> None:
        row = make(world)

        answer = row.edit("")

        assert (answer.status, answer.code) == (428, "precondition-required")

    @each_edit
    @pytest.mark.parametrize("tag", ["*", "weak", '"0"', '"999"', "nonsense", '""'])
    def test_of_another_version_changes_nothing(
        self, world: World, make: Maker, tag: str
    ) -> None:
        row = make(world)
        before = row.caller.get(row.path)
        given = f"W/{before.headers['ETag']}" if tag == "weak" else tag

        answer = row.edit(given)

        assert (answer.status, answer.code) == (412, "version-mismatch")
        after = row.caller.get(row.path)
        assert after.body == before.body
        assert after.headers["ETag"] == before.headers["ETag"]

    def test_with_a_version_is_refused_for_a_wrong_status(self, world: World) -> None:
        row, carrier = load_row(world), world.company()
        load = row.caller.get(row.path).body
        world.assign(carrier, world.driver(carrier, device=None), load)
        tag = row.caller.get(row.path).headers["ETag"]

        codes = [row.edit(given).code for given in ("", '"0"', tag)]

        assert codes == ["precondition-required", "load-status", "load-status"]

    @each_row
    def test_with_an_old_tag_is_refused(self, world: World, make: Maker) -> None:
        row = make(world)
        tag = row.caller.get(row.path).headers["ETag"]
        row.edit(tag)

        assert row.edit(tag, row.other).code == "version-mismatch"
        assert (
            row.edit(row.caller.get(row.path).headers["ETag"], row.other).status == 200
        )

    @each_row
    def test_one_of_several_tags_is_enough(self, world: World, make: Maker) -> None:
        row = make(world)

        answer = row.edit(f'"x", {row.caller.get(row.path).headers["ETag"]}')

        assert answer.status == 200

    def test_an_area_is_erased_by_the_version_that_was_seen(self, world: World) -> None:
        row = erased_area_row(world)

        erased = row.edit(row.caller.get(row.path).headers["ETag"])

        assert erased.status == 204
        assert row.caller.get(row.path).code == "not-found"

    def test_of_a_row_that_changes_behind_the_lock_is_refused(
        self, world: World, session: OrmSession
    ) -> None:
        row = load_row(world)
        tag = row.caller.get(row.path).headers["ETag"]

        def other_writer(other: OrmSession, *_: object) -> None:
            other.execute(text("update loads set version = version + 1"))

        event.listen(OrmSession, "before_flush", other_writer)
        try:
            answer = row.edit(tag)
        finally:
            event.remove(OrmSession, "before_flush", other_writer)

        assert (answer.status, answer.code) == (412, "version-mismatch")
        assert row.caller.get(row.path).headers["ETag"] == tag


class TestMaking:
    @pytest.mark.parametrize("header", ["", "*"])
    @pytest.mark.parametrize("noun", ["trucks", "areas"])
    def test_needs_no_version(self, world: World, noun: str, header: str) -> None:
        path = f"/v1/{noun}/{uuid7()}"
        body = {"unit_number": "A", "equipment": "van"}
        body = body if noun == "trucks" else area_body()

        made = world.company().put(path, body, If_Match="", If_None_Match=header)

        assert made.status == 200
        assert made.headers["ETag"] == '"1"'

    @pytest.mark.parametrize("make", [truck_row, area_row], ids=["trucks", "areas"])
    def test_replaces_nothing(self, world: World, make: Maker) -> None:
        row = make(world)

        answer = row.caller.put(row.path, row.body, If_Match="", If_None_Match="*")

        assert (answer.status, answer.code) == (412, "version-mismatch")

    @pytest.mark.parametrize("noun", ["trucks", "areas"])
    def test_is_not_done_by_an_edit_of_a_missing_row(
        self, world: World, noun: str
    ) -> None:
        boss, path = world.company(), f"/v1/{noun}/{uuid7()}"
        body = {"unit_number": "A", "equipment": "van"}
        body = body if noun == "trucks" else area_body()

        assert boss.put(path, body, If_Match='"1"').code == "not-found"
        assert boss.get(f"/v1/{noun}")["data"] == []


class TestAtOnce:
    @pytest.mark.parametrize(
        "make", [load_row, truck_row, driver_row], ids=lambda make: make.__name__
    )
    def test_of_a_hundred_with_the_same_tag_one_wins(
        self, committed: World, make: Maker
    ) -> None:
        row = make(committed)
        table = row.path.split("/")[2]
        tag, before = row.caller.get(row.path).headers["ETag"], version_of(table, row)

        answers = at_once(*[lambda: row.edit(tag)] * 100)

        statuses = [getattr(answer, "status", answer) for answer in answers]
        assert sorted(statuses, key=str) == [200] + [412] * 99
        assert version_of(table, row) == before + 1


def version_of(table: str, row: Row) -> int:
    with Session() as session:
        version: int = session.scalars(
            text(f"select version from {table} where id = :id"),
            {"id": row.path.split("/")[3]},
        ).one()
        return version
