"""Idempotency-Key: a request sent many times is done once and answered the same."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from api.kernel.openapi import operations
from handlers.upkeep import idempotency_prune
from jobs import PERIODIC, Job
from runtime.config import Settings
from runtime.db import Session
from services.kernel import idempotency
from services.kernel.idempotency import Kept
from tests.services.scene import actor_of, see_it_wait
from tests.waiting import LONGEST_S
from tests.world import Caller, World, supplies_of, utcnow

EXEMPT = {
    # Each fix has its own id.
    "/v1/positions",
    # The caller is not signed in yet, or a one-time token already works only once.
    *("/v1/sessions", "/v1/sessions/refresh", "/v1/invitations/acceptance"),
    *("/v1/password-resets", "/v1/password-resets/completion"),
    # The answer contains a secret, which is not kept: a repeat makes a new one.
    *("/v1/invitations", "/v1/me/second-factor", "/v1/me/second-factor/removal"),
}


def post(caller: Caller, path: str, body: Any, key: str) -> Any:
    """Return the raw answer, because its bytes are compared."""
    headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": key}
    with caller.app.test_client() as client:
        return client.post(path, json=body, headers=headers)


def count(table: str) -> int:
    with Session() as session:
        return session.scalar(text(f"select count(*) from {table}")) or 0


@contextmanager
def key_in_use(caller: Caller, key: str) -> Iterator[None]:
    """Keep a first request with this key unfinished."""
    with Session() as session:
        idempotency.claim(session, actor_of(caller), key, b"first")
        yield
        session.rollback()


class TestTheKey:
    def test_every_post_needs_one_unless_it_is_repeatable_by_itself(
        self, app: Flask
    ) -> None:
        posts = {
            rule.rule: getattr(view, "is_once", False)
            for rule, method, view in operations(app)
            if method == "POST"
        }

        assert {path for path, is_once in posts.items() if not is_once} == EXEMPT
        assert len(posts) > len(EXEMPT)

    @pytest.mark.parametrize("key", ["", "é", "x" * 256, "tab\there"])
    def test_without_a_valid_one_nothing_is_done(self, world: World, key: str) -> None:
        shipper = world.shipper()

        answer = shipper.post("/v1/loads", world.load_body(), Idempotency_Key=key)

        assert (answer.status, answer.code) == (400, "idempotency-key-missing")
        assert count("loads") == 0

    @pytest.mark.parametrize("key", ["k", "x" * 255, 'a "quoted" one~'])
    def test_any_printable_ascii_will_do(self, world: World, key: str) -> None:
        shipper = world.shipper()

        made = shipper.post("/v1/loads", world.load_body(), Idempotency_Key=key)

        assert made.status == 201

    def test_belongs_to_one_member(self, world: World) -> None:
        body = world.load_body()
        for shipper in (world.shipper(), world.shipper()):
            assert post(shipper, "/v1/loads", body, "k").status_code == 201

        assert count("loads") == 2


def creations(world: World) -> dict[str, tuple[Caller, str, Any, str]]:
    """Return for each creation: caller, path, body and the table that gets a row."""
    carrier, shipper = world.company(), world.shipper()
    drivers = [world.driver(carrier, device=None) for _ in range(2)]
    loads = [world.load(shipper) for _ in range(3)]
    given = {"load_id": loads[0]["id"], "driver_id": drivers[0].driver_id}
    forced = {"load_id": loads[1]["id"], "driver_id": drivers[1].driver_id}
    override = {"kind": "force_assign", "reason": "safety"} | forced
    busy = world.driver(carrier, device=None)
    assignment = world.assign(carrier, busy, loads[2])
    end = {"kind": "unassign", "reason": "safety"}
    return {
        "load": (shipper, "/v1/loads", world.load_body(), "loads"),
        "assignment": (carrier, "/v1/assignments", given, "assignments"),
        "override": (carrier, "/v1/overrides", override, "overrides"),
        "unassign": (
            carrier,
            f"/v1/assignments/{assignment['id']}/override",
            end,
            "overrides",
        ),
    }


class TestARepeat:
    @pytest.mark.parametrize("what", ["load", "assignment", "override", "unassign"])
    def test_does_nothing_and_is_answered_the_same_to_the_byte(
        self, world: World, what: str
    ) -> None:
        caller, path, body, table = creations(world)[what]
        before, events = count(table), count("events")

        first = post(caller, path, body, "k")
        made = (count(table), count("events"))
        again = post(caller, path, body, "k")

        assert first.status_code == 201, first.json
        assert made == (count(table), count("events"))
        assert made[0] == before + 1
        assert made[1] >= events
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (again.status_code, again.data) == (first.status_code, first.data)
        for name in ("Content-Type", "ETag"):
            assert again.headers.get(name) == first.headers.get(name)

    def test_gets_the_first_answer_even_if_the_row_has_changed(
        self, world: World
    ) -> None:
        shipper, body = world.shipper(), world.load_body()
        first = post(shipper, "/v1/loads", body, "k")
        shipper.patch(f"/v1/loads/{first.json['id']}", {"price_cents": 1})

        assert post(shipper, "/v1/loads", body, "k").data == first.data

    @pytest.mark.parametrize("change", ["body", "path"])
    def test_of_the_key_with_another_request_is_refused(
        self, world: World, change: str
    ) -> None:
        dispatcher, body = world.company(), world.load_body()
        post(dispatcher, "/v1/loads", body, "k")
        path = "/v1/assignments" if change == "path" else "/v1/loads"
        other = body | {"price_cents": 1} if change == "body" else body

        answer = post(dispatcher, path, other, "k")

        assert answer.status_code == 422
        assert answer.json["code"] == "idempotency-key-reused"
        assert count("loads") == 1

    def test_after_a_refusal_is_a_new_try(self, world: World) -> None:
        shipper = world.shipper()
        body = world.load_body(load_number="7")
        post(shipper, "/v1/loads", body, "another")
        refused = post(shipper, "/v1/loads", body, "k")
        assert refused.json["code"] == "load-number-taken"
        assert count("idempotency_keys") == 1

        body["load_number"] = "8"
        assert post(shipper, "/v1/loads", body, "k").status_code == 201

    def test_waits_for_the_first_and_gets_409_when_that_takes_too_long(
        self, committed: World
    ) -> None:
        shipper, body = committed.shipper(), committed.load_body()

        with key_in_use(shipper, "k"), ThreadPoolExecutor(1) as pool:
            late = pool.submit(post, shipper, "/v1/loads", body, "k")
            see_it_wait(late)
            answer = late.result(timeout=LONGEST_S)

        assert answer.status_code == 409
        assert answer.json["code"] == "idempotency-key-in-use"
        assert int(answer.headers["Retry-After"]) > 0
        assert count("loads") == 0
        assert post(shipper, "/v1/loads", body, "k").status_code == 201

    def test_does_the_work_when_the_first_was_rolled_back(
        self, committed: World
    ) -> None:
        shipper, body = committed.shipper(), committed.load_body()

        with ThreadPoolExecutor(1) as pool:
            with key_in_use(shipper, "k"):
                late = pool.submit(post, shipper, "/v1/loads", body, "k")
                see_it_wait(late)
            answer = late.result(timeout=LONGEST_S)

        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers

    def test_two_hundred_at_once_are_one_effect_and_one_answer(
        self, committed: World
    ) -> None:
        shipper, body = committed.shipper(), committed.load_body()

        with ThreadPoolExecutor(200) as pool:
            answers = list(
                pool.map(lambda _: post(shipper, "/v1/loads", body, "k"), range(200))
            )

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.data for answer in answers}) == 1
        replays = [a.headers.get("Idempotent-Replayed") for a in answers]
        assert (replays.count("true"), replays.count(None)) == (199, 1)
        assert (count("loads"), count("idempotency_keys")) == (1, 1)

    def test_locks_of_the_work_itself_have_the_usual_timeout(
        self, world: World
    ) -> None:
        actor = actor_of(world.shipper())
        with Session() as session:
            usual = session.scalar(text("show lock_timeout"))
            idempotency.claim(session, actor, "k", b"f")

            assert session.scalar(text("show lock_timeout")) == usual != "0"


class TestABug:
    def test_leaves_no_key_behind(self, world: World) -> None:
        shipper, body = world.shipper(), world.load_body()
        with Session.begin() as session:
            session.execute(text("set local role backhaul_owner"))
            session.execute(
                text("alter table stops add constraint bug check (false) not valid")
            )

        assert post(shipper, "/v1/loads", body, "k").status_code == 500
        assert count("idempotency_keys") == count("loads") == 0
        with Session.begin() as session:
            session.execute(text("set local role backhaul_owner"))
            session.execute(text("alter table stops drop constraint bug"))
        assert post(shipper, "/v1/loads", body, "k").status_code == 201


class TestPrune:
    def test_a_key_is_kept_for_seven_days_and_then_new_again(
        self, world: World
    ) -> None:
        actor, now = actor_of(world.shipper()), utcnow()
        answer = Kept(201, b"{}", {})
        for key, days in (("young", 6.9), ("old", 7.1)):
            with Session.begin() as session:
                idempotency.claim(session, actor, key, b"f")
                idempotency.keep(session, actor, key, answer)
                session.execute(
                    text(
                        "update idempotency_keys set created_at = :at where key = :key"
                    ),
                    {"at": now - timedelta(days=days), "key": key},
                )

        with Session.begin() as session:
            assert idempotency.prune(session, now=now) == 1
            assert idempotency.prune(session, now=now) == 0
            assert idempotency.claim(session, actor, "young", b"f") == answer
            assert idempotency.claim(session, actor, "old", b"other") is None

    def test_is_a_job_that_goes_on_until_nothing_is_left(
        self, world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(idempotency, "KEPT", timedelta(seconds=-60))
        actor = actor_of(world.shipper())
        for key in "abc":
            with Session.begin() as session:
                idempotency.claim(session, actor, key, b"f")

        idempotency_prune(supplies_of(settings))

        assert count("idempotency_keys") == 0
        assert Job.IDEMPOTENCY_PRUNE in PERIODIC


def test_a_public_request_needs_no_key(world: World) -> None:
    anonymous = Caller(world.app, "")

    answer = anonymous.post("/v1/sessions", {}, Idempotency_Key="")

    assert answer.code == "invalid-request"
