"""A new password: changed with the old one, or reset by mail when it is forgotten."""

from typing import Any

import pytest
from sqlalchemy import text

from freight.roles import Role
from handlers.supplies import PostOffice
from notifications.mail import SmtpMailer
from runtime.db import Session
from tests.notifications.post import Letterbox
from tests.services.scene import at_once
from tests.world import PASSWORD, SOME_ID, Answer, Caller, World, drain_jobs

NEW = "a better horse battery"


@pytest.fixture
def boss(world: World) -> Caller:
    return world.company()


@pytest.fixture
def email(boss: Caller) -> str:
    return str(boss.get("/v1/me")["member"]["email"])


def sign_in(world: World, email: str, password: str = PASSWORD) -> Answer:
    body = {"login": email, "password": password}
    return Caller(world.app, "").post("/v1/sessions", body)


def execute(statement: str) -> None:
    with Session.begin() as session:
        session.execute(text(statement))


def ask(world: World, login: str) -> Answer:
    return Caller(world.app, "").post("/v1/password-resets", {"login": login})


def complete(world: World, token: str, **fields: Any) -> Answer:
    body = {"token": token, "new_password": NEW} | fields
    return Caller(world.app, "").post("/v1/password-resets/completion", body)


def mailed(box: Letterbox) -> str:
    """Return the token of the newest letter."""
    words = box.letters[-1].get_content().split()
    link = next(word for word in words if word.startswith("https://"))
    address, _, token = str(link).partition("#")
    assert address == "https://app.example/password-reset"
    return token


class TestChange:
    def test_ends_the_other_sign_ins_and_keeps_this_one(
        self, world: World, email: str
    ) -> None:
        here, there = sign_in(world, email), sign_in(world, email)
        me = Caller(world.app, here["access_token"])
        body = {"current_password": PASSWORD, "new_password": NEW}

        changed = me.put("/v1/me/password", body)

        assert changed.status == 204
        assert me.get("/v1/me").status == 200
        assert Caller(world.app, there["access_token"]).get("/v1/me").status == 401
        refreshed = Caller(world.app, "").post(
            "/v1/sessions/refresh", {"refresh_token": there["refresh_token"]}
        )
        assert refreshed.status == 401
        assert sign_in(world, email).code == "wrong-credentials"
        assert sign_in(world, email, NEW).status == 201

    def test_needs_the_old_one_and_is_no_way_to_guess_it(
        self, world: World, boss: Caller, email: str
    ) -> None:
        body = {"current_password": "wrong", "new_password": NEW}

        answers = [boss.put("/v1/me/password", body) for _ in range(6)]

        assert [answer.status for answer in answers] == [422] * 5 + [429]
        assert answers[0]["errors"][0]["pointer"] == "#/current_password"
        assert answers[-1].code == "account-locked"
        assert sign_in(world, email).status == 201

    @pytest.mark.parametrize("new", ["short", "x" * 201])
    def test_a_bad_one_is_pointed_at(self, boss: Caller, new: str) -> None:
        body = {"current_password": PASSWORD, "new_password": new}

        answer = boss.put("/v1/me/password", body)

        assert answer["errors"][0]["pointer"] == "#/new_password"

    def test_ends_an_open_reset(
        self, world: World, boss: Caller, email: str, post: PostOffice, box: Letterbox
    ) -> None:
        ask(world, email)
        drain_jobs(world.settings, post=post)
        body = {"current_password": PASSWORD, "new_password": NEW}

        boss.put("/v1/me/password", body)

        assert complete(world, mailed(box)).code == "reset-over"


class TestReset:
    def test_by_mail_sets_it_and_ends_every_sign_in(
        self, world: World, boss: Caller, email: str, post: PostOffice, box: Letterbox
    ) -> None:
        for _ in range(6):
            sign_in(world, email, "wrong")
        assert ask(world, email.upper()).status == 202
        assert drain_jobs(world.settings, post=post) == ["resets.begin", "resets.mail"]

        done = complete(world, mailed(box))

        assert done.status == 204
        assert box.letters[-1]["To"] == email
        assert boss.get("/v1/me").status == 401
        # It also ends the lock: the member has proved who they are.
        assert sign_in(world, email, NEW).status == 201
        assert sign_in(world, email).status == 401

    @pytest.mark.parametrize(
        "login", ["nobody@example.com", "+1 312 555 0199", "nonsense"]
    )
    def test_of_an_unknown_account_looks_the_same_and_sends_no_letter(
        self, world: World, email: str, post: PostOffice, box: Letterbox, login: str
    ) -> None:
        known, unknown = ask(world, email), ask(world, login)

        assert (known.status, known.body) == (unknown.status, unknown.body)
        assert set(known.headers) == set(unknown.headers)
        drain_jobs(world.settings, post=post)
        assert [letter["To"] for letter in box.letters] == [email]

    def test_runs_the_same_statements_for_every_login(
        self, world: World, email: str
    ) -> None:
        """Each request makes one job; the worker looks for the account later."""
        ask(world, email)
        ask(world, "nobody@example.com")

        with Session() as session:
            rows = session.execute(
                text("select task_name, args from procrastinate_jobs")
            ).all()
        assert [row.task_name for row in rows] == ["resets.begin"] * 2
        assert email not in str(rows)
        assert "nobody" not in str(rows)

    def test_works_once_and_for_an_hour(
        self, world: World, email: str, post: PostOffice, box: Letterbox
    ) -> None:
        ask(world, email)
        drain_jobs(world.settings, post=post)
        token = mailed(box)
        with Session() as session:
            life = session.scalar(
                text("select expires_at - created_at from password_resets")
            )

        assert str(life) == "1:00:00"
        assert complete(world, token, new_password="short").status == 422
        assert complete(world, token).status == 204
        assert complete(world, token).code == "reset-over"

    def test_is_over_after_its_hour(
        self, world: World, email: str, post: PostOffice, box: Letterbox
    ) -> None:
        ask(world, email)
        drain_jobs(world.settings, post=post)
        execute(
            "update password_resets set expires_at = expires_at - interval '1 hour'"
        )

        answers = [complete(world, token) for token in (mailed(box), "x" * 43)]

        assert {(answer.status, answer.code) for answer in answers} == {
            (410, "reset-over")
        }
        assert answers[0]["detail"] == answers[1]["detail"]
        assert sign_in(world, email).status == 201

    def test_a_stranger_who_asks_often_does_not_fill_the_mailbox(
        self, world: World, email: str, post: PostOffice, box: Letterbox
    ) -> None:
        for _ in range(5):
            ask(world, email)
        drain_jobs(world.settings, post=post)
        assert len(box.letters) == 1
        first = mailed(box)
        execute("update password_resets set created_at = now() - interval '6 minutes'")

        ask(world, email)
        drain_jobs(world.settings, post=post)

        assert len(box.letters) == 2
        assert complete(world, mailed(box)).status == 204
        assert complete(world, first).code == "reset-over"

    @pytest.mark.parametrize("used", [0, 1, 2])
    def test_a_stranger_who_asks_does_not_end_an_open_reset(
        self, world: World, email: str, post: PostOffice, box: Letterbox, used: int
    ) -> None:
        tokens = []
        for _ in range(3):
            ask(world, email)
            drain_jobs(world.settings, post=post)
            tokens.append(mailed(box))
            execute(
                "update password_resets set created_at = created_at"
                " - interval '6 minutes'"
            )
        assert len(set(tokens)) == 3

        assert complete(world, tokens.pop(used)).status == 204

        # The first that is used ends the others.
        assert [complete(world, token).code for token in tokens] == ["reset-over"] * 2
        assert sign_in(world, email, NEW).status == 201

    def test_two_resets_used_at_once_set_one_password(
        self, committed: World, box: Letterbox
    ) -> None:
        mailer = SmtpMailer(box.url, "Backhaul <noreply@backhaul.example>", 5)
        post = PostOffice(mailer, committed.keys, "https://app.example")
        boss = committed.company()
        login = str(boss.get("/v1/me")["member"]["email"])
        tokens = []
        for _ in range(2):
            ask(committed, login)
            drain_jobs(committed.settings, post=post)
            tokens.append(mailed(box))
            execute("update password_resets set created_at = now() - interval '6 min'")

        one, other = tokens
        statuses = at_once(
            lambda: complete(committed, one).status,
            lambda: complete(committed, other).status,
        )

        assert sorted(statuses) == [204, 410]

    def test_one_mailbox_gets_five_a_day(
        self, world: World, boss: Caller, post: PostOffice, box: Letterbox
    ) -> None:
        for login in ("dana@example.com", "dana+desk@example.com"):
            world.member(boss, Role.DISPATCHER, email=login)
        for _ in range(3):
            for login in ("dana@example.com", "dana+desk@example.com"):
                ask(world, login)
            drain_jobs(world.settings, post=post)
            execute("update password_resets set created_at = now() - interval '6 min'")
        ask(world, str(boss.get("/v1/me")["member"]["email"]))
        drain_jobs(world.settings, post=post)

        to = [letter["To"] for letter in box.letters]
        assert (len(to), len([name for name in to if "dana" in name])) == (6, 5)

    def test_leaves_the_second_factor_on(
        self, world: World, boss: Caller, email: str, post: PostOffice, box: Letterbox
    ) -> None:
        boss.post("/v1/me/second-factor", {"current_password": PASSWORD})
        execute("update second_factors set confirmed_at = now()")
        ask(world, email)
        drain_jobs(world.settings, post=post)

        complete(world, mailed(box))

        assert sign_in(world, email, NEW).code == "second-factor-required"

    def test_a_member_without_mail_or_who_left_gets_no_letter(
        self, world: World, boss: Caller, post: PostOffice, box: Letterbox
    ) -> None:
        world.member(boss, Role.DRIVER, email="gone@example.com")
        execute(
            "update members set deactivated_at = now() where email = 'gone@example.com'"
        )
        person = {"name": "D", "phone": "+13125550142", "roles": ["driver"]}
        world.accept(boss.post("/v1/invitations", person)["token"])

        for login in ("gone@example.com", "+13125550142"):
            ask(world, login)
        drain_jobs(world.settings, post=post)

        assert box.letters == []

    def test_without_a_mail_server_nothing_is_made(
        self, world: World, email: str
    ) -> None:
        assert ask(world, email).status == 202

        assert drain_jobs(world.settings) == ["resets.begin"]

        with Session() as session:
            assert session.scalar(text("select count(*) from password_resets")) == 0

    @pytest.mark.parametrize(
        "body",
        [{}, {"login": ""}, {"login": "a", "member_id": SOME_ID}],
        ids=str,
    )
    def test_nonsense_is_invalid(self, world: World, body: dict[str, Any]) -> None:
        answer = Caller(world.app, "").post("/v1/password-resets", body)

        assert (answer.status, answer.code) == (422, "invalid-request")
