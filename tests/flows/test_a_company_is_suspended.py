"""A suspended company: its members are locked out once nothing is underway, its loads
leave every list."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from runtime.db import Session
from services.kernel.limits import Rule
from services.people import sign_in as sign_in_service
from services.people.tokens import read_access_token
from tests.owasp.operations import guarded
from tests.services.booking.exits import tell
from tests.standing import resume, suspend, suspend_without_withdrawing
from tests.trips import Trip, make_trip
from tests.world import (
    CHICAGO,
    NEW_YORK,
    NEWARK,
    PASSWORD,
    Answer,
    Caller,
    World,
    utcnow,
)


def market(caller: Caller) -> list[str]:
    return [load["id"] for load in caller.get("/v1/loads/market")["data"]]


def offers(driver: Caller) -> list[tuple[str, str]]:
    listed = driver.get("/v1/offers")["data"]
    return [(offer["load_id"], offer["status"]) for offer in listed]


def sign_in(world: World, email: str) -> Answer:
    body = {"login": email, "password": PASSWORD}
    return Caller(world.app, "").post("/v1/sessions", body)


@pytest.fixture
def shipper(world: World) -> Caller:
    return world.shipper()


class TestItsPeople:
    def test_can_neither_ask_nor_sign_in_nor_refresh(
        self, world: World, shipper: Caller
    ) -> None:
        email = shipper.get("/v1/me")["member"]["email"]
        tokens = sign_in(world, email)
        suspend(shipper)

        answers = [
            shipper.get("/v1/loads"),
            sign_in(world, email),
            Caller(world.app, "").post(
                "/v1/sessions/refresh", {"refresh_token": tokens["refresh_token"]}
            ),
        ]

        assert {(answer.status, answer.code) for answer in answers} == {
            (403, "organisation-suspended")
        }
        resume(shipper)
        assert shipper.get("/v1/loads").status == 200
        assert sign_in(world, email).status == 201

    def test_a_wrong_password_does_not_reveal_it(
        self, world: World, shipper: Caller
    ) -> None:
        email = shipper.get("/v1/me")["member"]["email"]
        suspend(shipper)
        body = {"login": email, "password": "wrong"}

        answer = Caller(world.app, "").post("/v1/sessions", body)

        assert answer.code == "wrong-credentials"

    def test_cannot_join_it_until_it_is_resumed(self, world: World) -> None:
        boss = world.company()
        person = {"name": "D", "email": "d@example.com", "roles": ["driver"]}
        token = boss.post("/v1/invitations", person)["token"]
        suspend(boss)

        assert world.accept(token).code == "organisation-suspended"
        resume(boss)
        assert world.accept(token).status == 201


class TestLoadsUnderway:
    """A suspended company finishes what is underway, and does nothing else."""

    @pytest.fixture
    def trip(self, world: World, session: OrmSession) -> Trip:
        return make_trip(world, session)

    def test_its_drivers_finish_what_they_carry(self, trip: Trip, world: World) -> None:
        suspend(trip.carrier)

        trip.go(0)
        world.locate(trip.driver, NEWARK, at=utcnow())
        trip.go(1, "arrival", "completion")

        assert trip.status == "delivered"

    def test_its_members_sign_in_and_refresh_until_then(
        self, trip: Trip, world: World
    ) -> None:
        email = trip.carrier.get("/v1/me")["member"]["email"]
        suspend(trip.carrier)
        tokens = sign_in(world, email)
        assert tokens.status == 201
        again = {"refresh_token": tokens["refresh_token"]}
        stranger = Caller(world.app, "")
        again = stranger.post("/v1/sessions/refresh", again)
        assert again.status == 200

        trip.go(0)
        trip.go(1, "arrival", "completion")

        late = {"refresh_token": again["refresh_token"]}
        for answer in (
            stranger.post("/v1/sessions/refresh", late),
            sign_in(world, email),
            trip.driver.get("/v1/me"),
        ):
            assert (answer.status, answer.code) == (403, "organisation-suspended")

    def test_its_drivers_see_what_they_carry_and_nothing_else(
        self, trip: Trip, world: World, run_jobs: Callable[..., Any]
    ) -> None:
        world.load(trip.shipper, NEWARK)
        mine = world.load(trip.carrier, NEWARK)
        suspend(trip.carrier)

        for member in (trip.driver, trip.carrier):
            loads = member.get("/v1/loads")["data"]
            assert [load["id"] for load in loads] == [trip.load["id"]]
            followed = {row["id"] for row in member.get("/v1/sync")["changes"]}
            carried = member.get("/v1/assignments")["data"]
            assert followed == {trip.load["id"], carried[0]["id"]}
            assert member.get("/v1/me").status == 200
        assert trip.carrier.get(f"/v1/loads/{mine['id']}").status == 404

    @pytest.mark.parametrize("number", [0, 1])
    def test_its_drivers_hand_back_what_they_carry(
        self, trip: Trip, number: int
    ) -> None:
        assignment = trip.driver.get("/v1/me")["assignments"][0]
        for stop in range(number):
            trip.go(stop)
        suspend(trip.carrier)

        path = f"/v1/assignments/{assignment['id']}/hand-back"
        ended = trip.driver.put(path, {"reason": "hours"})

        assert (ended.status, ended["status"]) == (200, "cancelled")
        assert trip.status == ("posted", "interrupted")[number]
        # Freight that is aboard has to go on.
        assert trip.driver.get("/v1/me").status == (403, 200)[number]
        if number:
            tell(trip, "return")
        assert trip.driver.get("/v1/me").code == "organisation-suspended"

    def test_a_poster_confirms_and_ends_loads_underway(self, trip: Trip) -> None:
        trip.tell(0, "arrival")
        suspend(trip.shipper)
        path = f"/v1/loads/{trip.load['id']}"

        assert trip.confirm(0).status == 200
        assert trip.confirm(0, pieces=19).status == 200
        assert trip.tell(0, "completion").status == 200
        for fact, body in (("interruption", {"reason": "recall"}), ("return", {})):
            assert trip.shipper.put(f"{path}/{fact}", body).status == 200
        assert trip.shipper.get(path).code == "organisation-suspended"

    def test_all_other_routes_stay_closed(self, trip: Trip, world: World) -> None:
        suspend(trip.carrier)
        suspend(trip.shipper)
        # Signing out comes last.
        asked = sorted(guarded(world.app), key=lambda op: op.path == "/v1/sessions")
        may = {
            (operation.method, operation.path)
            for operation in asked
            for caller in (trip.carrier, trip.driver, trip.shipper)
            if caller.call(operation.method, operation.with_any_id(), {}).status != 403
        }

        assert may == FINISHING

    def test_their_requests_are_counted(self, trip: Trip, world: World) -> None:
        """Without a count a suspended company would have no limit."""
        suspend(trip.carrier)
        keyring = world.app.extensions["keyring"]
        claims = read_access_token(keyring, trip.driver.token, now=utcnow())
        asked = [("person", str(claims.member_id), Rule(1))]

        allowances = [sign_in_service.enter(claims, asked)[1] for _ in range(2)]

        assert [[a.is_allowed for a in each] for each in allowances] == [
            [True],
            [False],
        ]


FINISHING = {
    *(("GET", path) for path in ("/v1/me", "/v1/sync", "/v1/loads", "/v1/devices")),
    ("GET", "/v1/assignments"),
    ("GET", "/v1/assignments/{assignment_id}"),
    ("GET", "/v1/loads/{load_id}"),
    ("GET", "/v1/loads/{load_id}/route"),
    ("POST", "/v1/positions"),
    ("DELETE", "/v1/sessions"),
    *(("PUT", "/v1/devices/{device_id}"), ("DELETE", "/v1/devices/{device_id}")),
    ("PUT", "/v1/assignments/{assignment_id}/hand-back"),
    ("POST", "/v1/assignments/{assignment_id}/override"),
    *(
        ("PUT", f"/v1/stops/{{stop_id}}/{fact}")
        for fact in ("arrival", "completion", "departure", "pickup-confirmation")
    ),
    *(
        ("PUT", f"/v1/loads/{{load_id}}/{fact}")
        for fact in ("cancellation", "interruption", "return", "delivery")
    ),
}
"""What a member of a suspended company may call while a load is underway."""


class TestItsPosts:
    def test_leave_the_market_at_once_and_come_back(
        self, world: World, shipper: Caller
    ) -> None:
        mine, others = world.load(shipper), world.load(world.shipper())
        carrier = world.company()
        assert set(market(carrier)) == {mine["id"], others["id"]}

        suspend(shipper)

        assert market(carrier) == [others["id"]]
        resume(shipper)
        assert set(market(carrier)) == {mine["id"], others["id"]}

    def test_are_found_by_no_search(
        self, world: World, shipper: Caller, run_jobs: Callable[..., Any]
    ) -> None:
        hidden = world.load(shipper, NEWARK, CHICAGO)
        other = world.load(world.shipper(), NEWARK, CHICAGO)
        driver = world.dropped(home=CHICAGO, drop=NEW_YORK)
        suspend(shipper)

        run_jobs()

        assert [load_id for load_id, _ in offers(driver)] == [other["id"]]
        with Session() as session:
            ranked = str(session.scalar(text("select ranked from backhaul_searches")))
        assert other["id"] in ranked
        assert hidden["id"] not in ranked

    def test_are_not_offered_by_a_search_that_found_them_before(
        self, world: World, shipper: Caller, run_jobs: Callable[..., Any]
    ) -> None:
        """One at a time: the second best is offered after the suspension."""
        first = world.load(world.shipper(), NEWARK, CHICAGO, price_cents=400_000)
        world.load(shipper, NEWARK, CHICAGO)
        driver = world.dropped(home=CHICAGO, drop=NEW_YORK)
        run_jobs(OFFER_STRATEGY="sequential")
        assert [load_id for load_id, _ in offers(driver)] == [first["id"]]
        suspend(shipper)

        offer_id = driver.get("/v1/offers")["data"][0]["id"]
        driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "other"})
        run_jobs(OFFER_STRATEGY="sequential")

        assert offers(driver) == [(first["id"], "declined")]


class TestOffers:
    @pytest.fixture
    def driver(
        self, world: World, shipper: Caller, run_jobs: Callable[..., Any]
    ) -> Caller:
        """A driver who has an open offer of the shipper's load."""
        world.load(shipper, NEWARK, CHICAGO)
        driver = world.dropped(home=CHICAGO, drop=NEW_YORK)
        run_jobs()
        assert [status for _, status in offers(driver)] == ["sent"]
        return driver

    def test_of_its_loads_are_withdrawn(self, shipper: Caller, driver: Caller) -> None:
        offer_id = driver.get("/v1/offers")["data"][0]["id"]

        assert suspend(shipper) == 1

        assert [status for _, status in offers(driver)] == ["withdrawn"]
        late = driver.put(f"/v1/offers/{offer_id}/acceptance")
        assert (late.status, late.code) == (410, "offer-withdrawn")

    def test_to_its_drivers_are_withdrawn(
        self, world: World, shipper: Caller, driver: Caller
    ) -> None:
        assert suspend(driver) == 1
        resume(driver)

        assert [status for _, status in offers(driver)] == ["withdrawn"]
        assert shipper.get("/v1/loads")["data"][0]["status"] == "posted"

    def test_cannot_be_accepted_in_the_moment_before_they_are_withdrawn(
        self, shipper: Caller, driver: Caller
    ) -> None:
        offer_id = driver.get("/v1/offers")["data"][0]["id"]
        suspend_without_withdrawing(shipper)

        answer = driver.put(f"/v1/offers/{offer_id}/acceptance")

        assert (answer.status, answer.code) == (410, "offer-withdrawn")

    def test_leave_other_companies_offers_alone(
        self, world: World, driver: Caller
    ) -> None:
        assert suspend(world.shipper()) == 0

        assert [status for _, status in offers(driver)] == ["sent"]
