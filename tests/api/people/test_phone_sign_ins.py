"""Sign-ins on a phone with a key, whose id a stranger knows, and on one without."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from freight.roles import Role
from market.phone_keys import PhoneKey
from runtime.db import Session
from services.people import devices
from tests.api.people.phones import (
    SESSIONS,
    body_of,
    events_of,
    me,
    new_id,
    nonce_for,
    refresh,
    said,
    sign_in,
    state,
)
from tests.services.scene import actor_of, see_it_wait
from tests.waiting import LONGEST_S
from tests.world import PASSWORD, Caller, World, utcnow


class TestASignInOnAPhone:
    def test_used_before_the_load_needs_no_approval(
        self, world: World, boss: Caller, driver: Caller, phone: str, key: PhoneKey
    ) -> None:
        assert sign_in(driver, phone, key).status == 201
        world.assign(boss, driver, world.load(world.shipper()))

        assert [sign_in(driver, phone, key).status for _ in range(2)] == [201, 201]
        (listed,) = boss.get("/v1/company-devices")["data"]
        assert (listed["enrolment"], listed["has_key"]) == ("approved", True)

    @pytest.mark.parametrize("others", [None, PhoneKey()], ids=["none", "own"])
    def test_needs_its_key_and_not_its_id(
        self,
        boss: Caller,
        driver: Caller,
        phone: str,
        key: PhoneKey,
        others: PhoneKey | None,
    ) -> None:
        """A stranger with the password knows the ids that the lists show."""
        first = sign_in(driver, phone, key)
        listed = Caller(driver.app, first["access_token"]).get("/v1/devices")["data"]
        assert [device["id"] for device in listed] == [phone]

        stranger = sign_in(driver, phone, others)

        assert said(stranger) == (403, "device-key-mismatch")
        assert events_of(driver.member_id) == ["device.key_mismatch"]
        assert sign_in(driver, phone, key).status == 201

    def test_keeps_its_key_when_it_was_signed_out(
        self, boss: Caller, driver: Caller, phone: str, key: PhoneKey
    ) -> None:
        sign_in(driver, phone, key)
        for answer in (
            driver.delete(f"/v1/devices/{phone}"),
            boss.delete(f"/v1/devices/{phone}/approval"),
            boss.put(f"/v1/devices/{phone}/approval"),
        ):
            assert answer.status in {200, 204}
            assert sign_in(driver, phone, PhoneKey()).code == "device-key-mismatch"

        assert sign_in(driver, phone, key).status == 201

    def test_is_approved_for_the_key_that_asked(
        self, boss: Caller, busy: Caller, phone: str, key: PhoneKey
    ) -> None:
        assert sign_in(busy, phone, key).code == "device-not-approved"

        others = [sign_in(busy, phone, each) for each in (None, PhoneKey())]
        boss.put(f"/v1/devices/{phone}/approval")
        others += [sign_in(busy, phone, each) for each in (None, PhoneKey())]

        assert {answer.code for answer in others} == {"device-key-mismatch"}
        assert [sign_in(busy, phone, key).status for _ in range(2)] == [201, 201]

    def test_without_a_key_counts_its_approval_once(
        self, boss: Caller, busy: Caller, phone: str
    ) -> None:
        assert sign_in(busy, phone).code == "device-not-approved"
        boss.put(f"/v1/devices/{phone}/approval")

        answers = [sign_in(busy, phone) for _ in range(2)]

        assert [said(answer) for answer in answers] == [
            (201, ""),
            (403, "device-not-approved"),
        ]
        assert state(busy, phone) == "pending"
        assert me(busy, answers[0]).status == 200
        boss.put(f"/v1/devices/{phone}/approval")
        assert sign_in(busy, phone).status == 201

    def test_without_a_key_before_the_load_does_not_count_after(
        self, world: World, boss: Caller, driver: Caller, phone: str
    ) -> None:
        sign_in(driver, phone)
        world.assign(boss, driver, world.load(world.shipper()))

        assert sign_in(driver, phone).code == "device-not-approved"

    def test_gets_its_key_by_the_first_proof_which_ends_what_had_none(
        self, driver: Caller, phone: str, key: PhoneKey
    ) -> None:
        before = sign_in(driver, phone)

        after = sign_in(driver, phone, key)

        assert after.status == 201
        assert me(driver, before).status == 401
        assert sign_in(driver, phone).code == "device-key-mismatch"

    def test_needs_a_proof_with_a_nonce_of_this_server(
        self, driver: Caller, phone: str, key: PhoneKey
    ) -> None:
        for nonce in (None, "", "x", 5, "é", "\ud800"):
            refused = sign_in(driver, phone, key, nonce=nonce)
            assert said(refused) == (400, "proof-nonce-needed")

        given = refused.headers["DPoP-Nonce"]
        assert sign_in(driver, phone, key, nonce=given).status == 201

    def test_uses_a_proof_once(self, driver: Caller, phone: str, key: PhoneKey) -> None:
        proof = key.proof("POST", SESSIONS, nonce=nonce_for(driver, key))
        stranger, body = Caller(driver.app, ""), body_of(driver, phone)

        answers = [stranger.post(SESSIONS, body, DPoP=proof) for _ in range(2)]
        elsewhere = [
            stranger.post(SESSIONS, body | {"device_id": other}, DPoP=proof)
            for other in (new_id(), None)
        ]

        assert [said(answer) for answer in answers] == [
            (201, ""),
            (400, "proof-invalid"),
        ]
        assert {said(answer) for answer in elsewhere} == {(400, "proof-invalid")}

    def test_by_an_invitation_gives_the_phone_its_key(
        self, world: World, boss: Caller, phone: str, key: PhoneKey
    ) -> None:
        path = "/v1/invitations/acceptance"
        invited = boss.post(
            "/v1/invitations",
            {"name": "Noa", "email": "noa@example.com", "roles": ["driver"]},
        )
        body = {"token": invited["token"], "password": PASSWORD, "device_id": phone}
        stranger = Caller(world.app, "")

        wrong = stranger.post(path, body, DPoP=key.proof("POST", path, token="x"))
        tokens = stranger.post(
            path, body, DPoP=key.proof("POST", path, token=invited["token"])
        )

        assert said(wrong) == (400, "proof-invalid")
        assert tokens.status == 201
        stolen = refresh(boss, tokens["refresh_token"], phone)
        assert stolen.code == "refresh-key-mismatch"

    def test_of_two_first_keys_of_a_phone_the_second_is_refused(
        self, committed: World, phone: str
    ) -> None:
        boss = committed.company()
        driver = committed.member(boss, Role.DRIVER)
        committed_key = PhoneKey()
        assert sign_in(driver, phone).status == 201
        desk = actor_of(boss)

        with ThreadPoolExecutor(1) as pool, Session() as session, session.begin():
            device = devices.approve(session, desk, UUID(phone), now=utcnow())
            device.key_thumbprint = committed_key.thumbprint
            session.flush()
            late = pool.submit(sign_in, driver, phone, PhoneKey())
            see_it_wait(late)
            session.commit()
            answer = late.result(timeout=LONGEST_S)

        assert answer.code == "device-key-mismatch"
        assert sign_in(driver, phone, committed_key).status == 201
