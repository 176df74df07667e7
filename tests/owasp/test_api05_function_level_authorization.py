"""API5, broken function level authorisation: the document's scopes are what the server
enforces, for every role and every operation."""

import re

import pytest
from flask import Flask
from sqlalchemy import update

from freight.roles import Role
from models.people.organisations import Member
from runtime.db import Session
from services.kernel.actors import PERMISSIONS
from tests.owasp.operations import Operation, guarded, operations
from tests.owasp.proofs import missing
from tests.test_security import DESK, NONSENSE, PUBLIC
from tests.world import Answer, Caller, World


def ends_it(operation: Operation) -> bool:
    """Say whether the operation ends the caller's sign-in, so that it is asked last."""
    return (operation.method, operation.path) == ("DELETE", "/v1/sessions")


def call(caller: Caller, operation: Operation) -> Answer:
    return caller.call(operation.method, operation.with_any_id(), NONSENSE)


def is_refusal(answer: Answer) -> bool:
    return answer.status == 403 and answer.code == "missing-permission"


def of_role(world: World, role: Role) -> Caller:
    boss = world.company(DESK[role], Role.ADMIN)
    return boss if role is Role.ADMIN else world.member(boss, role)


@pytest.mark.parametrize("role", DESK)
def test_the_scopes_of_the_document_are_enforced(world: World, role: Role) -> None:
    caller = of_role(world, role)
    granted = {permission.value for permission in PERMISSIONS[role]}
    allowed, refused = set(), set()

    for operation in sorted(guarded(world.app), key=ends_it):
        answer = call(caller, operation)
        if is_refusal(answer):
            refused.add(operation)
        else:
            assert answer.status not in {401, 403}, (str(operation), answer.body)
            allowed.add(operation)

    assert allowed == {
        operation for operation in guarded(world.app) if operation.scopes <= granted
    }
    assert refused
    assert allowed


@pytest.mark.parametrize("role", DESK)
def test_each_operation_describes_the_roles_that_may_call_it(
    app: Flask, role: Role
) -> None:
    granted = {permission.value for permission in PERMISSIONS[role]}

    for operation in guarded(app):
        said = re.search(r"Needs `[\w:]+`: (.+)\.$", operation.spec["description"])
        assert said, str(operation)
        named = role.value in said[1].split(", ")
        assert named == (operation.scopes <= granted), str(operation)


def test_an_operation_without_a_scope_is_a_public_one(
    app: Flask,
) -> None:
    open_to_all = {
        (operation.method, operation.path)
        for operation in operations(app)
        if not operation.scopes
    }

    assert open_to_all == {
        (method, path.replace("<", "{").replace(">", "}")) for method, path in PUBLIC
    }


def test_an_operation_needs_exactly_one_scope(app: Flask) -> None:
    odd = [
        str(operation)
        for operation in guarded(app)
        if len(operation.spec["security"]) != 1 or len(operation.scopes) != 1
    ]

    assert odd == []


def test_head_needs_the_same_permission_as_get(
    world: World,
) -> None:
    driver = of_role(world, Role.DRIVER)
    granted = {permission.value for permission in PERMISSIONS[Role.DRIVER]}
    reads = [operation for operation in guarded(world.app) if operation.method == "GET"]
    assert reads

    with world.app.test_client() as client:
        for operation in reads:
            answer = client.head(
                operation.with_any_id(),
                headers={"Authorization": f"Bearer {driver.token}"},
            )
            assert (answer.status_code == 403) == (not operation.scopes <= granted)


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]
)
def test_no_header_makes_another_method_of_a_read(world: World, header: str) -> None:
    boss = world.company()
    truck_id = world.truck(boss)
    before = boss.get(f"/v1/trucks/{truck_id}").body

    shown = boss.get(f"/v1/trucks/{truck_id}", **{header: "DELETE"})

    assert (shown.status, shown.body) == (200, before)


def test_several_roles_allow_what_each_allows_and_no_more(world: World) -> None:
    boss = world.company(DESK[Role.DRIVER], Role.ADMIN)
    both = world.member(boss, Role.DRIVER, Role.DISPATCHER)
    granted = {
        permission.value
        for role in (Role.DRIVER, Role.DISPATCHER)
        for permission in PERMISSIONS[role]
    }

    for operation in sorted(guarded(world.app), key=ends_it):
        assert is_refusal(call(both, operation)) == (not operation.scopes <= granted), (
            str(operation)
        )


def test_a_role_that_was_taken_away_is_gone_with_the_next_request(world: World) -> None:
    boss = world.company()
    desk = world.member(boss, Role.DISPATCHER)
    assert desk.get("/v1/fleet").status == 200

    leave_only(desk, Role.DRIVER)

    assert desk.get("/v1/fleet").code == "missing-permission"


def leave_only(caller: Caller, role: Role) -> None:
    with Session.begin() as session:
        session.execute(
            update(Member).where(Member.id == caller.member_id).values(roles=[role])
        )


def test_the_other_proofs_exist() -> None:
    assert (
        missing(
            "test_security.py::TestRoles"
            "::test_grant_the_permissions_of_the_table_and_no_others",
            "test_security.py::TestPermissions"
            "::test_every_route_asks_for_one_or_is_listed_as_public",
            "test_openapi.py::TestEveryOperation"
            "::test_asks_for_a_permission_or_is_public",
        )
        == []
    )
