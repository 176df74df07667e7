"""A suspended company: its members are locked out, its loads leave every list."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from runtime.db import Session
from services.upkeep import suspensions
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


def suspend(company: Caller) -> int:
    assert isinstance(company.org_id, UUID)
    with Session.begin() as session:
        suspensions.suspend(session, company.org_id, reason="fraud", now=utcnow())
    with Session.begin() as session:
        ended = suspensions.withdraw_offers(session, company.org_id, now=utcnow())
    with Session.begin() as session:
        assert not suspensions.withdraw_offers(session, company.org_id, now=utcnow())
    return ended


def suspend_without_withdrawing(company: Caller) -> None:
    assert isinstance(company.org_id, UUID)
    with Session.begin() as session:
        suspensions.suspend(session, company.org_id, reason="fraud", now=utcnow())


def resume(company: Caller) -> None:
    assert isinstance(company.org_id, UUID)
    with Session.begin() as session:
        suspensions.resume(session, company.org_id, now=utcnow())


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
