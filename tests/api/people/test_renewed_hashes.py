"""A password hash of older parameters is renewed by signing in."""

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from runtime.db import Session
from services.people import passwords
from tests.services.scene import at_once, waiting
from tests.waiting import LONGEST_S
from tests.world import PASSWORD, Answer, Caller, World

YESTERDAYS = PasswordHasher(time_cost=1, memory_cost=256, parallelism=1)


def sign_in(world: World, login: str, password: str = PASSWORD) -> Answer:
    body = {"login": login, "password": password}
    return Caller(world.app, "").post("/v1/sessions", body)


def put(session: OrmSession, login: str, password_hash: str) -> None:
    session.execute(
        text("update members set password_hash = :hash where email = :login"),
        {"hash": password_hash, "login": login},
    )


def kept_hash(login: str) -> str:
    with Session() as session:
        found: str = session.scalars(
            text("select password_hash from members where email = :it"), {"it": login}
        ).one()
        return found


def outdate(login: str) -> str:
    """Give the member a hash of older parameters."""
    old = YESTERDAYS.hash(PASSWORD)
    with Session.begin() as session:
        put(session, login, old)
    return old


def login_of(caller: Caller) -> str:
    login: str = caller.get("/v1/me")["member"]["email"]
    return login


@pytest.fixture
def login(world: World) -> str:
    return login_of(world.company())


class TestAHash:
    def test_of_other_parameters_is_renewed_once(
        self, world: World, login: str
    ) -> None:
        old = outdate(login)

        first = sign_in(world, login)
        renewed = kept_hash(login)
        second = sign_in(world, login)

        assert (first.status, second.status) == (201, 201)
        assert renewed != old
        assert passwords.matches(renewed, PASSWORD)
        assert not passwords.is_outdated(renewed)
        assert kept_hash(login) == renewed

    def test_of_todays_parameters_stays(self, world: World, login: str) -> None:
        before = kept_hash(login)

        assert sign_in(world, login).status == 201
        assert kept_hash(login) == before

    def test_is_not_renewed_by_a_wrong_password(self, world: World, login: str) -> None:
        old = outdate(login)

        assert sign_in(world, login, "not their password").code == "wrong-credentials"
        assert kept_hash(login) == old

    def test_stays_when_the_sign_in_is_refused(self, world: World, login: str) -> None:
        old = outdate(login)
        with Session.begin() as session:
            session.execute(text("update organisations set suspended_at = now()"))

        assert sign_in(world, login).code == "organisation-suspended"
        assert kept_hash(login) == old


class TestMeanwhile:
    @pytest.fixture
    def login(self, committed: World) -> str:
        login = login_of(committed.company())
        outdate(login)
        return login

    def test_another_sign_in_has_renewed_it_and_both_are_signed_in(
        self, committed: World, login: str
    ) -> None:
        theirs = passwords.hash_password(PASSWORD)

        with waiting(
            lambda session: put(session, login, theirs),
            lambda _: sign_in(committed, login),
        ) as (_, late):
            pass

        assert late.result(timeout=LONGEST_S).status == 201
        assert kept_hash(login) == theirs

    def test_a_password_was_changed_and_that_is_not_undone(
        self, committed: World, login: str
    ) -> None:
        other = passwords.hash_password("quite another one")

        with waiting(
            lambda session: put(session, login, other),
            lambda _: sign_in(committed, login),
        ) as (_, late):
            pass

        assert late.result(timeout=LONGEST_S).code == "wrong-credentials"
        assert kept_hash(login) == other

    def test_two_at_once_are_both_signed_in(self, committed: World, login: str) -> None:
        answers = at_once(*[lambda: sign_in(committed, login)] * 4)

        assert [getattr(answer, "status", answer) for answer in answers] == [201] * 4
        assert not passwords.is_outdated(kept_hash(login))
