"""The second factor: turned on, asked for, used once, recovered and removed."""

from datetime import timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import text

from freight.roles import Role
from models.people.organisations import OrganisationKind
from runtime.db import Session
from services.people.second_factors import STEP_S
from tests.world import PASSWORD, Answer, Caller, World, utcnow

PATH = "/v1/me/second-factor"
OWN = {"current_password": PASSWORD}


def code(secret: str, steps: int = 0) -> str:
    """Return the code the app shows `steps` steps from now."""
    return pyotp.TOTP(secret).at(utcnow() + timedelta(seconds=steps * STEP_S))


def forget_steps() -> None:
    """Mark the current codes as unused, as if time had passed."""
    with Session.begin() as session:
        session.execute(text("update second_factors set last_step = 0"))


def sign_in(boss: Caller, email: str, **body: Any) -> Answer:
    sent = {"login": email, "password": PASSWORD} | body
    return Caller(boss.app, "").post("/v1/sessions", sent)


@pytest.fixture
def email(boss: Caller) -> str:
    return str(boss.get("/v1/me")["member"]["email"])


@pytest.fixture
def secret(boss: Caller) -> str:
    """The secret of a factor that is not confirmed yet."""
    made = boss.post(PATH, OWN)
    assert made.status == 201
    assert made["uri"].startswith("otpauth://totp/Backhaul:")
    return str(made["secret"])


@pytest.fixture
def recovery(boss: Caller, secret: str) -> list[str]:
    """The recovery codes of a factor that is on."""
    confirmed = boss.put(f"{PATH}/confirmation", {"code": code(secret)})
    assert confirmed.status == 200
    forget_steps()
    codes: list[str] = confirmed["recovery_codes"]
    return codes


class TestEnrol:
    @pytest.mark.parametrize("role", [r for r in Role if r is not Role.SYSTEM])
    def test_is_for_dispatchers_brokers_and_admins(
        self, world: World, role: Role
    ) -> None:
        kind = {
            Role.SHIPPER: OrganisationKind.SHIPPER,
            Role.BROKER: OrganisationKind.BROKER,
        }.get(role, OrganisationKind.CARRIER)
        caller = world.member(world.company(kind), role)

        status = caller.post(PATH, OWN).status

        is_for = role in {Role.DISPATCHER, Role.BROKER, Role.ADMIN}
        assert status == (201 if is_for else 403)

    def test_asks_nothing_before_it_is_confirmed(
        self, boss: Caller, email: str, secret: str
    ) -> None:
        assert boss.get(PATH).body == {"confirmed_at": None, "recovery_codes_left": 0}
        assert sign_in(boss, email).status == 201

    def test_the_newest_secret_counts(self, boss: Caller, secret: str) -> None:
        newer = boss.post(PATH, OWN)["secret"]

        old = boss.put(f"{PATH}/confirmation", {"code": code(secret)})
        new = boss.put(f"{PATH}/confirmation", {"code": code(newer)})

        assert (old.code, new.status) == ("second-factor-wrong", 200)

    def test_is_possible_once(
        self, boss: Caller, secret: str, recovery: list[str]
    ) -> None:
        answers = [
            boss.post(PATH, OWN),
            boss.put(f"{PATH}/confirmation", {"code": code(secret)}),
        ]

        assert {answer.code for answer in answers} == {"second-factor-active"}

    def test_the_database_contains_neither_secret_nor_recovery_code(
        self, boss: Caller, secret: str, recovery: list[str]
    ) -> None:
        with Session() as session:
            row = str(session.execute(text("select * from second_factors")).one())

        assert [shown for shown in (secret, *recovery) if shown in row] == []
        assert len(set(recovery)) == 10
        assert boss.get(PATH)["recovery_codes_left"] == 10


class TestACopiedToken:
    """A thief with a person's access token for a moment."""

    @pytest.mark.parametrize("body", [{}, {"current_password": "wrong"}], ids=str)
    def test_turns_no_factor_on(
        self, boss: Caller, email: str, body: dict[str, str]
    ) -> None:
        tried = boss.post(PATH, body)

        assert tried.status == 422
        assert tried["errors"][0]["pointer"] == "#/current_password"
        with Session() as session:
            assert session.scalar(text("select count(*) from second_factors")) == 0
        assert sign_in(boss, email).status == 201

    def test_is_no_way_to_guess_the_password(self, boss: Caller) -> None:
        wrong = {"current_password": "wrong"}
        change = wrong | {"new_password": "a better horse battery"}

        codes = [boss.post(PATH, wrong).code for _ in range(3)]
        codes += [boss.put("/v1/me/password", change).code for _ in range(2)]

        assert codes == ["invalid-request"] * 5
        assert boss.post(PATH, OWN).code == "account-locked"

    def test_does_not_use_up_the_attempts_of_its_owner(self, boss: Caller) -> None:
        assert [boss.post(PATH, OWN).status for _ in range(7)] == [201] * 7


def test_turning_it_on_and_off_leaves_events(
    boss: Caller, secret: str, recovery: list[str]
) -> None:
    boss.post(f"{PATH}/removal", {"code": recovery[0]})

    with Session() as session:
        kept = session.execute(
            text(
                "select kind, subject, subject_id, actor_id, org_id from events"
                " where kind like 'second_factor.%' order by id"
            )
        ).all()
    by = ("member", boss.member_id, boss.member_id, boss.org_id)
    assert [tuple(row) for row in kept] == [
        ("second_factor.confirmed", *by),
        ("second_factor.removed", *by),
    ]


@pytest.mark.usefixtures("recovery")
class TestSignIn:
    def test_needs_a_code(self, boss: Caller, email: str, secret: str) -> None:
        without = sign_in(boss, email)

        assert (without.status, without.code) == (401, "second-factor-required")
        assert sign_in(boss, email, totp=code(secret)).status == 201

    @pytest.mark.parametrize("steps", [-1, 0, 1])
    def test_clocks_may_differ_by_a_step(
        self, boss: Caller, email: str, secret: str, steps: int
    ) -> None:
        assert sign_in(boss, email, totp=code(secret, steps)).status == 201

    @pytest.mark.parametrize(
        "wrong",
        ["0", "abcdef", "١٢٣٤٥٦", "0000000", "\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2"],
    )
    def test_a_wrong_code_is_refused(
        self, boss: Caller, email: str, wrong: str
    ) -> None:
        answer = sign_in(boss, email, totp=wrong)

        assert (answer.status, answer.code) == (401, "second-factor-required")

    @pytest.mark.parametrize("steps", [-3, 3])
    def test_an_old_or_future_code_is_refused(
        self, boss: Caller, email: str, secret: str, steps: int
    ) -> None:
        assert sign_in(boss, email, totp=code(secret, steps)).status == 401

    def test_a_code_works_once_and_so_do_older_ones(
        self, boss: Caller, email: str, secret: str
    ) -> None:
        now, before = code(secret), code(secret, -1)

        statuses = [
            sign_in(boss, email, totp=step).status for step in (now, now, before)
        ]

        assert statuses == [201, 401, 401]

    def test_a_right_code_does_not_replace_the_password(
        self, boss: Caller, email: str, secret: str
    ) -> None:
        answer = sign_in(boss, email, password="wrong", totp=code(secret))

        assert answer.code == "wrong-credentials"

    def test_guessing_codes_locks_the_account(
        self, boss: Caller, email: str, secret: str
    ) -> None:
        for _ in range(5):
            assert sign_in(boss, email, totp="000000").status == 401

        assert sign_in(boss, email, totp=code(secret)).code == "account-locked"

    def test_members_without_a_factor_are_not_asked(
        self, world: World, email: str
    ) -> None:
        other = world.company()
        theirs = other.get("/v1/me")["member"]["email"]

        assert sign_in(other, theirs).status == 201

    def test_a_use_encrypts_the_secret_anew(
        self, boss: Caller, email: str, secret: str
    ) -> None:
        def encrypted() -> str:
            with Session() as session:
                return str(
                    session.scalar(text("select encrypted_secret from second_factors"))
                )

        before = encrypted()
        sign_in(boss, email, totp=code(secret))

        assert encrypted() != before


class TestRecovery:
    def test_a_code_works_once_in_place_of_the_app(
        self, boss: Caller, email: str, recovery: list[str]
    ) -> None:
        first, second = recovery[:2]

        statuses = [
            sign_in(boss, email, totp=given).status
            for given in (first, first, second.upper())
        ]

        assert statuses == [201, 401, 201]
        assert boss.get(PATH)["recovery_codes_left"] == 8

    @pytest.mark.parametrize("by_recovery", [True, False])
    def test_the_factor_is_removed_by_a_code(
        self,
        boss: Caller,
        email: str,
        secret: str,
        recovery: list[str],
        by_recovery: bool,
    ) -> None:
        wrong = boss.post(f"{PATH}/removal", {"code": "000000"})
        assert (wrong.status, wrong.code) == (409, "second-factor-wrong")
        given = recovery[0] if by_recovery else code(secret)

        removed = boss.post(f"{PATH}/removal", {"code": given})

        assert removed.status == 204
        assert sign_in(boss, email).status == 201
        again = boss.post(f"{PATH}/removal", {"code": given})
        assert again.code == "second-factor-wrong"

    def test_guessing_at_an_open_desk_is_limited(
        self, boss: Caller, recovery: list[str]
    ) -> None:
        answers = [
            boss.post(f"{PATH}/removal", {"code": f"{n:06}"}).code for n in range(6)
        ]

        assert answers == ["second-factor-wrong"] * 5 + ["account-locked"]
