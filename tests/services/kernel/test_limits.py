"""The limiter: exactly the quota, also in races; keys do not wait for each other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session as OrmSession

from handlers.upkeep import limits_prune
from jobs import PERIODIC, Job
from services.kernel.limits import RateLimited, Rule, prune, take, take_each
from tests.world import World, supplies_of

SLOW = Rule(quota=100, window_s=360_000)
"""One request an hour comes back: none does while a test runs."""


@pytest.fixture
def emptied(engine: Engine) -> Iterator[Engine]:
    forget_all(engine)
    yield engine
    forget_all(engine)


def forget_all(engine: Engine) -> None:
    """Delete all counts, because other tests commit requests too."""
    with engine.begin() as connection:
        connection.execute(text("delete from rate_limits"))


def ask(engine: Engine, key: str, rule: Rule = SLOW, name: str = "person"):
    with OrmSession(engine) as session, session.begin():
        return take(session, name, key, rule)


def ask_each(engine: Engine, *rules: tuple[str, Rule]):
    with OrmSession(engine) as session, session.begin():
        return take_each(session, [(name, "one", rule) for name, rule in rules])


def later(engine: Engine, seconds: float) -> None:
    """Let time pass for every key."""
    with engine.begin() as connection:
        connection.execute(
            text("update rate_limits set tat = tat - :s"), {"s": seconds}
        )


class TestTake:
    def test_allows_the_quota_at_once_and_not_one_more(self, emptied: Engine) -> None:
        key = str(uuid4())

        allowances = [ask(emptied, key, Rule(3, 3600)) for _ in range(5)]

        assert [allowance.is_allowed for allowance in allowances] == [
            True,
            True,
            True,
            False,
            False,
        ]
        assert [allowance.remaining for allowance in allowances] == [2, 1, 0, 0, 0]
        assert [allowance.retry_after_s > 0 for allowance in allowances] == [
            0,
            0,
            0,
            1,
            1,
        ]

    @pytest.mark.parametrize("quota", [1, 2, 7, 60, 600])
    def test_any_quota_is_exact(self, emptied: Engine, quota: int) -> None:
        key = str(uuid4())
        rule = Rule(quota, window_s=quota * 3600)
        with OrmSession(emptied) as session, session.begin():
            allowances = [take(session, "x", key, rule) for _ in range(quota + 3)]

        assert sum(allowance.is_allowed for allowance in allowances) == quota

    def test_racing_requests_are_allowed_exactly_the_quota(
        self, emptied: Engine
    ) -> None:
        key = str(uuid4())

        with ThreadPoolExecutor(8) as pool:
            allowances = list(pool.map(lambda _: ask(emptied, key), range(400)))

        assert sum(allowance.is_allowed for allowance in allowances) == SLOW.quota

    def test_after_the_wait_that_was_told_one_request_is_allowed(
        self, emptied: Engine
    ) -> None:
        key, rule = str(uuid4()), Rule(2, 3600)
        allowances = [ask(emptied, key, rule) for _ in range(4)]

        later(emptied, allowances[-1].retry_after_s)

        assert ask(emptied, key, rule).is_allowed
        assert not ask(emptied, key, rule).is_allowed

    def test_after_the_reset_the_whole_quota_is_there(self, emptied: Engine) -> None:
        key, rule = str(uuid4()), Rule(3, 3600)
        last = [ask(emptied, key, rule) for _ in range(3)][-1]

        later(emptied, last.reset_s)

        assert ask(emptied, key, rule).remaining == 2

    def test_keys_and_names_are_counted_apart(self, emptied: Engine) -> None:
        key, rule = str(uuid4()), Rule(1, 3600)

        assert ask(emptied, key, rule).is_allowed
        assert ask(emptied, str(uuid4()), rule).is_allowed
        assert ask(emptied, key, rule, name="device").is_allowed
        assert not ask(emptied, key, rule).is_allowed

    def test_one_key_does_not_wait_for_another(self, emptied: Engine) -> None:
        with OrmSession(emptied) as locking, locking.begin():
            take(locking, "person", "one", SLOW)
            with OrmSession(emptied) as session, session.begin():
                session.execute(text("set local lock_timeout = '2s'"))

                assert take(session, "person", "another", SLOW).is_allowed

    def test_keeps_no_key_in_the_clear(self, emptied: Engine) -> None:
        ask(emptied, "203.0.113.7")

        with emptied.connect() as connection:
            kept = str(connection.execute(text("select * from rate_limits")).all())
        assert "203.0.113.7" not in kept

    def test_a_refusal_says_when_to_come_back(self, emptied: Engine) -> None:
        rule = Rule(1, 3600)
        error = RateLimited([ask(emptied, "slow", rule) for _ in range(2)][-1])

        assert 3590 <= int(error.headers["Retry-After"]) <= 3600
        assert (error.status, error.code) == (429, "rate-limited")


class TestTakeEach:
    def test_counts_against_every_rule(self, emptied: Engine) -> None:
        few, many = Rule(2, 60), Rule(5, 60)

        allowances = ask_each(emptied, ("device", few), ("person", many))

        found = [
            (allowance.name, allowance.rule, allowance.remaining)
            for allowance in allowances
        ]
        assert found == [("device", few, 1), ("person", many, 4)]
        assert all(allowance.is_allowed for allowance in allowances)

    def test_the_first_refusal_decides_and_later_rules_are_not_counted(
        self, emptied: Engine
    ) -> None:
        ask(emptied, "one", Rule(1, 60), "lists")

        asked = (("device", SLOW), ("lists", Rule(1, 60)), ("person", SLOW))
        allowances = ask_each(emptied, *asked)

        assert [(allowance.name, allowance.is_allowed) for allowance in allowances] == [
            ("device", True),
            ("lists", False),
        ]
        assert 55 <= allowances[-1].retry_after_s <= 60
        assert ask(emptied, "one", name="device").remaining == 98
        assert ask(emptied, "one", name="person").remaining == 99

    def test_racing_requests_are_allowed_exactly_the_smallest_quota(
        self, emptied: Engine
    ) -> None:
        rules = (("device", SLOW), ("lists", Rule(7, 360_000)), ("person", SLOW))
        with ThreadPoolExecutor(5) as pool:
            all_of = list(pool.map(lambda _: ask_each(emptied, *rules), range(20)))

        assert sum(allowances[-1].is_allowed for allowances in all_of) == 7
        assert ask(emptied, "one", name="device").remaining == 100 - 20 - 1
        assert ask(emptied, "one", name="person").remaining == 100 - 7 - 1


class TestPrune:
    def test_forgets_only_keys_that_have_their_whole_quota_again(
        self, emptied: Engine
    ) -> None:
        ask(emptied, "old")
        later(emptied, 360_000)
        for _ in range(SLOW.quota):
            ask(emptied, "new")

        with OrmSession(emptied) as session, session.begin():
            assert prune(session) == 1
            assert prune(session) == 0

        assert not ask(emptied, "new").is_allowed

    def test_is_a_job_of_the_worker(self, committed: World, emptied: Engine) -> None:
        ask(emptied, "old")
        later(emptied, 360_000)

        limits_prune(supplies_of(committed.settings))

        with emptied.connect() as connection:
            left = connection.scalar(text("select count(*) from rate_limits"))
        assert left == 0
        assert Job.LIMITS_PRUNE in PERIODIC
