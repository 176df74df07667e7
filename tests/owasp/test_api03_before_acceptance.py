"""API3: before acceptance nobody but the poster reads who stands at a load's docks, in
which street, or exactly where."""

import json
import re
from dataclasses import dataclass
from functools import cached_property

import pytest
from sqlalchemy.orm import Session as OrmSession

from freight.roles import Role
from models.people.organisations import OrganisationKind
from tests.owasp.operations import guarded
from tests.owasp.secret_loads import (
    DELIVERY,
    PICKUP,
    SECRETS,
    secret_load,
    secrets_in,
)
from tests.owasp.tour import Guest, Tour
from tests.services.scene import Scene, open_offers
from tests.test_security import Rows
from tests.world import Caller, World

SHOWN = ("Newark", "Gary", "40.74", "-74.17", "41.88", "-87.63")
"""What the market reads of it."""

ACCEPTS = "PUT /v1/offers/{offer_id}/acceptance"


@dataclass
class Docks:
    """A load that is offered to a driver, and one that its carrier has given back."""

    world: World
    rows: Rows

    @cached_property
    def shipper(self) -> Caller:
        return self.world.shipper()

    @cached_property
    def ids(self) -> dict[str, str]:
        world, rows = self.world, self.rows
        released = self.given_back()
        load = secret_load(world, self.shipper)
        search = Scene(world).search(rows.driver)
        (offer,) = [o for o in open_offers(rows.driver) if str(o.load_id) == load["id"]]
        return rows.ids | {
            "load_id": load["id"],
            "stop_id": load["stops"][0]["id"],
            "offer_id": str(offer.id),
            "search_id": str(search.id),
            "assignment_id": released,
        }

    def given_back(self) -> str:
        """Return an assignment whose driver was taken off its load."""
        driver = self.world.driver(self.rows.owner, device=None)
        load = secret_load(self.world, self.shipper)
        made = self.world.assign(
            self.rows.owner, driver, load, reason="customer_request"
        )
        path = f"/v1/assignments/{made['id']}/override"
        decision = {"kind": "unassign", "reason": "safety"}
        assert self.rows.owner.post(path, decision).status == 201
        withdrawn = self.shipper.delete(f"/v1/loads/{load['id']}/posting")
        assert withdrawn.status == 200
        return str(made["id"])

    def guests(self) -> list[Guest]:
        """Return a caller of every role, none of whom has a load of the shipper."""
        world, rows = self.world, self.rows
        rival = world.company()
        broker = world.company(OrganisationKind.BROKER, Role.ADMIN)
        ids = self.ids
        callers = {
            Role.DISPATCHER: [world.member(rows.owner, Role.DISPATCHER), rival],
            Role.DRIVER: [rows.driver, world.driver(rival, device=None)],
            Role.ADMIN: [world.member(rows.owner, Role.ADMIN)],
            Role.SHIPPER: [world.shipper()],
            Role.BROKER: [world.member(broker, Role.BROKER)],
        }
        return [
            Guest(role, caller, ids) for role in callers for caller in callers[role]
        ]


@pytest.fixture
def docks(world: World, rows: Rows) -> Docks:
    return Docks(world, rows)


def test_no_operation_tells_any_role_more_than_the_market_sees(
    docks: Docks, session: OrmSession
) -> None:
    world = docks.world
    tour = Tour(world, docks.rows, session)
    guests = docks.guests()
    other = world.load(docks.rows.shipper)["id"]
    told: dict[str, set[str]] = {}
    shown: set[str] = set()
    asked = 0

    for guest in guests:
        granted = set(guest.caller.get("/v1/me")["permissions"])
        for operation in guarded(world.app):
            if operation.scopes <= granted and str(operation) != ACCEPTS:
                mark = session.connection().begin_nested()
                answer = tour.ask(guest, operation, other)
                mark.rollback()
                asked += 1
                if found := secrets_in(answer):
                    told[f"{operation} to {guest.role}"] = found
                said = json.dumps(answer.body)
                if all(word in said for word in SHOWN[2:]):
                    shown.add(str(operation))

    assert told == {}
    assert asked > 150
    assert shown >= {
        "GET /v1/loads",
        "GET /v1/loads/market",
        "GET /v1/loads/{load_id}",
        "GET /v1/offers",
        "GET /v1/offers/{offer_id}",
        "GET /v1/sync",
        "GET /v1/assignments",
        "GET /v1/assignments/{assignment_id}",
        "GET /v1/backhaul-searches/{search_id}",
        "PUT /v1/offers/{offer_id}/seen",
        "PUT /v1/offers/{offer_id}/decline",
    }


def test_the_carrier_reads_it_from_acceptance_on_and_not_after_giving_back(
    docks: Docks,
) -> None:
    ids, driver, desk = docks.ids, docks.rows.driver, docks.rows.owner
    load, offer = f"/v1/loads/{ids['load_id']}", f"/v1/offers/{ids['offer_id']}"
    before = driver.get(load)
    assert (before["form"], secrets_in(before)) == ("market", set())

    won = driver.put(f"{offer}/acceptance")

    everything = set(SECRETS)
    assert won["load"]["form"] == "full"
    assert secrets_in(won) == everything
    for caller in (driver, desk, docks.shipper):
        assert secrets_in(caller.get(load)) == everything
    for caller in (driver, desk):
        assert secrets_in(caller.get("/v1/assignments")) == everything
        assert secrets_in(caller.get("/v1/sync")) == everything
    assert secrets_in(driver.get("/v1/me")) == everything
    assert secrets_in(desk.get("/v1/fleet")) == everything

    path = f"/v1/assignments/{won['id']}"
    decision = {"kind": "unassign", "reason": "safety"}
    assert desk.post(f"{path}/override", decision).status == 201
    for caller in (driver, desk):
        assert caller.get(path)["load"]["form"] == "market"
        assert secrets_in(caller.get(path)) == set()
        assert secrets_in(caller.get("/v1/sync")) == set()


def test_a_poster_reads_everything_before_anybody_accepts(docks: Docks) -> None:
    shown = docks.shipper.get(f"/v1/loads/{docks.ids['load_id']}")

    assert shown["form"] == "full"
    assert secrets_in(shown) == set(SECRETS)
    assert secrets_in(docks.shipper.get("/v1/sync")) == set(SECRETS)


def test_a_place_without_a_town_does_not_name_the_customer(world: World) -> None:
    stops = [
        world.stop_body(kind, at, ends_h=96, facility="Customer Dock")
        for kind, at in (("pickup", PICKUP), ("delivery", DELIVERY))
    ]
    shipper = world.shipper()
    posted = shipper.post("/v1/loads", world.load_body(stops=stops))

    (market,) = world.company().get("/v1/loads/market")["data"]

    assert posted["pickup_place"] == "Customer Dock"
    assert market["pickup_place"] is None
    assert re.search("Customer", json.dumps(market)) is None
