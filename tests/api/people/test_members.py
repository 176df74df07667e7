"""Members of a company, as a desk lists them."""

from freight.roles import Role
from tests.world import World


class TestListMembers:
    def test_walks_the_company_newest_first(self, world: World) -> None:
        boss = world.company()
        for number in range(4):
            world.member(boss, Role.DISPATCHER, email=f"p{number}@example.com")

        names, cursor = [], ""
        while cursor is not None:
            page = boss.get(f"/v1/members?limit=2{cursor}")
            names += [member["email"] for member in page["data"]]
            following = page["page"]["next_cursor"]
            cursor = f"&cursor={following}" if following else None

        assert names[:4] == [f"p{n}@example.com" for n in (3, 2, 1, 0)]
        assert len(names) == 5

    def test_a_member_cannot_be_made_with_a_password(self, world: World) -> None:
        body = {"name": "X", "email": "x@example.com", "password": "1234567890"}

        assert world.company().post("/v1/members", body).status == 405
