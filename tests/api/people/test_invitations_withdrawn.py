"""Withdrawing an invitation, by request or by a newer one."""

from typing import Any

import pytest

from freight.roles import Role
from services.people import invitations
from tests.api.people.test_invitations import invite
from tests.services.scene import actor_of, waiting
from tests.waiting import LONGEST_S
from tests.world import Caller, World, utcnow


class TestWithdraw:
    def test_may_be_repeated(self, world: World, boss: Caller) -> None:
        made = invite(boss)

        path = f"/v1/invitations/{made['invitation']['id']}"
        answers = [boss.delete(path) for _ in range(2)]

        assert [answer.status for answer in answers] == [204, 204]
        assert boss.get("/v1/invitations")["data"][0]["withdrawn_at"] is not None

    def test_is_too_late_after_the_acceptance(self, world: World, boss: Caller) -> None:
        made = invite(boss)
        world.accept(made["token"])

        answer = boss.delete(f"/v1/invitations/{made['invitation']['id']}")

        assert (answer.status, answer.code) == (410, "invitation-over")

    def test_a_newer_invitation_replaces_the_older_one(
        self, world: World, boss: Caller
    ) -> None:
        old, new = invite(boss), invite(boss, roles=["dispatcher"])
        elsewhere = invite(world.company())

        assert world.accept(old["token"]).code == "invitation-over"
        assert world.accept(new["token"]).status == 201
        # An invitation of another company is not replaced.
        assert world.accept(elsewhere["token"]).code == "login-taken"

    @pytest.mark.parametrize(
        "login", [{"email": None, "phone": "312-555-0142"}, {"email": "d@example.com"}]
    )
    def test_two_invitations_at_once_leave_one_open(
        self, committed: World, login: dict[str, Any]
    ) -> None:
        boss = committed.company()
        actor, keys = actor_of(boss), committed.keys
        fields = {"name": "Dana", "roles": [Role.DRIVER], "now": utcnow()} | login

        with waiting(
            lambda session: invitations.invite(session, actor, keys, **fields),
            lambda _: invite(boss, **login),
        ) as (_, late):
            pass

        token = late.result(timeout=LONGEST_S)["token"]
        listed = boss.get("/v1/invitations")["data"]
        assert [invitation["withdrawn_at"] is None for invitation in listed] == [
            True,
            False,
        ]
        assert committed.accept(token).status == 201

    def test_another_companys_is_not_found(self, world: World, boss: Caller) -> None:
        made = invite(boss)

        other = world.company()
        answer = other.delete(f"/v1/invitations/{made['invitation']['id']}")

        assert answer.code == "not-found"
        assert other.get("/v1/invitations")["data"] == []
        assert world.accept(made["token"]).status == 201
