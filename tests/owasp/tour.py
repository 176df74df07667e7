"""Each role calls every operation it may call, on rows it has access to."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from freight.roles import Role
from geo.points import Point
from models.people.organisations import OrganisationKind
from runtime.db import Session
from services.market.market import Market
from services.search.ask import search_requested
from services.search.run import SearchRules
from tests.api.people.test_second_factors import code
from tests.owasp.operations import Operation, guarded
from tests.test_security import Rows, area_body, bodies
from tests.world import (
    NEWARK,
    PASSWORD,
    ROADS,
    Answer,
    Caller,
    World,
    iso,
    utcnow,
)

Ids = dict[str, str]

PLACE = Point(40.7, -74.1)


@dataclass(frozen=True)
class Guest:
    """A caller of one role, and the ids of the rows it asks for."""

    role: Role
    caller: Caller
    ids: Ids


@dataclass(frozen=True)
class Heard:
    """What one operation answered to one role."""

    role: Role
    operation: Operation
    answer: Answer


@dataclass
class Tour:
    """Callers of every role, on rows of one carrier and one shipper."""

    world: World
    rows: Rows
    session: OrmSession

    def guests(self) -> list[Guest]:
        """Return the callers. Drivers and those who post come more than once: with an
        offer to answer or a posting to edit, and with a load that is carried."""
        rows, world = self.rows, self.world
        admin = world.member(rows.owner, Role.ADMIN)
        desk = world.member(rows.owner, Role.DISPATCHER)
        shipper = world.member(rows.shipper, Role.SHIPPER)
        broker = world.member(
            world.company(OrganisationKind.BROKER, Role.ADMIN), Role.BROKER
        )
        carrying = self._carrying()
        # Other freight than the desk's own: a carrier may not post what it carries.
        brokered = [self._load(broker, weight_kg=9_000) for _ in range(2)]
        # Too heavy for the truck, so that there are warnings to be seen.
        small = {"payload_kg": 5_000}
        carrier = world.driver(rows.owner, truck=small, device=None)
        load = brokered[1]["load"]
        world.assign(rows.owner, carrier, load, reason="customer_request")
        own = self._load(desk, weight_kg=8_000)
        world.assign(
            rows.owner,
            world.driver(rows.owner, truck=small, device=None),
            own["load"],
            reason="customer_request",
        )
        self._overrule(desk)
        drawn = str(uuid7())
        assert rows.driver.put(f"/v1/areas/{drawn}", area_body()).status == 200
        return [
            Guest(Role.ADMIN, admin, rows.ids),
            Guest(Role.DISPATCHER, desk, rows.ids),
            Guest(Role.DISPATCHER, desk, rows.ids | self._load(desk)["ids"]),
            Guest(Role.DISPATCHER, desk, rows.ids | own["ids"]),
            Guest(Role.DRIVER, rows.driver, rows.ids | {"area_id": drawn}),
            Guest(Role.DRIVER, carrying, rows.ids | {"driver_id": carrying.driver_id}),
            Guest(Role.SHIPPER, shipper, rows.ids),
            Guest(Role.SHIPPER, shipper, rows.ids | self._load(shipper)["ids"]),
            *(
                Guest(Role.BROKER, broker, rows.ids | posted["ids"])
                for posted in brokered
            ),
        ]

    def _load(self, poster: Caller, **fields: Any) -> dict[str, Any]:
        load = self.world.load(poster, NEWARK, **fields)
        ids = {"load_id": load["id"], "stop_id": load["stops"][0]["id"]}
        return {"load": load, "ids": ids}

    def _overrule(self, desk: Caller) -> None:
        """Make an override, so that the list of overrides is not empty."""
        driver = self.world.driver(self.rows.owner, device=None)
        load = self._load(desk)["load"]
        given = self.world.assign(desk, driver, load, reason="customer_request")
        decision = {"kind": "unassign", "reason": "safety"}
        path = f"/v1/assignments/{given['id']}/override"
        assert desk.post(path, decision).status == 201

    def walk(self) -> Iterator[Heard]:
        """Call each guest's operations; roll back the changes after each."""
        cast = self.guests()
        market = self.world.load(self.world.shipper(), NEWARK, weight_kg=21_000)["id"]
        for guest in cast:
            granted = set(guest.caller.get("/v1/me")["permissions"])
            for operation in guarded(self.world.app):
                if operation.scopes <= granted:
                    mark = self.session.connection().begin_nested()
                    answer = self.ask(guest, operation, market)
                    mark.rollback()
                    yield Heard(guest.role, operation, answer)

    def ask(self, guest: Guest, operation: Operation, market: str) -> Answer:
        ids = guest.ids | self._own(guest, operation)
        path = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], operation.path)
        if path.endswith("/explanation"):
            path += f"?load_id={ids['load_id']}"
        body = self._bodies(ids, market).get(operation.path)
        prepare = PREPARE.get(operation.path)
        if prepare is not None:
            body = prepare(self, guest, ids) or body
        return guest.caller.call(operation.method, path, body)

    def _own(self, guest: Guest, operation: Operation) -> Ids:
        if operation.path == "/v1/devices/{device_id}":
            # Only its own person may ask for a phone, though others may approve it.
            return {"device_id": self.world.phone(guest.caller, f"own-{uuid7()}")}
        return {}

    def _carrying(self) -> Caller:
        member_id, driver_id = self.session.execute(
            text(
                "select d.member_id, d.id from drivers d join assignments a"
                " on a.driver_id = d.id where a.id = :id"
            ),
            {"id": UUID(self.rows.ids["assignment_id"])},
        ).one()
        assert self.rows.owner.org_id
        driver = self.world.caller(member_id, self.rows.owner.org_id)
        return replace(driver, driver_id=str(driver_id))

    def _bodies(self, ids: Ids, market: str) -> dict[str, Any]:
        fix = {"fix_id": str(uuid7()), "fixed_at": iso(utcnow())}
        fix |= {"lat": PLACE.lat, "lon": PLACE.lon}
        given = {"load_id": market, "driver_id": self.rows.driver.driver_id}
        forced = {"kind": "force_assign", "reason": "safety"}
        person = {"name": "P", "email": f"{uuid7()}@example.com", "roles": ["driver"]}
        change = {"current_password": PASSWORD, "new_password": "a longer battery"}
        with_ids = {
            re.sub(r"<uuid:(\w+)>", r"{\1}", path): body
            for path, body in bodies(ids).items()
        }
        return with_ids | {
            "/v1/loads": self.world.load_body(),
            "/v1/assignments": given | {"reason": "customer_request"},
            "/v1/overrides": forced | given,
            "/v1/backhaul-searches": {
                "driver_id": ids["driver_id"],
                "place": {"lat": PLACE.lat, "lon": PLACE.lon},
            },
            "/v1/invitations": person,
            "/v1/positions": {"sent_at": iso(utcnow()), "fixes": [fix, {}]},
            "/v1/me/password": change,
            "/v1/organisation": {"hour_cents": 1_000},
            "/v1/me/second-factor": {"current_password": PASSWORD},
        }


Prepare = Callable[[Tour, Guest, Ids], Any]


def _arrive(tour: Tour, guest: Guest, ids: Ids) -> None:
    tour.world.report(tour.rows.owner, ids["stop_id"], "arrival")


def _load(tour: Tour, guest: Guest, ids: Ids) -> None:
    _arrive(tour, guest, ids)
    tour.world.report(tour.rows.owner, ids["stop_id"], "completion")
    tour.world.confirm(tour.rows.shipper, ids["stop_id"])


def _aboard(tour: Tour, guest: Guest, ids: Ids) -> None:
    """Let a driver load the freight of the guest's load, if nobody carries it yet."""
    driver = tour.world.driver(tour.rows.owner, device=None)
    given = {"load_id": ids["load_id"], "driver_id": driver.driver_id}
    given |= {"reason": "customer_request"}
    tour.rows.owner.post("/v1/assignments", given)
    _arrive(tour, guest, ids)
    tour.world.report(tour.rows.owner, ids["stop_id"], "completion")


def _interrupted(tour: Tour, guest: Guest, ids: Ids) -> None:
    _aboard(tour, guest, ids)
    path = f"/v1/loads/{ids['load_id']}/interruption"
    guest.caller.put(path, {"reason": "recall"})


def _enrol(tour: Tour, guest: Guest, ids: Ids) -> dict[str, str]:
    own = {"current_password": PASSWORD}
    secret = guest.caller.post("/v1/me/second-factor", own)["secret"]
    return {"code": code(secret)}


def _confirm(tour: Tour, guest: Guest, ids: Ids) -> dict[str, str]:
    given = _enrol(tour, guest, ids)
    made = guest.caller.put("/v1/me/second-factor/confirmation", given)
    return {"code": made["recovery_codes"][0]}


def _found(tour: Tour, guest: Guest, ids: Ids) -> dict[str, str]:
    """Let a dry run find a load for the guest's driver."""
    load_id = tour.world.load(tour.rows.shipper, NEWARK, weight_kg=3_000)["id"]
    asked = {"driver_id": tour.rows.driver.driver_id, "is_dry_run": True}
    search_id = tour.rows.owner.post("/v1/backhaul-searches", asked)["id"]
    rules = SearchRules.of(tour.world.settings, ROADS, Market(ROADS))
    with Session.begin() as session:
        search_requested(session, rules, search_id=UUID(search_id), now=utcnow())
    return {"search_id": search_id, "load_id": load_id}


PREPARE: dict[str, Prepare] = {
    "/v1/offers": _found,
    "/v1/stops/{stop_id}/completion": _arrive,
    "/v1/stops/{stop_id}/departure": _load,
    "/v1/loads/{load_id}/interruption": _aboard,
    "/v1/loads/{load_id}/return": _interrupted,
    "/v1/loads/{load_id}/delivery": _interrupted,
    "/v1/me/second-factor/confirmation": _enrol,
    "/v1/me/second-factor/removal": _confirm,
}
"""Steps to do before a request, so that its answer is a success."""


def names(value: Any, path: str = "") -> set[str]:
    """Return the name of every field in `value`, as `data[].load.id`.

    A name that is an id becomes `*`.
    """
    match value:
        case dict():
            parts = {UUID_NAME.sub("*", k): v for k, v in value.items()}
            here = {f"{path}.{key}".lstrip(".") for key in parts}
            return here.union(*(names(v, f"{path}.{k}") for k, v in parts.items()))
        case list():
            return set().union(*(names(part, f"{path}[]") for part in value))
    return set()


UUID_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
