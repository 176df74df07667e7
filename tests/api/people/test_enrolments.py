"""Phones a person signs in on: bound to the sign-in, approved, revoked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from freight.roles import Role
from runtime.db import Session
from services.people import devices, families
from tests.api.people.phones import events_of, me, new_id, refresh, sign_in, state
from tests.services.scene import actor_of, see_it_wait
from tests.waiting import LONGEST_S
from tests.world import Caller, FakeGateway, World, utcnow


def execute(statement: str, **values: Any) -> None:
    with Session.begin() as session:
        session.execute(text(statement), values)


class TestRefreshFamily:
    def test_belongs_to_its_device(self, driver: Caller) -> None:
        phone = new_id()
        first = sign_in(driver, phone)

        second = refresh(driver, first["refresh_token"], phone)
        retry = refresh(driver, first["refresh_token"], phone)

        assert (first.status, second.status) == (201, 200)
        assert retry["refresh_token"] == second["refresh_token"]
        assert state(driver, phone) == "approved"

    @pytest.mark.parametrize("other", [new_id(), None], ids=["another", "none"])
    def test_ends_when_another_device_has_the_token(
        self, driver: Caller, other: str | None
    ) -> None:
        phone = new_id()
        first = sign_in(driver, phone)

        stolen = refresh(driver, first["refresh_token"], other)

        assert (stolen.status, stolen.code) == (401, "refresh-device-mismatch")
        assert refresh(driver, first["refresh_token"], phone).code == "unauthenticated"
        assert me(driver, first).status == 401
        assert events_of(driver.member_id) == ["session.device_mismatch"]

    def test_of_a_browser_has_no_device(self, driver: Caller) -> None:
        first = sign_in(driver)

        assert refresh(driver, first["refresh_token"]).status == 200
        assert (
            refresh(driver, first["refresh_token"], new_id()).code
            == "refresh-device-mismatch"
        )

    def test_reuse_is_one_event_of_the_company(self, driver: Caller) -> None:
        first = sign_in(driver)
        second = refresh(driver, first["refresh_token"])
        third = refresh(driver, second["refresh_token"])

        answers = [refresh(driver, first["refresh_token"]) for _ in range(3)]

        assert answers[0].code == "refresh-token-reused"
        assert {answer.status for answer in answers} == {401}
        assert refresh(driver, third["refresh_token"]).status == 401
        assert events_of(driver.member_id) == ["session.token_reused"]

    @pytest.mark.parametrize(
        ("unused", "status"), [("29 days", 200), ("30 days 1 minute", 401)]
    )
    def test_ends_after_30_days_without_use(
        self, driver: Caller, unused: str, status: int
    ) -> None:
        first = sign_in(driver)
        execute(
            "update refresh_families set last_used_at = now() - cast(:i as interval)",
            i=unused,
        )

        assert refresh(driver, first["refresh_token"]).status == status
        # The first refresh was a use: the 30 days begin again.
        assert refresh(driver, first["refresh_token"]).status == status

    @pytest.mark.parametrize(("days", "status"), [(89, 200), (90, 401)])
    def test_ends_after_90_days_however_it_is_used(
        self, driver: Caller, days: int, status: int
    ) -> None:
        first = sign_in(driver)
        execute(
            "update refresh_families"
            " set expires_at = expires_at - make_interval(days => :days)",
            days=days,
        )

        assert refresh(driver, first["refresh_token"]).status == status


class TestApproval:
    def test_a_new_phone_of_a_driver_with_a_load_needs_it(
        self, boss: Caller, busy: Caller
    ) -> None:
        phone = new_id()

        refused = [sign_in(busy, phone) for _ in range(7)]

        # Repeated requests for approval do not count as guesses of the password.
        assert {(answer.status, answer.code) for answer in refused} == {
            (403, "device-not-approved")
        }
        assert refused[0]["device_id"] == phone
        listed = boss.get("/v1/company-devices?enrolment=pending")["data"]
        assert [(device["id"], device["member_id"]) for device in listed] == [
            (phone, str(busy.member_id))
        ]
        approved = [boss.put(f"/v1/devices/{phone}/approval") for _ in range(2)]
        assert [answer.status for answer in approved] == [200, 200]
        assert approved[0].body == approved[1].body
        assert approved[0]["enrolment"] == "approved"
        assert boss.get("/v1/company-devices?enrolment=pending")["data"] == []
        assert sign_in(busy, phone).status == 201

    def test_with_a_load_a_sign_in_must_name_its_phone(self, busy: Caller) -> None:
        """Otherwise leaving out the device_id would avoid the approval."""
        answer = sign_in(busy)

        assert (answer.status, answer.code) == (403, "device-not-approved")
        assert answer["device_id"] is None

    def test_a_push_target_is_no_approval(self, world: World, busy: Caller) -> None:
        phone = world.phone(busy, "ok-1")

        assert sign_in(busy, phone).code == "device-not-approved"

    def test_a_wrong_password_asks_for_none(self, boss: Caller, busy: Caller) -> None:
        email = busy.get("/v1/me")["member"]["email"]
        body = {"login": email, "password": "wrong", "device_id": new_id()}

        answer = Caller(busy.app, "").post("/v1/sessions", body)

        assert answer.code == "wrong-credentials"
        assert boss.get("/v1/company-devices")["data"] == []

    def test_is_not_needed_without_a_load(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        dispatcher = world.member(boss, Role.DISPATCHER)

        assert {
            sign_in(caller, new_id()).status for caller in (driver, dispatcher)
        } == {201}

    def test_another_persons_phone_is_taken(self, boss: Caller, driver: Caller) -> None:
        phone = new_id()
        sign_in(driver, phone)

        answer = sign_in(boss, phone)

        assert (answer.status, answer.code) == (409, "id-taken")

    def test_a_driver_may_not_give_it(self, busy: Caller) -> None:
        phone = new_id()
        sign_in(busy, phone)

        assert busy.put(f"/v1/devices/{phone}/approval").code == "missing-permission"
        assert busy.get("/v1/company-devices").code == "missing-permission"


class TestRevocation:
    @pytest.fixture
    def phone(self, world: World, driver: Caller) -> str:
        """A phone of the driver, signed in, with a push target."""
        return world.phone(driver, "ok-phone")

    @pytest.mark.parametrize("by_the_desk", [True, False], ids=["desk", "driver"])
    def test_signs_the_phone_out_at_its_next_request(
        self,
        world: World,
        boss: Caller,
        driver: Caller,
        phone: str,
        run_jobs: Callable[..., list[str]],
        by_the_desk: bool,
    ) -> None:
        tokens, elsewhere = sign_in(driver, phone), sign_in(driver, new_id())
        assert me(driver, tokens).status == 200
        path = (
            f"/v1/devices/{phone}/approval" if by_the_desk else f"/v1/devices/{phone}"
        )
        caller = boss if by_the_desk else driver

        answers = [caller.delete(path) for _ in range(2)]

        assert [answer.status for answer in answers] == [204, 204]
        assert me(driver, tokens).code == "unauthenticated"
        assert refresh(driver, tokens["refresh_token"], phone).code == "unauthenticated"
        assert me(driver, elsewhere).status == 200
        gateway = FakeGateway()
        world.assign(boss, driver, world.load(world.shipper()))
        run_jobs(gateway)
        assert gateway.kinds("ok-phone") == []

    def test_by_the_desk_lasts_until_the_desk_approves_again(
        self, boss: Caller, driver: Caller, phone: str
    ) -> None:
        sign_in(driver, phone)
        boss.delete(f"/v1/devices/{phone}/approval")

        assert sign_in(driver, phone).code == "device-not-approved"
        assert state(driver, phone) == "revoked"
        body = {
            "platform": "ios",
            "target_kind": "fid",
            "target": "again",
            "app_version": "1",
            "locale": "en",
        }
        registered = driver.put(f"/v1/devices/{phone}", body)
        assert (registered.status, registered.code) == (403, "device-not-approved")
        boss.put(f"/v1/devices/{phone}/approval")
        assert sign_in(driver, phone).status == 201
        assert driver.put(f"/v1/devices/{phone}", body).status == 200

    def test_by_the_driver_is_undone_by_signing_in_again(
        self, driver: Caller, phone: str
    ) -> None:
        sign_in(driver, phone)
        driver.delete(f"/v1/devices/{phone}")

        assert sign_in(driver, phone).status == 201

    def test_by_the_desk_stays_when_the_driver_forgets_the_phone(
        self, boss: Caller, driver: Caller, phone: str
    ) -> None:
        boss.delete(f"/v1/devices/{phone}/approval")
        driver.delete(f"/v1/devices/{phone}")

        assert sign_in(driver, phone).code == "device-not-approved"

    def test_another_companys_phone_is_not_found(
        self, world: World, driver: Caller, phone: str
    ) -> None:
        other = world.company()

        for answer in (
            other.put(f"/v1/devices/{phone}/approval"),
            other.delete(f"/v1/devices/{phone}/approval"),
        ):
            assert (answer.status, answer.code) == (404, "not-found")
        assert other.get("/v1/company-devices")["data"] == []
        assert state(driver, phone) == "unknown"


class TestAtOnce:
    def test_a_sign_in_waits_for_the_revocation_of_its_phone(
        self, committed: World
    ) -> None:
        """Otherwise a family made at the same moment would survive the revocation."""
        boss = committed.company()
        driver = committed.member(boss, Role.DRIVER)
        phone = new_id()
        assert sign_in(driver, phone).status == 201
        desk = actor_of(boss)

        with ThreadPoolExecutor(1) as pool, Session() as session, session.begin():
            devices.revoke(session, desk, UUID(phone), now=utcnow())
            session.flush()
            late = pool.submit(sign_in, driver, phone)
            see_it_wait(late)
            session.commit()
            answer = late.result(timeout=LONGEST_S)

        assert answer.code == "device-not-approved"
        with Session() as session:
            live = text(
                "select count(*) from refresh_families where device_id is not null"
                " and revoked_at is null"
            )
            assert session.scalar(live) == 0

    def test_a_refresh_that_waited_for_the_end_of_its_sign_in_is_refused(
        self, committed: World
    ) -> None:
        boss = committed.company()
        tokens = sign_in(boss)

        with ThreadPoolExecutor(1) as pool, Session() as session, session.begin():
            assert boss.member_id is not None
            families.end_families(session, boss.member_id, "test", utcnow())
            late = pool.submit(refresh, boss, tokens["refresh_token"])
            see_it_wait(late)
            session.commit()
            answer = late.result(timeout=LONGEST_S)

        assert answer.code == "unauthenticated"
