"""API1, broken object level authorisation: what each caller gets for every id.

Companies have no agreements with each other yet, so there is no partner to ask as.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from api.kernel.openapi import operations
from freight.roles import Role
from models.people.organisations import OrganisationKind
from runtime.db import Session
from services.kernel.actors import PERMISSIONS
from services.upkeep import suspensions
from tests.owasp.proofs import missing as missing_proofs
from tests.test_security import MADE_BY_PUT, PUBLIC, PUBLIC_PAGES, Rows, ask, routes
from tests.test_security import said as said_by
from tests.world import Answer, Caller, World, utcnow

Ids = dict[str, str]

DESK, DRIVER, SHIPPER = "owner", "driver", "shipper"

TABLE = {
    "DELETE /v1/areas/<area_id>": (DESK, 204, "not-found"),
    "GET /v1/areas/<area_id>": (DESK, 200, 200),
    "PUT /v1/areas/<area_id>": (DESK, 200, "not-found"),
    "GET /v1/assignments/<assignment_id>": (DESK, 200, "not-found"),
    "PUT /v1/assignments/<assignment_id>/hand-back": (DESK, 200, "not-found"),
    "POST /v1/assignments/<assignment_id>/override": (DESK, 201, 403),
    "GET /v1/backhaul-searches/<search_id>": (DRIVER, 200, "not-found"),
    "GET /v1/backhaul-searches/<search_id>/explanation": (DRIVER, 200, "not-found"),
    "DELETE /v1/devices/<device_id>": (DRIVER, 204, "not-found"),
    "PUT /v1/devices/<device_id>": (DRIVER, 200, "id-taken"),
    "DELETE /v1/devices/<device_id>/approval": (DESK, 204, 403),
    "PUT /v1/devices/<device_id>/approval": (DESK, 200, 403),
    "GET /v1/drivers/<driver_id>": (DRIVER, 200, "not-found"),
    "PATCH /v1/drivers/<driver_id>": (DRIVER, 200, "not-found"),
    "GET /v1/drivers/<driver_id>/waiting": (DRIVER, 200, "not-found"),
    "PUT /v1/flags/<flag_id>/end": (DESK, 200, 403),
    "DELETE /v1/invitations/<invitation_id>": (DESK, 204, 403),
    "GET /v1/loads/<load_id>": (SHIPPER, 200, "not-found"),
    "GET /v1/loads/<load_id>/route": (SHIPPER, 200, "not-found"),
    "PATCH /v1/loads/<load_id>": (SHIPPER, 200, 403),
    "PUT /v1/loads/<load_id>/cancellation": (SHIPPER, 200, 403),
    "GET /v1/loads/<load_id>/carrier-record": (SHIPPER, 200, 403),
    "GET /v1/loads/<load_id>/endings": (SHIPPER, 200, 403),
    "PUT /v1/loads/<load_id>/interruption": (SHIPPER, "load-status", 403),
    "PUT /v1/loads/<load_id>/return": (SHIPPER, "load-status", 403),
    "PUT /v1/loads/<load_id>/delivery": (SHIPPER, "load-status", 403),
    "PUT /v1/loads/<load_id>/confirmation": (SHIPPER, 200, 403),
    "DELETE /v1/loads/<load_id>/posting": (SHIPPER, 200, 403),
    "PUT /v1/loads/<load_id>/posting": (SHIPPER, 200, 403),
    "GET /v1/offers/<offer_id>": (DRIVER, 200, "not-found"),
    "GET /v1/offers/<offer_id>/route": (DRIVER, 200, "not-found"),
    "PUT /v1/offers/<offer_id>/acceptance": (DRIVER, 200, "not-found"),
    "PUT /v1/offers/<offer_id>/decline": (DRIVER, 200, "not-found"),
    "PUT /v1/offers/<offer_id>/seen": (DRIVER, 200, "not-found"),
    "PUT /v1/stops/<stop_id>/arrival": (DESK, 200, "not-found"),
    "PUT /v1/stops/<stop_id>/completion": (DESK, "stop-status", "not-found"),
    "PUT /v1/stops/<stop_id>/departure": (DESK, "stop-status", "not-found"),
    "PUT /v1/stops/<stop_id>/pickup-confirmation": (SHIPPER, 200, 403),
    "GET /v1/trucks/<truck_id>": (DESK, 200, 200),
    "PUT /v1/trucks/<truck_id>": (DESK, 200, 403),
}
"""operation -> (the owner of the row, the answer to the owner, the answer to a driver
who is a colleague of the owner): the status of a success, 403 for a missing permission,
or the code. All other callers get the same answer everywhere; see the tests."""


@dataclass
class Cast:
    """The owners of the rows; what a request changes is rolled back."""

    rows: Rows
    ids: Ids
    session: OrmSession

    def owner(self, name: str) -> Caller:
        who: Caller = getattr(self.rows, TABLE[name][0])
        return who

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Roll back what is done within."""
        mark = self.session.connection().begin_nested()
        try:
            yield
        finally:
            mark.rollback()
            self.session.expire_all()

    def ask(self, caller: Caller, route: Any, ids: Ids) -> Answer:
        with self.undone():
            return ask(caller, route, ids)


def name_of(route: Any) -> str:
    return f"{route.method} {route.path}".replace("<uuid:", "<")


def with_ids(app: Flask) -> list[Any]:
    return [route for route in routes(app) if route.arguments and route.permission]


def outcome(answer: Answer) -> int | str:
    """Return the answer in the form of TABLE: a status or a code."""
    if answer.status < 300:
        return answer.status
    return 403 if answer.code == "missing-permission" else answer.code


@pytest.fixture
def cast(world: World, rows: Rows, session: OrmSession) -> Cast:
    ids = dict(rows.ids)
    return Cast(rows, ids, session)


def surprises(cast: Cast, act: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return the result of `act` for each operation where it is not None."""
    app = cast.rows.owner.app
    said = {name_of(route): act(name_of(route), route) for route in with_ids(app)}
    return {name: surprise for name, surprise in said.items() if surprise is not None}


def unlike(expected: int | str, answer: Answer) -> Any:
    return None if outcome(answer) == expected else (expected, answer.body)


def test_the_table_has_every_operation_with_an_id_and_no_other(app: Flask) -> None:
    assert {name_of(route) for route in with_ids(app)} == set(TABLE)
    public = [
        rule.rule
        for rule, method, view in operations(app)
        if rule.arguments
        and getattr(view, "permission", None) is None
        and (method, rule.rule) not in PUBLIC | PUBLIC_PAGES
    ]
    assert public == []


def test_the_owner_gets_their_own(cast: Cast, world: World) -> None:
    posted = world.load(cast.rows.shipper)["id"]

    def act(name: str, route: Any) -> Any:
        ids = cast.ids
        if name.startswith(("PATCH /v1/loads", "PUT /v1/loads", "DELETE /v1/loads")):
            ids = ids | {"load_id": posted}
        return unlike(TABLE[name][1], cast.ask(cast.owner(name), route, ids))

    assert surprises(cast, act) == {}


def test_a_colleague_gets_what_the_company_shares_and_no_more(
    cast: Cast, world: World
) -> None:
    colleague = world.driver(cast.rows.owner, device=None)

    def act(name: str, route: Any) -> Any:
        return unlike(TABLE[name][2], cast.ask(colleague, route, cast.ids))

    assert surprises(cast, act) == {}


def test_a_row_hidden_from_a_colleague_is_answered_like_a_missing_one(
    cast: Cast, world: World
) -> None:
    colleague = world.driver(cast.rows.owner, device=None)
    missing = {name: str(uuid7()) for name in cast.ids}

    def act(name: str, route: Any) -> Any:
        theirs = cast.ask(colleague, route, cast.ids)
        if theirs.code != "not-found" or route.arguments <= MADE_BY_PUT:
            return None
        missing_row = cast.ask(colleague, route, missing)
        same = said_by(theirs, cast.ids) == said_by(missing_row, missing)
        return None if same else (theirs.body, missing_row.body)

    assert surprises(cast, act) == {}


def test_another_company_gets_the_answer_of_an_unknown_id(
    cast: Cast, world: World
) -> None:
    fleet = world.company(OrganisationKind.PRIVATE_FLEET)
    its_driver = world.driver(fleet, device=None)
    missing = {name: str(uuid7()) for name in cast.ids}
    granted = set(fleet.get("/v1/me")["permissions"])

    def act(name: str, route: Any) -> Any:
        stranger = fleet if route.permission in granted else its_driver
        theirs = cast.ask(stranger, route, cast.ids)
        if route.method == "PUT" and route.arguments <= MADE_BY_PUT:
            return None if theirs.code in {"id-taken", "not-found"} else theirs.body
        missing_row = cast.ask(stranger, route, missing)
        same = said_by(theirs, cast.ids) == said_by(missing_row, missing)
        is_unknown = (theirs.status, theirs.code) == (404, "not-found")
        return None if same and is_unknown else (theirs.body, missing_row.body)

    assert surprises(cast, act) == {}


def test_a_suspended_company_gets_nothing_of_its_own(cast: Cast) -> None:
    """Nothing is underway; test_a_company_is_suspended.py has what may be finished."""
    path = f"/v1/loads/{cast.ids['load_id']}/cancellation"
    assert cast.rows.shipper.put(path, {"reason": "sold"}).status == 200
    with Session.begin() as session:
        for caller in (cast.rows.owner, cast.rows.shipper):
            assert caller.org_id
            suspensions.suspend(session, caller.org_id, reason="fraud", now=utcnow())

    def act(name: str, route: Any) -> Any:
        answer = cast.ask(cast.owner(name), route, cast.ids)
        return unlike("organisation-suspended", answer)

    assert surprises(cast, act) == {}


def test_a_revoked_phone_gets_nothing_of_its_persons(cast: Cast, world: World) -> None:
    before, stolen = {}, {}
    for who in (DESK, DRIVER, SHIPPER):
        person: Caller = getattr(cast.rows, who)
        device_id = world.phone(person, f"stolen-{who}")
        assert person.member_id
        assert person.org_id
        signed_in = world.caller(person.member_id, person.org_id, UUID(device_id))
        stolen[who] = replace(signed_in, driver_id=person.driver_id)
        before[who] = stolen[who].get("/v1/me").status
        desk = cast.rows.shipper if who == SHIPPER else cast.rows.owner
        gone = desk.delete(f"/v1/devices/{device_id}/approval")
        assert gone.status == 204, gone.body
    assert set(before.values()) == {200}

    def act(name: str, route: Any) -> Any:
        answer = cast.ask(stolen[TABLE[name][0]], route, cast.ids)
        return unlike("unauthenticated", answer)

    assert surprises(cast, act) == {}


def test_an_anonymous_caller_gets_nothing(cast: Cast) -> None:
    anonymous = Caller(cast.rows.owner.app, "")

    def act(name: str, route: Any) -> Any:
        return unlike("unauthenticated", cast.ask(anonymous, route, cast.ids))

    assert surprises(cast, act) == {}


def test_a_member_without_the_permission_cannot_tell_a_row_from_none(
    cast: Cast, world: World
) -> None:
    """Without the permission, an own and a missing row get the same answer."""
    clerks = {
        DESK: world.member(cast.rows.owner, Role.ADMIN),
        DRIVER: world.member(cast.rows.owner, Role.ADMIN),
        SHIPPER: world.member(cast.rows.shipper, Role.ADMIN),
    }
    missing = {name: str(uuid7()) for name in cast.ids}
    asked = []

    def act(name: str, route: Any) -> Any:
        if route.permission in PERMISSIONS[Role.ADMIN]:
            return None
        asked.append(name)
        clerk = clerks[TABLE[name][0]]
        theirs, missing_row = (
            cast.ask(clerk, route, ids) for ids in (cast.ids, missing)
        )
        same = said_by(theirs, cast.ids) == said_by(missing_row, missing)
        return (
            None if same and outcome(theirs) == 403 else (theirs.body, missing_row.body)
        )

    assert surprises(cast, act) == {}
    assert len(asked) > 15


def test_the_other_proofs_exist() -> None:
    named = "test_security.py::TestStrangers::test_"
    assert (
        missing_proofs(
            named + "get_404_on_every_row_as_for_a_missing_one_and_change_nothing",
            named + "see_none_of_it_in_any_list",
            named + "a_foreign_row_named_in_a_body_answers_404",
        )
        == []
    )
