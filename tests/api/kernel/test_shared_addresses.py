"""Many phones behind one address are not strangers to each other."""

from datetime import timedelta

import pytest
from flask import Flask
from uuid_utils.compat import uuid7

from api.kernel.limits import POLICY_HEADER
from models.people.organisations import Member
from runtime.db import Session
from services.people.families import Tokens, end_family, open_family
from services.people.tokens import access_token, read_access_token
from tests.api.kernel.conftest import Limited
from tests.world import Answer, World, utcnow

ADDRESS = {"REMOTE_ADDR": "203.0.113.7"}


def refresh(app: Flask, token: str) -> Answer:
    """Refresh from the address that all of these tests share."""
    with app.test_client() as client:
        body = {"refresh_token": token}
        answer = client.post(
            "/v1/sessions/refresh", json=body, environ_overrides=ADDRESS
        )
        return Answer(answer.status_code, answer.get_json(), dict(answer.headers))


def ask(app: Flask, token: str) -> int:
    with app.test_client() as client:
        sent = {"Authorization": f"Bearer {token}"}
        answer = client.get("/v1/me", headers=sent, environ_overrides=ADDRESS)
        return answer.status_code


def sign_in(app: Flask) -> int:
    with app.test_client() as client:
        body = {"login": "nobody@example.com", "password": "canary"}
        answer = client.post("/v1/sessions", json=body, environ_overrides=ADDRESS)
        return answer.status_code


class TestPhonesBehindOneAddress:
    """A yard's wireless network, or a mobile network's gateway."""

    @pytest.fixture
    def phones(self, world: World) -> list[Tokens]:
        """Five signed-in people."""
        opened = []
        for _ in range(5):
            person = world.company()
            with Session.begin() as session:
                member = session.get_one(Member, person.member_id)
                opened.append(
                    open_family(
                        session, world.keys, member, device_id=None, now=utcnow()
                    )
                )
        return opened

    def test_refresh_and_ask_as_if_each_were_alone(
        self, phones: list[Tokens], limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1, LIMIT_DEVICE_PER_MIN=4)
        for phone in phones:
            pair = refresh(app, phone.refresh_token)
            assert pair.status == 200
            assert ask(app, pair["access_token"]) == 200
            assert refresh(app, pair["refresh_token"]).status == 200

        # Not one of them counted for the address.
        assert sign_in(app) == 401

    def test_are_not_locked_out_by_one_that_guesses(
        self, phones: list[Tokens], limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=2)
        guesses = [
            f"{uuid7()}.0.x",
            "x",
            f"{phones[0].family_id}.1.x",
            f"{uuid7()}.1.y",
        ]

        assert [refresh(app, guess).status for guess in guesses] == [
            *(401, 401),
            *(429, 429),
        ]
        assert [refresh(app, each.refresh_token).status for each in phones] == [200] * 5

    def test_a_malformed_refresh_counts_for_the_address(self, limited: Limited) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1)

        assert [refresh(app, "").status for _ in range(2)] == [422, 429]

    def test_each_has_its_own_quota_of_refreshes(
        self, phones: list[Tokens], limited: Limited
    ) -> None:
        app = limited(LIMIT_DEVICE_PER_MIN=1)
        one, other = phones[:2]
        first = refresh(app, one.refresh_token)
        refused = refresh(app, first["refresh_token"])

        assert (first.status, refused.status) == (200, 429)
        assert refused.headers[POLICY_HEADER] == '"device";q=1;w=60'
        assert refresh(app, other.refresh_token).status == 200
        # The refused one has not rotated: the token before is still good.
        unlimited = limited()
        assert refresh(unlimited, one.refresh_token).status == 200

    def test_are_counted_apart_when_their_tokens_are_over(
        self, world: World, phones: list[Tokens], limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1, LIMIT_DEVICE_PER_MIN=2)
        long_ago = utcnow() - timedelta(days=1)
        expired = [
            access_token(
                world.keys,
                read_access_token(world.keys, phone.access_token, now=utcnow()),
                now=long_ago,
            )
            for phone in phones
        ]
        assert [ask(app, token) for token in expired] == [401] * 5
        assert [ask(app, expired[0]) for _ in range(2)] == [401, 429]
        with Session.begin() as session:
            for phone in phones[1:]:
                end_family(session, phone.family_id, "signed out", utcnow())

        ended = [ask(app, phone.access_token) for phone in phones[1:]]
        refreshed = [
            [refresh(app, phone.refresh_token).status for _ in range(2)]
            for phone in phones[1:]
        ]

        assert ended == [401] * 4
        assert refreshed == [[401, 429]] * 4
        assert sign_in(app) == 401

    def test_an_expired_token_is_no_weapon_against_its_phone(
        self, world: World, phones: list[Tokens], limited: Limited
    ) -> None:
        app = limited(LIMIT_ADDRESS_PER_MIN=1, LIMIT_DEVICE_PER_MIN=2)
        phone = phones[0]
        claims = read_access_token(world.keys, phone.access_token, now=utcnow())
        copied, own = (
            access_token(world.keys, claims, now=utcnow() - age)
            for age in (timedelta(days=1), timedelta(minutes=20))
        )

        assert [ask(app, copied) for _ in range(4)] == [401, 401, 429, 429]

        # The phone learns that its own token has expired, refreshes it and goes on.
        assert ask(app, own) == 401
        assert refresh(app, phone.refresh_token).status == 200
        assert ask(app, phone.access_token) == 200
        assert sign_in(app) == 401
