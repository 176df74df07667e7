"""A query parameter that an operation does not know is refused, everywhere."""

import pytest
from flask import Flask

from freight.roles import Role
from services.kernel.actors import PERMISSIONS
from tests.owasp.operations import Operation, guarded, operations
from tests.test_security import DESK, NONSENSE
from tests.world import Caller, World

LISTS = (
    *("areas", "assignments", "backhaul-searches", "company-devices", "devices"),
    *("drivers", "flags", "fleet", "invitations", "loads", "loads/market", "members"),
    *("offers", "overrides", "sync", "trucks"),
)
OF_A_ROW = {"/v1/loads/{load_id}/endings"}
"""Lists of one row."""


def known_to(operation: Operation) -> list[str]:
    parameters = operation.spec.get("parameters", [])
    return sorted(each["name"] for each in parameters if each["in"] == "query")


def told(operation: Operation) -> str:
    names = ", ".join(f"`{name}`" for name in known_to(operation))
    return (
        f"Known parameters: {names}."
        if names
        else "This operation has no query parameters."
    )


@pytest.fixture
def of_role(world: World) -> dict[Role, Caller]:
    bosses = {role: world.company(DESK[role], Role.ADMIN) for role in DESK}
    members = {r: world.member(b, r) for r, b in bosses.items() if r is not Role.ADMIN}
    return bosses | members


def may_call(operation: Operation, of_role: dict[Role, Caller]) -> Caller:
    """Return a member who may call the operation, a stranger if anybody may."""
    if not operation.scopes:
        return Caller(next(iter(of_role.values())).app, "")
    return next(
        caller
        for role, caller in of_role.items()
        if operation.scopes <= {permission.value for permission in PERMISSIONS[role]}
    )


def test_the_lists_are_those_of_the_document(app: Flask) -> None:
    paged = {o.path for o in operations(app) if "cursor" in known_to(o)}

    assert paged == {f"/v1/{name}" for name in LISTS} | OF_A_ROW


@pytest.mark.parametrize("name", LISTS)
def test_a_list_names_the_parameters_that_it_knows(
    app: Flask, of_role: dict[Role, Caller], name: str
) -> None:
    (operation,) = (
        operation
        for operation in guarded(app)
        if (operation.method, operation.path) == ("GET", f"/v1/{name}")
    )
    caller = may_call(operation, of_role)

    answer = caller.get(f"/v1/{name}?limit=1&statsu=posted")

    assert (answer.status, answer.code) == (422, "invalid-request")
    assert answer["errors"] == [
        {"pointer": "#/statsu", "detail": f"Unknown parameter. {told(operation)}"}
    ]
    assert {"cursor", "limit"} <= set(known_to(operation))


def test_every_operation_refuses_a_parameter_that_it_does_not_know(
    app: Flask, of_role: dict[Role, Caller]
) -> None:
    for operation in operations(app):
        caller = may_call(operation, of_role)

        answer = caller.call(
            operation.method, f"{operation.with_any_id()}?a~b=1&a~b=2", NONSENSE
        )

        assert (answer.status, answer.code) == (422, "invalid-request"), str(operation)
        assert answer["errors"] == [
            {"pointer": "#/a~0b", "detail": f"Unknown parameter. {told(operation)}"}
        ], str(operation)


def test_each_unknown_parameter_is_named(of_role: dict[Role, Caller]) -> None:
    answer = of_role[Role.DRIVER].get("/v1/offers?open=1&is_open=true&Limit=3")

    assert [error["pointer"] for error in answer["errors"]] == ["#/open", "#/Limit"]


def test_a_stranger_learns_nothing_from_it(app: Flask) -> None:
    for operation in guarded(app):
        answer = Caller(app, "").call(
            operation.method, f"{operation.with_any_id()}?x=1", NONSENSE
        )

        assert answer.status == 401, str(operation)


def test_a_member_without_the_permission_learns_nothing_from_it(
    of_role: dict[Role, Caller],
) -> None:
    answer = of_role[Role.DRIVER].get("/v1/overrides?x=1")

    assert (answer.status, answer.code) == (403, "missing-permission")


def test_head_is_refused_as_get_is(of_role: dict[Role, Caller]) -> None:
    assert of_role[Role.DRIVER].call("HEAD", "/v1/offers?x=1", None).status == 422


def test_a_parameter_that_is_given_twice_is_refused(world: World) -> None:
    """Else the second value would be ignored."""
    dispatcher = world.company()

    answer = dispatcher.get("/v1/loads?status=posted&limit=1&status=draft")

    assert (answer.status, answer.code) == (422, "invalid-request")
    assert answer["errors"] == [{"pointer": "#/status", "detail": "Give it once."}]
