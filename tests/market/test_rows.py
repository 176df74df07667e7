"""A row by the market's makers equals the row that the API writes, column by column."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from freight.roles import Role
from models.people.organisations import OrganisationKind
from runtime.db import Session
from services.people import organisations
from services.people.organisations import Company
from tests.callers import Caller
from tests.over_http import over_http
from tests.world import CHICAGO, NEW_YORK, NEWARK, World, utcnow

OWN = {
    *("name", "email", "password_hash", "load_number", "unit_number", "usdot_number"),
    *("seed", "target", "xid"),
}
"""Columns whose value is each row's own: only whether there is one is compared."""

NOT_COMPARED = {
    # Over HTTP a driver is hired first and then edited.
    ("drivers", "version"),
    # It depends on a setting; the test of sign-ins checks it.
    ("refresh_families", "expires_at"),
}

A_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
A_TIME = re.compile(r"\d{4}-\d\d-\d\dT\S+")

Shown = list[dict[str, Any]]
Make = Callable[[World], dict[str, UUID | str | None]]
"""Makes something; returns the ids by which its rows refer to each other."""


def shown_rows(table: str, ids: dict[str, Any], where: str) -> Shown:
    """Return the rows, with the ids by name and the times by their distance to now.

    where: a condition on the ids, as SQL parameters.
    """
    names = {str(value): name for name, value in ids.items() if value}
    now = utcnow()

    def shown(value: Any) -> Any:
        match value:
            case dict():
                return {key: shown(inner) for key, inner in value.items()}
            case list():
                return [shown(inner) for inner in value]
            case datetime():
                return f"{round((value - now) / timedelta(minutes=5))} x 5 min"
            case UUID():
                return names.get(str(value), "an id")
            case str() if A_UUID.fullmatch(value):
                return names.get(value, "an id")
            case str() if A_TIME.fullmatch(value):
                return shown(datetime.fromisoformat(value))
        return value

    with Session() as session:
        found = session.execute(
            text(f"select * from {table} where {where} order by 1"), ids
        ).mappings()
        return [
            {
                column: value is not None if column in OWN else shown(value)
                for column, value in row.items()
                if (table, column) not in NOT_COMPARED
            }
            for row in found
        ]


class TestCompanies:
    @pytest.mark.parametrize("kind", OrganisationKind)
    def test_equal_those_that_the_operator_founds(
        self, world: World, kind: OrganisationKind
    ) -> None:
        by_rows = world.company(kind, Role.ADMIN)
        number = None if kind is OrganisationKind.SHIPPER else "1"
        with Session.begin() as session:
            founded = organisations.found(
                session,
                Company("Hudson", kind, number),
                admin_name="Ada Admin",
                admin_email="ada@example.com",
                password_hash="x",
            )

        for table, where in (
            ("organisations", "id = :org"),
            ("members", "org_id = :org"),
        ):
            mine, theirs = (
                shown_rows(table, {"org": org_id, "member": member_id}, where)
                for org_id, member_id in (
                    (by_rows.org_id, by_rows.member_id),
                    (founded.org_id, founded.id),
                )
            )
            assert mine == theirs
            assert len(mine) == 1


OF_A_DRIVER = {
    "members": "id = :member",
    "drivers": "member_id = :member",
    "trucks": "id = (select truck_id from drivers where member_id = :member)",
    "devices": "member_id = :member",
    "refresh_families": "member_id = :member",
    "positions": "driver_id = :driver",
    "last_positions": "driver_id = :driver",
}


class TestPeople:
    def shown(self, table: str, who: Caller) -> Shown:
        ids = {"org": who.org_id, "member": who.member_id}
        with Session() as session:
            found = session.execute(
                text(
                    "select id as driver, truck_id as truck from drivers"
                    " where member_id = :member"
                ),
                ids,
            ).mappings()
            ids |= dict(found.one_or_none() or {})
        return shown_rows(table, ids, OF_A_DRIVER[table])

    @pytest.mark.parametrize("table", OF_A_DRIVER)
    def test_a_driver_with_a_truck_a_phone_and_a_position(
        self, world: World, table: str
    ) -> None:
        boss = world.company()
        mine = world.driver(boss, home=NEWARK)
        theirs = over_http(world).driver(boss, home=NEWARK)

        assert self.shown(table, mine) == self.shown(table, theirs)
        assert len(self.shown(table, mine)) == 1

    @pytest.mark.parametrize("role", [Role.DRIVER, Role.DISPATCHER, Role.ADMIN])
    @pytest.mark.parametrize("table", ["members", "drivers", "refresh_families"])
    def test_a_member_who_is_new(self, world: World, role: Role, table: str) -> None:
        boss = world.company()
        mine = world.member(boss, role)
        theirs = over_http(world).member(boss, role)

        assert self.shown(table, mine) == self.shown(table, theirs)

    def test_a_phone_on_which_its_owner_has_signed_in(self, world: World) -> None:
        boss = world.company()
        mine = world.cast.person(boss.org_id, [Role.DISPATCHER], has_phone=True)
        world.settle()
        device_id = uuid7()
        person = {"name": "P", "email": "p@example.com", "roles": ["dispatcher"]}
        token = boss.post("/v1/invitations", person)["token"]
        tokens = world.accept(token, device_id=str(device_id))
        member_id = UUID(tokens["member_id"])
        theirs = Caller(world.app, tokens["access_token"], member_id, boss.org_id)
        body = {"platform": "android", "target_kind": "fid", "target": "ok-phone"}
        body |= {"app_version": "1.0", "locale": "en"}
        assert theirs.put(f"/v1/devices/{device_id}", body).status == 200

        for table in ("devices", "refresh_families"):
            shown = [
                shown_rows(table, ids | {"org": boss.org_id}, "member_id = :member")
                for ids in (
                    {"member": mine.member["id"], "device": mine.device_id},
                    {"member": member_id, "device": device_id},
                )
            ]
            assert shown[0] == shown[1]
            assert len(shown[0]) == 1


OF_A_LOAD = {
    "loads": "id = :load",
    "stops": "load_id = :load",
    "events": "subject_id = :load",
}


class TestLoads:
    def shown(self, table: str, shipper: Caller, load: dict[str, Any]) -> Shown:
        ids = {"org": shipper.org_id, "member": shipper.member_id}
        ids |= {f"stop{n}": stop["id"] for n, stop in enumerate(load["stops"])}
        found = shown_rows(table, ids | {"load": load["id"]}, OF_A_LOAD[table])
        for row in found:
            # The order of the events of the whole database.
            row.pop("id") if table == "events" else None
        return sorted(found, key=lambda row: row.get("sequence", 0))

    @pytest.mark.parametrize("table", OF_A_LOAD)
    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"is_draft": True},
            {"visibility": "private", "equipment": ["van", "reefer"], "commodity": "x"},
            {
                "references": [{"qualifier": "PO", "value": "7"}],
                "equipment": ["reefer"],
                "temperature_min_c": -5.0,
                "temperature_max_c": 2.5,
                "has_hazmat": True,
                "length_m": 12.5,
                "currency": "CAD",
            },
        ],
        ids=["plain", "draft", "private", "full"],
    )
    def test_a_load_that_was_posted(
        self, world: World, table: str, fields: dict[str, Any]
    ) -> None:
        shipper = world.shipper()
        mine = world.load(shipper, NEW_YORK, CHICAGO, **fields)
        theirs = over_http(world).load(shipper, NEW_YORK, CHICAGO, **fields)

        shown = self.shown(table, shipper, mine)
        assert shown == self.shown(table, shipper, theirs)
        assert len(shown) == (2 if table == "stops" else 1)

    @pytest.mark.parametrize("table", OF_A_LOAD)
    def test_a_load_with_more_stops_and_all_that_is_known_of_them(
        self, world: World, table: str
    ) -> None:
        shipper, admin = world.shipper(), world.company(OrganisationKind.BROKER)
        stops = [
            world.stop_body(
                "pickup",
                NEW_YORK,
                address={"city": "New York", "state": "NY"},
                contact={"phone": "+12125550100"},
                instructions="Ring twice.",
            ),
            world.stop_body("pickup", NEWARK, facility="Dock 9"),
            world.stop_body("delivery", CHICAGO, facility="Hall 3"),
        ]
        for poster in (shipper, admin):
            mine = world.load(poster, stops=stops)
            theirs = over_http(world).load(poster, stops=stops)

            assert self.shown(table, poster, mine) == self.shown(table, poster, theirs)


class TestTheComparison:
    def test_finds_a_column_that_differs(self, world: World) -> None:
        shipper = world.shipper()
        made = [world.load(shipper, pieces=pieces) for pieces in (1, 2)]

        one, other = (
            shown_rows("loads", {"load": load["id"]}, "id = :load") for load in made
        )

        assert one != other
