"""Refreshes of one phone at once and in any order, some of them by a thief."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from market.phone_keys import PhoneKey
from runtime.db import Session
from services.people import families
from services.people.proofs import read_proof
from tests.api.people.phones import REFRESH, events_of, refresh, send, sign_in
from tests.services.scene import after, at_once, see_it_wait
from tests.waiting import LONGEST_S
from tests.world import Answer, Caller, World, utcnow


@pytest.fixture
def driver(committed: World) -> Caller:
    return committed.driver(committed.company(), device=None)


@pytest.fixture
def first(driver: Caller, phone: str, key: PhoneKey) -> str:
    """The first refresh token of a sign-in on the phone, which proved its key."""
    return str(sign_in(driver, phone, key)["refresh_token"])


class TestShuffled:
    @pytest.mark.parametrize("seed", range(5))
    def test_requests_of_a_phone_with_a_key_never_sign_it_out(
        self, driver: Caller, phone: str, key: PhoneKey, first: str, seed: int
    ) -> None:
        """Each token is sent again and again, with new proofs and with old ones."""
        rng = Random(seed)
        tokens, sent = [first], []

        for _ in range(60):
            if sent and rng.random() < 0.4:
                send(driver, *rng.choice(sent))
                continue
            token = rng.choice(tokens[-3:])
            sent.append((token, phone, key.proof("POST", REFRESH, token=token)))
            answer = send(driver, *sent[-1])
            if answer.status == 200 and answer["refresh_token"] not in tokens:
                tokens.append(answer["refresh_token"])

        assert len(tokens) > 5
        assert refresh(driver, tokens[-1], phone, key).status == 200
        assert events_of(driver.member_id) == []

    def test_an_old_token_that_waited_for_the_use_of_the_new_one_ends_nothing(
        self,
        committed: World,
        driver: Caller,
        phone: str,
        key: PhoneKey,
        first: str,
    ) -> None:
        second = refresh(driver, first, phone, key)["refresh_token"]

        with pytest.raises(families.TokenSuperseded):
            after(
                using(committed, second, phone, key),
                using(committed, first, phone, key),
            )

        assert refresh(driver, second, phone, key).status == 200

    def test_a_thief_who_waited_for_the_phone_is_found(
        self,
        committed: World,
        driver: Caller,
        phone: str,
        key: PhoneKey,
        first: str,
    ) -> None:
        with pytest.raises(families.KeyMismatch):
            after(
                using(committed, first, phone, key),
                using(committed, first, phone, PhoneKey()),
            )


def using(
    world: World, token: str, phone: str, key: PhoneKey
) -> Callable[[OrmSession], object]:
    """Return the act of refreshing with this token, in a transaction of the test's."""
    shown = key.proof("POST", REFRESH, token=token)
    proof = read_proof(shown, method="POST", path=REFRESH)

    def act(session: OrmSession) -> object:
        return families.refresh(
            session,
            world.keys,
            token=token,
            device_id=UUID(phone),
            proof=proof,
            deny_within=timedelta(0),
            now=utcnow(),
        )

    return act


class TestAtOnce:
    def test_sixteen_refreshes_of_a_phone_get_one_token(
        self, driver: Caller, phone: str, key: PhoneKey, first: str
    ) -> None:
        answers = at_once(*[lambda: refresh(driver, first, phone, key)] * 16)

        tokens = {a["refresh_token"] for a in answers if isinstance(a, Answer)}
        assert [a for a in answers if not isinstance(a, Answer)] == []
        (token,) = tokens
        assert refresh(driver, token, phone, key).status == 200

    def test_of_four_uses_of_one_proof_one_gets_tokens(
        self, driver: Caller, phone: str, key: PhoneKey, first: str
    ) -> None:
        proof = key.proof("POST", REFRESH, token=first)

        answers = at_once(*[lambda: send(driver, first, phone, proof)] * 4)

        statuses = [a.status for a in answers if isinstance(a, Answer)]
        assert sorted(statuses) == [200, 400, 400, 400]

    def test_a_refresh_beside_the_end_by_a_thief_is_refused(
        self, driver: Caller, phone: str, key: PhoneKey, first: str
    ) -> None:
        lock = text("select from refresh_families for update")

        with ThreadPoolExecutor(2) as pool:
            with Session.begin() as session:
                session.execute(lock)
                thief = pool.submit(refresh, driver, first, phone)
                see_it_wait(thief)
            assert thief.result(timeout=LONGEST_S).code == "refresh-key-mismatch"

        assert refresh(driver, first, phone, key).code == "unauthenticated"
