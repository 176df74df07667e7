"""Calls every route: which roles may, and that other companies learn nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from uuid_utils.compat import uuid7

from api import app as application
from api.kernel.bodies import BodyParser
from api.kernel.openapi import operations
from freight.roles import Role
from models.people.organisations import OrganisationKind
from services.kernel.actors import PERMISSIONS, Permission
from tests.world import CHICAGO, NEWARK, Answer, Caller, World, iso, utcnow

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/problems/<code>"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/sessions/refresh"),
    ("POST", "/v1/invitations/acceptance"),
    ("POST", "/v1/password-resets"),
    ("POST", "/v1/password-resets/completion"),
}
"""The routes that need no sign-in."""

PUBLIC_PAGES = {
    ("GET", "/"),
    ("GET", "/openapi.json"),
    ("GET", "/docs/"),
    ("GET", "/docs/<path:path>"),
}
"""Public pages of libraries, and the redirect to them."""

MADE_BY_PUT = {"truck_id", "area_id", "device_id"}
"""Ids that clients choose: a PUT to a missing one makes the row."""

DESK = {
    Role.DRIVER: OrganisationKind.CARRIER,
    Role.DISPATCHER: OrganisationKind.CARRIER,
    Role.SHIPPER: OrganisationKind.SHIPPER,
    Role.BROKER: OrganisationKind.BROKER,
    Role.ADMIN: OrganisationKind.CARRIER,
}
NONSENSE = {"nonsense": ["\ud83d"]}


@dataclass(frozen=True)
class Route:
    """One operation: its path as in the URL map, and the permission it needs."""

    method: str
    path: str
    arguments: frozenset[str]
    permission: Permission | None

    def filled(self, ids: dict[str, str]) -> str:
        return re.sub(r"<uuid:(\w+)>", lambda found: ids[found[1]], self.path)

    def with_any_id(self) -> str:
        return re.sub(r"<\w+:\w+>", lambda _: str(uuid7()), self.path)


def routes(app: Flask) -> Iterator[Route]:
    for rule, method, view in operations(app):
        if (method, rule.rule) not in PUBLIC_PAGES:
            arguments = frozenset(rule.arguments)
            yield Route(method, rule.rule, arguments, view.permission)


class TestPermissions:
    def test_every_route_asks_for_one_or_is_listed_as_public(self, app: Flask) -> None:
        marks = {
            (method, rule.rule): getattr(view, "permission", "undeclared")
            for rule, method, view in operations(app)
        }

        unmarked = {route for route, mark in marks.items() if mark == "undeclared"}
        assert unmarked == PUBLIC_PAGES
        assert {route for route, mark in marks.items() if mark is None} == PUBLIC

    def test_every_permission_is_asked_for_and_granted_by_a_role(
        self, app: Flask
    ) -> None:
        asked = {route.permission for route in routes(app)} - {None}

        assert asked == set(Permission)
        assert set().union(*PERMISSIONS.values()) == set(Permission)

    def test_permissions_are_noun_and_verb(self) -> None:
        assert [p for p in Permission if not re.fullmatch(r"[a-z]+:[a-z]+", p)] == []

    def test_the_table_has_all_roles(self) -> None:
        assert set(PERMISSIONS) == set(DESK) == set(Role) - {Role.SYSTEM}

    def test_bodies_are_read_by_the_strict_reader_everywhere(self) -> None:
        lax = [
            blueprint.name
            for blueprint in application.BLUEPRINTS
            if not isinstance(blueprint.ARGUMENTS_PARSER, BodyParser)
        ]

        assert lax == []


class TestAnonymous:
    @pytest.mark.parametrize("token", ["", "a.b.c", "é", "x" * 5000])
    def test_learns_nothing_from_validation(self, world: World, token: str) -> None:
        anonymous = Caller(world.app, token)

        for route in routes(world.app):
            if route.permission is not None:
                answer = anonymous.call(route.method, route.with_any_id(), NONSENSE)
                assert (answer.status, answer.code) == (401, "unauthenticated"), route
                assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_may_call_what_is_public(self, world: World) -> None:
        anonymous = Caller(world.app, "")

        for method, path in sorted(PUBLIC):
            if method == "POST":
                assert anonymous.call(method, path, {}).status == 422
        for _, path in sorted(PUBLIC_PAGES):
            path = path.replace("<path:path>", "swagger-ui.css")
            with (
                world.app.test_client() as client,
                client.get(path, follow_redirects=True) as answer,
            ):
                assert answer.status_code == 200

    def test_the_root_redirects_to_the_docs(self, world: World) -> None:
        with world.app.test_client() as client, client.get("/") as answer:
            assert (answer.status_code, answer.location) == (302, "/docs/")


class TestRoles:
    @pytest.mark.parametrize("role", DESK)
    def test_grant_the_permissions_of_the_table_and_no_others(
        self, world: World, role: Role
    ) -> None:
        kind = DESK[role]
        boss = world.company(kind, Role.ADMIN)
        caller = boss if role is Role.ADMIN else world.member(boss, role)

        for route in routes(world.app):
            if route.permission is None or route.path == "/v1/sessions":
                continue
            answer = caller.call(route.method, route.with_any_id(), NONSENSE)
            if route.permission in PERMISSIONS[role]:
                assert answer.status not in {401, 403}, (route, answer.body)
            else:
                assert (answer.status, answer.code) == (403, "missing-permission")
                assert route.permission in answer["detail"]


@dataclass
class Rows:
    """An existing row for each kind of id, all of one carrier and one shipper."""

    ids: dict[str, str]
    owner: Caller
    shipper: Caller
    driver: Caller


@pytest.fixture
def rows(world: World, run_jobs: Any) -> Rows:
    carrier, shipper = world.company(), world.shipper()
    driver = world.driver(carrier, device=None)
    first = world.load(shipper, CHICAGO, NEWARK)
    world.assign(carrier, driver, first)
    offered = world.load(shipper, NEWARK, CHICAGO)
    world.drive(driver, shipper, first)
    run_jobs()
    # Too heavy for the trucks, so that who gives it to another is warned.
    carried = world.load(shipper, CHICAGO, NEWARK, weight_kg=21_000)
    busy = world.driver(carrier, device=None)
    assignment = world.assign(carrier, busy, carried, reason="customer_request")
    area_id = str(uuid7())
    assert carrier.put(f"/v1/areas/{area_id}", area_body()).status == 200
    guest = {"name": "G", "email": "guest@example.com", "roles": ["driver"]}
    invited = carrier.post("/v1/invitations", guest)
    offer = driver.get("/v1/offers")["data"][0]
    assert offer["load_id"] == offered["id"]
    world.locate(busy, NEWARK, at=utcnow())  # a jump, which makes a flag
    ids = {
        "flag_id": carrier.get("/v1/flags")["data"][0]["id"],
        "truck_id": world.truck(carrier),
        "driver_id": driver.driver_id,
        "device_id": world.phone(driver, f"ok-{uuid7()}"),
        "area_id": area_id,
        "load_id": carried["id"],
        "stop_id": carried["stops"][0]["id"],
        "search_id": carrier.get("/v1/backhaul-searches")["data"][0]["id"],
        "offer_id": offer["id"],
        "assignment_id": assignment["id"],
        "invitation_id": invited["invitation"]["id"],
    }
    return Rows(ids, carrier, shipper, driver)


def area_body() -> dict[str, Any]:
    """Return an area far from the loads, so that it forbids none of them."""
    square = [[-98, 31], [-97, 31], [-97, 32], [-98, 32], [-98, 31]]
    geometry = {"type": "Polygon", "coordinates": [square]}
    return {"kind": "no_go", "name": "Waco", "geometry": geometry}


def bodies(ids: dict[str, str]) -> dict[str, Any]:
    """Return a valid body for each path that needs one; only the id is wrong."""
    report = {"occurred_at": iso(utcnow())}
    override = {
        "kind": "reassign",
        "reason": "other",
        "note": "x",
        "driver_id": ids["driver_id"],
    }
    return {
        "/v1/trucks/<uuid:truck_id>": {"unit_number": "T1", "equipment": "van"},
        "/v1/areas/<uuid:area_id>": area_body(),
        "/v1/drivers/<uuid:driver_id>": {"max_deadhead_m": 1},
        "/v1/devices/<uuid:device_id>": {
            "platform": "ios",
            "target_kind": "fid",
            "target": "stolen",
            "app_version": "1",
            "locale": "en",
        },
        "/v1/flags/<uuid:flag_id>/end": {"word": "x"},
        "/v1/loads/<uuid:load_id>": {"price_cents": 1},
        "/v1/loads/<uuid:load_id>/cancellation": {"reason": "x"},
        "/v1/loads/<uuid:load_id>/interruption": {"reason": "recall"},
        "/v1/loads/<uuid:load_id>/return": {},
        "/v1/loads/<uuid:load_id>/delivery": {},
        "/v1/assignments/<uuid:assignment_id>/hand-back": {"reason": "hours"},
        "/v1/stops/<uuid:stop_id>/arrival": report,
        "/v1/stops/<uuid:stop_id>/completion": report,
        "/v1/stops/<uuid:stop_id>/departure": report,
        "/v1/stops/<uuid:stop_id>/pickup-confirmation": {"confirmed_by": "x"},
        "/v1/offers/<uuid:offer_id>/decline": {"reason": "other"},
        "/v1/assignments/<uuid:assignment_id>/override": override,
    }


def strangers(world: World) -> Iterator[Caller]:
    for kind in OrganisationKind:
        boss = world.company(kind)
        yield boss
        if kind in {OrganisationKind.CARRIER, OrganisationKind.PRIVATE_FLEET}:
            yield world.driver(boss, device=None)


def ask(caller: Caller, route: Route, ids: dict[str, str]) -> Answer:
    path = route.filled(ids)
    if path.endswith("/explanation"):
        path += f"?load_id={ids['load_id']}"
    body = bodies(ids).get(route.path)
    return caller.call(route.method, path, None if route.method == "GET" else body)


def said(answer: Answer, ids: dict[str, str]) -> Any:
    """Return the answer without the parts that must differ: requested ids, trace id."""
    text = str({k: v for k, v in answer.body.items() if k != "trace_id"})
    for value in ids.values():
        text = text.replace(value, "<id>")
    return answer.status, text


def everything(rows: Rows) -> list[Any]:
    """Return the rows of all ids, as their owners see them."""
    return [
        rows.owner.get(f"/v1/trucks/{rows.ids['truck_id']}").body,
        rows.owner.get(f"/v1/drivers/{rows.ids['driver_id']}").body,
        rows.owner.get("/v1/areas").body,
        rows.owner.get(f"/v1/assignments/{rows.ids['assignment_id']}").body,
        rows.shipper.get(f"/v1/loads/{rows.ids['load_id']}").body,
        rows.driver.get(f"/v1/offers/{rows.ids['offer_id']}").body,
        rows.driver.get("/v1/devices").body,
        rows.owner.get("/v1/invitations").body,
    ]


class TestStrangers:
    def test_get_404_on_every_row_as_for_a_missing_one_and_change_nothing(
        self, world: World, rows: Rows
    ) -> None:
        with_ids = [
            route for route in routes(world.app) if route.arguments and route.permission
        ]
        missing = {name: str(uuid7()) for name in rows.ids}
        before = everything(rows)
        asked = set()

        for stranger in strangers(world):
            granted = set(stranger.get("/v1/me")["permissions"])
            for route in with_ids:
                assert route.arguments <= set(rows.ids), "Make a row for it."
                if route.permission not in granted:
                    continue
                asked.add(route)
                answer = ask(stranger, route, rows.ids)
                if route.method == "PUT" and route.arguments <= MADE_BY_PUT:
                    assert answer.status in {404, 409}, (route, answer.body)
                    continue
                assert answer.code == "not-found", (route, answer.body)
                like_missing = ask(stranger, route, missing)
                assert said(answer, rows.ids) == said(like_missing, missing), route

        assert asked == set(with_ids)
        assert everything(rows) == before

    def test_see_none_of_it_in_any_list(self, world: World, rows: Rows) -> None:
        lists = [
            route
            for route in routes(world.app)
            if route.method == "GET" and not route.arguments and route.permission
        ]

        for stranger in strangers(world):
            for route in lists:
                text = str(stranger.get(route.path).body)
                assert [v for v in rows.ids.values() if v in text] == [], route

    def test_a_foreign_row_named_in_a_body_answers_404(
        self, world: World, rows: Rows
    ) -> None:
        other = world.company()
        mine = world.driver(other, device=None)
        load = world.load(world.shipper())
        cases = [
            other.patch(
                f"/v1/drivers/{mine.driver_id}", {"truck_id": rows.ids["truck_id"]}
            ),
            other.put(
                f"/v1/areas/{uuid7()}",
                area_body() | {"driver_id": rows.ids["driver_id"]},
            ),
            other.post(
                "/v1/assignments",
                {"load_id": load["id"], "driver_id": rows.ids["driver_id"]},
            ),
            other.post(
                "/v1/assignments",
                {"load_id": rows.ids["load_id"], "driver_id": mine.driver_id},
            ),
        ]

        assert [answer.code for answer in cases] == ["not-found"] * len(cases)


class TestColleagues:
    def test_a_driver_sees_neither_colleagues_nor_their_offers(
        self, world: World, rows: Rows
    ) -> None:
        colleague = world.driver(rows.owner, device=None)

        for path in (
            f"/v1/drivers/{rows.ids['driver_id']}",
            f"/v1/offers/{rows.ids['offer_id']}",
            f"/v1/assignments/{rows.ids['assignment_id']}",
            f"/v1/loads/{rows.ids['load_id']}",
            f"/v1/backhaul-searches/{rows.ids['search_id']}",
        ):
            assert colleague.get(path).status == 404, path
        accept = colleague.put(f"/v1/offers/{rows.ids['offer_id']}/acceptance")
        assert accept.status == 404
        stop = world.report(colleague, rows.ids["stop_id"], "arrival")
        assert stop.status == 404

    def test_the_phone_of_another_member_is_not_taken_over_or_silenced(
        self, world: World, rows: Rows
    ) -> None:
        device_id = rows.ids["device_id"]
        colleague = world.driver(rows.owner, device=None)
        body = bodies(rows.ids)["/v1/devices/<uuid:device_id>"]

        assert colleague.put(f"/v1/devices/{device_id}", body).code == "id-taken"
        assert colleague.delete(f"/v1/devices/{device_id}").status == 404
        kept = rows.driver.get("/v1/devices")["data"][0]
        assert (kept["platform"], kept["dead_at"]) == ("android", None)
