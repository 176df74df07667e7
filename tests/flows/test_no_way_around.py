"""Attempts to get around the access rules; each is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from uuid_utils.compat import uuid7

from freight.roles import Role
from models.offers.offers import Offer
from runtime.config import Strategy
from runtime.db import Session, Tenant, acting
from services.people.encryption import cipher
from services.upkeep import audit, privacy
from tests.services.scene import Scene, at_once, open_offers, rows_of, see_it_wait
from tests.standing import suspend
from tests.world import NEWARK, PASSWORD, Caller, FakeGateway, World, utcnow

OWN = {"current_password": PASSWORD}
RING = {
    "type": "Polygon",
    "coordinates": [[[-98, 31], [-97, 31], [-97, 32], [-98, 32], [-98, 31]]],
}


def erase(caller: Caller) -> None:
    assert caller.member_id is not None
    with Session.begin() as session:
        privacy.erase(session, caller.member_id, now=utcnow())


class TestASuspendedCarrier:
    def test_is_offered_nothing_by_a_search_that_waited(
        self, world: World, run_jobs: Callable[..., list[str]]
    ) -> None:
        carrier = world.company()
        driver = world.dropped(carrier=carrier)
        world.load(world.shipper(), NEWARK)
        suspend(carrier)

        gateway = FakeGateway()
        run_jobs(gateway)

        assert open_offers(driver) == []
        assert "offer" not in gateway.kinds()

    def test_is_offered_no_next_one(
        self, world: World, run_jobs: Callable[..., list[str]]
    ) -> None:
        scene = Scene(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        driver = scene.driver()
        scene.loads(3)
        scene.search(driver)
        (offer,) = open_offers(driver)
        driver.put(f"/v1/offers/{offer.id}/decline", {"reason": "price"})
        suspend(scene.carrier)

        run_jobs(FakeGateway(), OFFER_STRATEGY=Strategy.SEQUENTIAL)

        assert open_offers(driver) == []


class TestAnErasedAdmin:
    def test_does_not_come_back_by_an_invitation_of_their_own(
        self, world: World
    ) -> None:
        company = world.company()
        boss = world.member(company, Role.ADMIN)
        person = {"name": "X", "email": "x@again.example", "roles": ["admin"]}
        token = boss.post("/v1/invitations", person)["token"]
        erase(boss)

        taken = Caller(world.app, "").post(
            "/v1/invitations/acceptance", {"token": token, "password": PASSWORD}
        )

        assert (taken.status, taken.code) == (410, "invitation-over")


class TestExport:
    def test_of_a_member_who_does_not_drive_has_no_areas(self, world: World) -> None:
        one, other = world.company(), world.company()
        area = {"kind": "no_go", "name": "Ours", "geometry": RING}
        assert one.put(f"/v1/areas/{uuid7()}", area).status == 200

        for caller in (one, other):
            assert caller.member_id is not None
            with Session() as session:
                assert privacy.export(session, caller.member_id)["areas"] == []


class TestErasure:
    def test_reaches_the_invitations_they_did_not_take(self, world: World) -> None:
        company = world.company()
        person = {"name": "Vic Tim", "email": "vic@tim.example", "roles": ["driver"]}
        company.post("/v1/invitations", person)
        token = company.post("/v1/invitations", person)["token"]
        taken = Caller(world.app, "").post(
            "/v1/invitations/acceptance", {"token": token, "password": PASSWORD}
        )
        erase(Caller(world.app, "", UUID(taken["member_id"])))

        with Session() as session:
            rows = str(session.execute(text("select * from invitations")).all())
        assert "vic@" not in rows
        assert "Vic" not in rows


class TestAnotherCompanysPrivateLoad:
    def test_is_not_waited_for_by_a_stranger(self, committed: World) -> None:
        scene, stranger = Scene(committed), Scene(committed)
        load_id = scene.load(visibility="private")
        body = {
            "kind": "force_assign",
            "reason": "safety",
            "load_id": str(load_id),
            "driver_id": stranger.driver().driver_id,
        }
        with ThreadPoolExecutor(1) as pool, Session.begin() as session:
            lock = text("select id from loads where id = :id for update")
            session.execute(lock, {"id": load_id})
            answer = pool.submit(stranger.carrier.post, "/v1/overrides", body)
            with pytest.raises(AssertionError, match="did not wait"):
                see_it_wait(answer)

        assert answer.result().status == 404

    def test_is_not_opened_by_a_made_up_assignment(self, world: World) -> None:
        scene, stranger = Scene(world), Scene(world)
        load_id = scene.load(visibility="private")
        driver = stranger.driver()
        insert = text(
            "insert into assignments (id, org_id, load_org_id, load_id, driver_id,"
            " kind, status) values (gen_random_uuid(), :org, :poster, :load, :driver,"
            " 'planned', 'active')"
        )
        ids = {
            "org": stranger.carrier.org_id,
            "poster": scene.shipper.org_id,
            "load": load_id,
            "driver": driver.driver_id,
        }
        assert stranger.carrier.org_id is not None
        assert stranger.carrier.member_id is not None
        me = Tenant(stranger.carrier.org_id, stranger.carrier.member_id)
        with acting(me), Session() as session:
            with pytest.raises(ProgrammingError, match="row-level security"):
                session.execute(insert, ids)
            session.rollback()


class TestGuards:
    def test_of_a_password_change_cannot_be_locked_by_signing_in(
        self, world: World
    ) -> None:
        driver = world.member(world.company(), Role.DRIVER)
        guess = {"login": f"password:{driver.member_id}", "password": "x"}
        for _ in range(6):
            Caller(world.app, "").post("/v1/sessions", guess)

        change = {"current_password": PASSWORD, "new_password": "another good one"}
        assert driver.put("/v1/me/password", change).status == 204


class TestASecondFactor:
    def test_enrolled_five_times_at_once_is_one(self, committed: World) -> None:
        boss = committed.company()

        answers = at_once(
            *(lambda: boss.post("/v1/me/second-factor", OWN).status for _ in range(5))
        )

        assert set(answers) == {201}
        with Session() as session:
            assert session.scalar(text("select count(*) from second_factors")) == 1

    def test_whose_key_is_gone_opens_with_its_recovery_codes(
        self, world: World
    ) -> None:
        boss = world.company()
        secret = boss.post("/v1/me/second-factor", OWN)["secret"]
        code = {"code": pyotp.TOTP(secret).now()}
        codes = boss.put("/v1/me/second-factor/confirmation", code)["recovery_codes"]
        sign_in = {"login": boss.get("/v1/me")["member"]["email"], "password": PASSWORD}
        ring = world.app.extensions["keyring"]
        world.app.extensions["keyring"] = replace(
            ring, cipher=cipher(["n" * 40, "m" * 40])
        )
        try:
            by_app = sign_in | {"totp": pyotp.TOTP(secret).now()}
            by_code = sign_in | {"totp": codes[0]}
            answers = [
                Caller(world.app, "").post("/v1/sessions", body).status
                for body in (by_app, by_code)
            ]
        finally:
            world.app.extensions["keyring"] = ring

        assert answers == [401, 201]


class TestTheAuditLog:
    def test_knows_who_joined_by_an_invitation_and_who_invited_them(
        self, committed: World
    ) -> None:
        company = committed.company()
        person = {"name": "N", "email": "n@new.example", "roles": ["admin"]}
        token = company.post("/v1/invitations", person)["token"]
        taken = Caller(committed.app, "").post(
            "/v1/invitations/acceptance", {"token": token, "password": PASSWORD}
        )
        newcomer = Caller(committed.app, taken["access_token"])
        newcomer.post("/v1/me/second-factor", OWN)

        with Session.begin() as session:
            audit.chain(session)
            entries = session.execute(
                text("select act, subject, member_id::text from audit order by seq")
            ).all()

        assert ("insert", "invitations", str(company.member_id)) in entries
        assert ("insert", "members", taken["member_id"]) in entries
        assert ("update", "invitations", taken["member_id"]) in entries
        assert ("insert", "second_factors", taken["member_id"]) in entries


def test_an_offer_is_still_made_in_the_ordinary_case(world: World) -> None:
    """Without this the tests above would also pass if searches offered nothing."""
    scene = Scene(world)
    scene.load()
    scene.search(scene.driver())

    assert len(rows_of(Offer)) == 1
