"""Guessing passwords: it locks the login, and it reveals nothing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import text

from runtime.db import Session
from services.people import passwords
from services.people.lockouts import LOCKED_FOR, prune
from tests.api.people.conftest import Counting
from tests.world import PASSWORD, Answer, Caller, World, utcnow


def attempt(world: World, login: str, password: str = "wrong") -> Answer:
    body = {"login": login, "password": password}
    return Caller(world.app, "").post("/v1/sessions", body)


def said(answer: Answer) -> tuple[int, dict[str, Any], set[str]]:
    """Return all parts of the answer that a guesser could compare."""
    body = {k: v for k, v in answer.body.items() if k != "trace_id"}
    return answer.status, body, set(answer.headers) - {"X-Trace-Id"}


def later(seconds: float) -> None:
    with Session.begin() as session:
        session.execute(
            text(
                "update sign_in_failures"
                " set last_at = last_at - make_interval(secs => :by)"
            ),
            {"by": seconds},
        )


@pytest.fixture
def email(world: World) -> str:
    return str(world.company().get("/v1/me")["member"]["email"])


class TestUnknownAccounts:
    def test_a_thousand_look_like_known_ones(
        self, world: World, email: str, hasher: Counting
    ) -> None:
        """The answers are equal, and each costs one hash, so the time is equal too."""
        known = said(attempt(world, email))
        assert hasher.asked == 1

        unknown = [
            said(attempt(world, f"+1 312 555 {number:04}")) for number in range(1000)
        ]

        assert hasher.asked == 1001
        assert [answer for answer in unknown if answer != known] == []

    def test_are_locked_like_known_ones(
        self, world: World, email: str, hasher: Counting
    ) -> None:
        known, unknown = (
            [said(attempt(world, login)) for _ in range(8)]
            for login in (email, "nobody@example.com")
        )

        assert known == unknown
        assert Counter(status for status, _, _ in known) == {401: 5, 429: 3}
        assert hasher.asked == 10

    def test_the_hash_of_an_unknown_login_matches_no_password(self) -> None:
        for password in ("", "nobody", PASSWORD):
            with pytest.raises(VerifyMismatchError):
                passwords.HASHER.verify(passwords.NOBODY, password)

    def test_the_hash_of_an_unknown_login_costs_as_much_as_a_real_one(self) -> None:
        mine = passwords.hash_password(PASSWORD).split("$")
        unknown = passwords.NOBODY.split("$")

        assert mine[1:4] == unknown[1:4]


class TestLock:
    def test_five_failures_lock_for_15_minutes_also_the_right_password(
        self, world: World, email: str
    ) -> None:
        failures = [attempt(world, email) for _ in range(5)]
        assert {answer.code for answer in failures} == {"wrong-credentials"}

        locked = attempt(world, email, PASSWORD)

        assert (locked.status, locked.code) == (429, "account-locked")
        assert 890 <= int(locked.headers["Retry-After"]) <= 900
        later(LOCKED_FOR.total_seconds() - 5)
        assert attempt(world, email, PASSWORD).status == 429
        later(10)
        assert attempt(world, email, PASSWORD).status == 201

    def test_a_locked_attempt_does_not_prolong_it(
        self, world: World, email: str
    ) -> None:
        for _ in range(5):
            attempt(world, email)
        later(600)

        locked = [attempt(world, email) for _ in range(3)]

        assert {answer.status for answer in locked} == {429}
        assert int(locked[-1].headers["Retry-After"]) <= 300

    def test_a_success_forgets_the_failures(self, world: World, email: str) -> None:
        for _ in range(3):
            for _ in range(4):
                assert attempt(world, email).status == 401
            assert attempt(world, email, PASSWORD).status == 201

    @pytest.mark.parametrize(
        "ways",
        [
            ["+13125550142", "312 555 0142", "(312) 555-0142", "1.312.555.0142"],
            ["a@example.com", "A@EXAMPLE.COM", " a@example.com ", "A@example.com"],
        ],
        ids=["phone", "e-mail"],
    )
    def test_another_spelling_of_the_login_is_no_way_around(
        self, world: World, ways: list[str]
    ) -> None:
        answers = [attempt(world, ways[n % len(ways)]).status for n in range(6)]

        assert answers == [401] * 5 + [429]

    def test_does_not_concern_other_logins(self, world: World, email: str) -> None:
        for _ in range(6):
            attempt(world, "nobody@example.com")

        assert attempt(world, email, PASSWORD).status == 201

    def test_twenty_at_once_get_five_tries(
        self, committed: World, hasher: Counting
    ) -> None:
        boss = committed.company()
        login = boss.get("/v1/me")["member"]["email"]

        with ThreadPoolExecutor(10) as pool:
            statuses = list(
                pool.map(lambda _: attempt(committed, login).status, range(20))
            )

        assert Counter(statuses) == {401: 5, 429: 15}
        assert hasher.asked == 5

    def test_failures_that_no_longer_lock_are_forgotten(
        self, world: World, email: str
    ) -> None:
        attempt(world, "old@example.com")
        later(LOCKED_FOR.total_seconds() + 1)
        attempt(world, "new@example.com")

        with Session.begin() as session:
            assert prune(session, now=utcnow()) == 1
            assert prune(session, now=utcnow()) == 0

    def test_no_login_is_kept_in_the_clear(self, world: World, email: str) -> None:
        attempt(world, email)

        with Session() as session:
            row = str(session.execute(text("select * from sign_in_failures")).one())
        assert email not in row
