"""Limits over HTTP: what is counted, what the answers say, what is not counted."""

import re
from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from uuid_utils.compat import uuid7

from api.kernel.limits import POLICY_HEADER, STATE_HEADER
from runtime.db import Session
from tests.api.kernel.conftest import Limited
from tests.world import CHICAGO, CLEVELAND, GARY, NEW_YORK, Answer, Caller, World

POLICY = re.compile(r'"[a-z]+";q=\d+;w=60(, "[a-z]+";q=\d+;w=60)*')
STATE = re.compile(r'"[a-z]+";r=\d+;t=\d+(, "[a-z]+";r=\d+;t=\d+)*')
LOGIN = {"login": "nobody@example.com", "password": "canary"}


def many(caller: Caller, number: int, path: str = "/v1/me", **headers: str):
    return [caller.get(path, **headers).status for _ in range(number)]


def sign_in(app: Flask, address: str = "203.0.113.7", forwarded: str = "") -> Answer:
    with app.test_client() as client:
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        environ = {"REMOTE_ADDR": address}
        answer = client.post(
            "/v1/sessions", json=LOGIN, headers=headers, environ_overrides=environ
        )
        return Answer(answer.status_code, answer.get_json(), dict(answer.headers))


class TestPeople:
    def test_have_a_quota_of_their_own(self, world: World, limited: Limited) -> None:
        app = limited(LIMIT_PERSON_PER_MIN=3)
        one, other = (replace(world.company(), app=app) for _ in range(2))

        assert many(one, 4) == [200, 200, 200, 429]
        assert many(other, 1) == [200]

    def test_a_refusal_is_a_problem_that_says_when_to_come_back(
        self, world: World, limited: Limited
    ) -> None:
        caller = replace(world.company(), app=limited(LIMIT_PERSON_PER_MIN=1))
        caller.get("/v1/me")

        refused = caller.get("/v1/me")

        assert (refused.status, refused.code) == (429, "rate-limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers[POLICY_HEADER] == '"person";q=1;w=60'
        assert refused.headers[STATE_HEADER].startswith('"person";r=0;t=')

    def test_are_told_what_is_left_in_every_answer(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_PERSON_PER_MIN=9, LIMIT_DEVICE_PER_MIN=5)
        caller = replace(world.company(), app=app)

        for path in ("/v1/me", f"/v1/trucks/{uuid7()}"):
            headers = caller.get(path).headers
            assert POLICY.fullmatch(headers[POLICY_HEADER])
            assert STATE.fullmatch(headers[STATE_HEADER])
        assert '"device";r=3' in headers[STATE_HEADER]
        assert '"person";r=7' in headers[STATE_HEADER]

    def test_pay_for_each_leg_of_a_route(self, world: World, limited: Limited) -> None:
        shipper = world.shipper()
        places = enumerate((NEW_YORK, CLEVELAND, GARY, CHICAGO))
        stops = [
            world.stop_body("delivery" if n else "pickup", place, n, 48 + n)
            for n, place in places
        ]
        path = f"/v1/loads/{world.load(shipper, stops=stops)['id']}/route"
        short = f"/v1/loads/{world.load(shipper)['id']}/route"
        caller = replace(shipper, app=limited(LIMIT_DEVICE_PER_MIN=6))

        first = caller.get(path)
        others = many(caller, 1, path), many(caller, 2, short), many(caller, 1)

        assert len(first["features"]) == 3
        assert '"device";r=3;' in first.headers[STATE_HEADER]
        assert others == ([200], [429, 429], [429])

    def test_two_devices_of_one_person_are_counted_apart(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_DEVICE_PER_MIN=2)
        one = replace(world.company(), app=app)
        assert one.member_id
        assert one.org_id
        other = replace(world.caller(one.member_id, one.org_id), app=app)

        assert many(one, 3) == [200, 200, 429]
        assert many(other, 3) == [200, 200, 429]

    def test_lists_have_a_quota_of_their_own(
        self, world: World, limited: Limited
    ) -> None:
        caller = replace(world.company(), app=limited(LIMIT_LISTS_PER_MIN=2))

        assert many(caller, 3, "/v1/trucks") == [200, 200, 429]
        assert many(caller, 1, f"/v1/trucks/{uuid7()}") == [404]

    def test_searches_that_are_asked_for_have_a_quota_of_their_own(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_SEARCHES_PER_MIN=2)
        carrier = world.company()
        driver, colleague = (
            replace(world.driver(carrier, device=None), app=app) for _ in range(2)
        )
        path = "/v1/backhaul-searches"

        assert [driver.post(path, {}).status for _ in range(3)] == [202, 202, 429]
        assert colleague.post(path, {}).status == 202
        assert driver.get(path).status == 200

    def test_acceptances_are_limited_for_each_driver(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_ACCEPTS_PER_MIN=2)
        carrier = world.company()
        greedy = replace(world.driver(carrier, device=None), app=app)
        other = replace(world.driver(carrier, device=None), app=app)
        path = f"/v1/offers/{uuid7()}/acceptance"

        assert [greedy.put(path).status for _ in range(3)] == [404, 404, 429]
        assert other.put(path).status == 404
        assert greedy.get("/v1/offers").status == 200

    def test_the_desk_books_within_the_same_limit(
        self, world: World, limited: Limited
    ) -> None:
        desk = replace(world.company(), app=limited(LIMIT_ACCEPTS_PER_MIN=3))
        given = {"load_id": str(uuid7()), "driver_id": str(uuid7())}
        forced = {"kind": "force_assign", "reason": "safety"} | given

        tried = [
            desk.post("/v1/assignments", given),
            desk.post("/v1/overrides", forced),
            desk.post(f"/v1/assignments/{uuid7()}/override", forced),
            desk.post("/v1/assignments", given),
        ]

        assert [answer.status for answer in tried] == [404, 404, 404, 429]
        assert desk.get("/v1/assignments").status == 200

    @pytest.mark.parametrize("kind", ["unassign", "abandon", "take_over"])
    def test_a_desk_over_its_quota_can_still_end_what_it_has(
        self, world: World, limited: Limited, kind: str
    ) -> None:
        app = limited(LIMIT_BOOKINGS_PER_HOUR=1, LIMIT_ACCEPTS_PER_MIN=1)
        desk = replace(world.company(), app=app)
        way_out = {"kind": kind, "reason": "safety", "driver_id": str(uuid7())}
        path = f"/v1/assignments/{uuid7()}/override"
        given = {"kind": "reassign", "reason": "safety", "driver_id": str(uuid7())}
        assert [desk.post(path, given).status for _ in range(2)] == [404, 429]

        assert desk.post(path, way_out).status == 404

    def test_bookings_are_limited_for_each_company(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_BOOKINGS_PER_HOUR=3)
        carrier = world.company()
        desk = replace(carrier, app=app)
        one = replace(world.driver(carrier, device=None), app=app)
        two = replace(world.driver(carrier, device=None), app=app)
        rival = replace(world.company(), app=app)
        path = f"/v1/offers/{uuid7()}/acceptance"
        given = {"load_id": str(uuid7()), "driver_id": one.driver_id}

        tried = [
            one.put(path),
            two.put(path),
            desk.post("/v1/assignments", given),
            desk.post("/v1/assignments", given),
        ]

        assert [answer.status for answer in tried] == [404, 404, 404, 429]
        assert tried[-1].code == "rate-limited"
        # A third of an hour brings the next one.
        assert 1100 <= int(tried[-1].headers["Retry-After"]) <= 1200
        assert one.put(path).status == 429
        assert rival.post("/v1/assignments", given).status == 404

    def test_what_was_counted_before_a_refusal_stays_counted(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_DEVICE_PER_MIN=2, LIMIT_LISTS_PER_MIN=1)
        carrier = replace(world.company(), app=app)

        assert many(carrier, 2, "/v1/loads") == [200, 429]
        assert many(carrier, 1, f"/v1/loads/{uuid7()}") == [429]

    def test_a_forbidden_request_is_counted(
        self, world: World, limited: Limited
    ) -> None:
        driver = world.driver(world.company())
        driver = replace(driver, app=limited(LIMIT_PERSON_PER_MIN=2))

        assert many(driver, 3, "/v1/members") == [403, 403, 429]

    def test_a_refused_request_changes_nothing(
        self, world: World, limited: Limited
    ) -> None:
        caller = replace(world.company(), app=limited(LIMIT_PERSON_PER_MIN=1))
        truck = {"unit_number": "T1", "equipment": "van"}
        caller.get("/v1/me")

        assert caller.put(f"/v1/trucks/{uuid7()}", truck).status == 429

        assert replace(caller, app=world.app).get("/v1/trucks")["data"] == []


class TestAddresses:
    def test_are_limited_without_a_sign_in(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=2)

        assert [sign_in(app).status for _ in range(3)] == [401, 401, 429]
        assert sign_in(app, "203.0.113.8").status == 401

    def test_guessed_tokens_are_counted_by_address(
        self, world: World, limited: Limited
    ) -> None:
        guesser = Caller(limited(LIMIT_ADDRESS_PER_MIN=2), "a.b.c")

        assert many(guesser, 3) == [401, 401, 429]

    def test_a_customers_ipv6_network_is_one_address(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1)

        assert sign_in(app, "2001:db8:0:1::1").status == 401
        assert sign_in(app, "2001:db8:0:1:ffff::2").status == 429
        assert sign_in(app, "2001:db8:0:2::1").status == 401

    def test_a_stranger_cannot_name_another_address(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1)

        assert sign_in(app, forwarded="198.51.100.1").status == 401
        assert sign_in(app, forwarded="198.51.100.2").status == 429

    def test_our_own_proxy_names_the_address(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1, TRUSTED_PROXIES=1)

        assert sign_in(app, forwarded="198.51.100.1").status == 401
        assert sign_in(app, forwarded="198.51.100.2").status == 401
        # Only the last address is the proxy's; the ones before it came from the client.
        assert sign_in(app, forwarded="192.0.2.9, 198.51.100.2").status == 429

    def test_are_not_kept_in_the_clear_nor_under_a_plain_hash(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=9)
        sign_in(app)

        with Session() as session:
            kept = session.scalars(text("select key from rate_limits")).all()
            plain = "select encode(sha256(convert_to(:k, 'utf8')), 'hex')"
            guess = session.scalar(text(plain), {"k": "address\n203.0.113.7"})
        assert len(kept) == 1
        assert guess not in kept

    def test_probes_and_pages_are_not_counted(
        self, world: World, limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1)
        client = app.test_client()

        for path in ("/healthz", "/metrics", "/openapi.json", "/problems/not-found"):
            assert [client.get(path).status_code for _ in range(3)] == [200] * 3


class TestOff:
    def test_zero_counts_nothing_and_sends_no_headers(self, world: World) -> None:
        answers = [world.company().get("/v1/me") for _ in range(3)]

        assert {answer.status for answer in answers} == {200}
        assert not {POLICY_HEADER, STATE_HEADER} & set(answers[0].headers)
        with Session() as session:
            assert session.scalar(text("select count(*) from rate_limits")) == 0


def test_a_revoked_phone_does_not_use_up_its_owners_quota(
    world: World, limited: Limited
) -> None:
    app = limited(LIMIT_ACCEPTS_PER_MIN=5, LIMIT_PERSON_PER_MIN=1000)
    carrier = world.company()
    driver = world.driver(carrier)
    phone = UUID(world.phone(driver, "another"))
    assert driver.member_id is not None
    assert driver.org_id is not None
    thief = world.caller(driver.member_id, driver.org_id, phone)
    carrier.delete(f"/v1/devices/{phone}/approval")
    path = f"/v1/offers/{uuid7()}/acceptance"

    tries = [replace(thief, app=app).put(path).status for _ in range(5)]

    assert tries == [401] * 5
    assert replace(driver, app=app).put(path).status == 404
