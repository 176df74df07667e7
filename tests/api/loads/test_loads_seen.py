"""Which loads each caller sees, in lists and one by one."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from freight.roles import Role
from models.people.organisations import OrganisationKind
from tests.services.scene import Scene
from tests.world import CHICAGO, NEW_YORK, Caller, World, iso, utcnow


class TestList:
    def walk(self, caller: Caller, path: str, limit: int = 3) -> list[list[str]]:
        pages, cursor = [], ""
        while True:
            answer = caller.get(f"{path}limit={limit}{cursor}")
            pages.append([row["id"] for row in answer["data"]])
            next_cursor = answer["page"]["next_cursor"]
            if next_cursor is None:
                return pages
            cursor = f"&cursor={next_cursor}"

    def test_newest_first_page_by_page(self, world: World) -> None:
        shipper = world.shipper()
        ids = [world.load(shipper)["id"] for _ in range(6)]

        assert self.walk(shipper, "/v1/loads?") == [ids[:2:-1], ids[2::-1]]

    def test_a_load_that_stays_appears_once_while_others_come_and_go(
        self, world: World, session: OrmSession
    ) -> None:
        shipper = world.shipper()
        ids = [world.load(shipper)["id"] for _ in range(6)]

        seen, cursor = [], ""
        for step in range(9):
            answer = shipper.get(f"/v1/loads?limit=1{cursor}")
            seen += [row["id"] for row in answer["data"]]
            cursor = f"&cursor={answer['page']['next_cursor']}"
            world.load(shipper)
            if step == 2:
                session.execute(
                    text("delete from loads where id = any(:ids)"),
                    {"ids": [ids[3], ids[1]]},
                )
            if answer["page"]["next_cursor"] is None:
                break

        assert seen == [ids[5], ids[4], ids[3], ids[2], ids[0]]

    def test_is_filtered_by_status(self, world: World) -> None:
        shipper = world.shipper()
        draft, _ = world.load(shipper, is_draft=True), world.load(shipper)

        answer = shipper.get("/v1/loads?status=draft")

        assert [row["id"] for row in answer["data"]] == [draft["id"]]
        assert shipper.get("/v1/loads?status=booked")["data"] == []

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ("status=lost", "#/status"),
            ("status=%00", "#/status"),
            ("limit=0", "#/limit"),
            ("limit=201", "#/limit"),
            ("limit=many", "#/limit"),
            (f"limit={'9' * 5000}", "#/limit"),
            (f"cursor={'x' * 501}", "#/cursor"),
        ],
    )
    def test_a_bad_query_is_a_problem(
        self, world: World, query: str, pointer: str
    ) -> None:
        answer = world.shipper().get(f"/v1/loads?{query}")

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert answer["errors"][0]["pointer"] == pointer


class TestWhoSees:
    def test_a_private_load_is_seen_by_its_company_only(self, world: World) -> None:
        fleet = world.company(OrganisationKind.PRIVATE_FLEET)
        load = world.load(fleet, visibility="private")
        rival, own = Scene(world), Scene(world)
        own.carrier = fleet
        searched = [(scene, scene.driver(phones=0)) for scene in (rival, own)]

        counts = [
            scene.search(driver).counts["considered"] for scene, driver in searched
        ]

        assert counts == [0, 1]
        offers = [driver.get("/v1/offers")["data"] for _, driver in searched]
        assert [[o["load_id"] for o in its] for its in offers] == [[], [load["id"]]]
        assert rival.carrier.get("/v1/loads/market")["data"] == []
        answer = rival.carrier.post(
            "/v1/assignments",
            {"load_id": load["id"], "driver_id": searched[0][1].driver_id},
        )
        assert (answer.status, answer.code) == (404, "not-found")

    def test_the_market_shows_no_names_of_companies_or_people(
        self, world: World
    ) -> None:
        world.load(
            world.shipper(),
            consignee="Secret & Sons",
            stops=[
                world.stop_body("pickup", NEW_YORK, contact={"phone": "555"}),
                world.stop_body("delivery", CHICAGO),
            ],
        )

        (seen,) = world.company().get("/v1/loads/market")["data"]

        assert not {"consignee", "bill_to", "stops", "references"} & set(seen)

    @pytest.mark.parametrize("stranger", ["shipper", "company"])
    def test_a_stranger_finds_nothing_on_any_route(
        self, world: World, stranger: str
    ) -> None:
        load = world.load(world.shipper())
        caller: Caller = getattr(world, stranger)()
        url, stop = f"/v1/loads/{load['id']}", load["stops"][0]["id"]
        now = iso(utcnow())
        calls = [
            caller.get(url),
            caller.patch(url, {"price_cents": 1}),
            caller.put(f"{url}/posting"),
            caller.delete(f"{url}/posting"),
            caller.put(f"{url}/cancellation", {"reason": "x"}),
        ]
        if stranger == "shipper":
            calls.append(world.confirm(caller, stop))
        else:
            facts = ("arrival", "completion", "departure")
            calls += [world.report(caller, stop, f, occurred_at=now) for f in facts]

        assert [(a.status, a.code) for a in calls] == [(404, "not-found")] * len(calls)
        assert caller.get("/v1/loads")["data"] == []

    def test_the_carrier_and_the_driver_see_a_load_they_carry(
        self, world: World
    ) -> None:
        carrier, load = world.company(), world.load(world.shipper())
        driver, colleague = world.driver(carrier), world.driver(carrier)

        world.assign(carrier, driver, load)

        url = f"/v1/loads/{load['id']}"
        assert [c.get(url).status for c in (carrier, driver)] == [200, 200]
        assert colleague.get(url).status == 404

    def test_a_driver_who_also_ships_sees_both(self, world: World) -> None:
        fleet = world.company(OrganisationKind.PRIVATE_FLEET)
        load, own = world.load(world.shipper()), world.load(fleet)
        both = world.member(fleet, Role.DRIVER, Role.SHIPPER)
        driver = replace(both, driver_id=both.get("/v1/me")["driver"]["id"])
        path = f"/v1/drivers/{driver.driver_id}"
        fleet.patch(path, {"truck_id": world.truck(fleet)})
        driver.patch(path, {"availability": "available"})
        world.assign(fleet, driver, load)

        seen = {row["id"] for row in driver.get("/v1/loads")["data"]}

        assert seen == {load["id"], own["id"]}


def test_times_are_utc_with_a_z(world: World) -> None:
    body = world.load_body()
    body["stops"][0]["window_until"] = "2040-01-02T03:04:05.678+05:30"
    body["stops"][1]["window_until"] = "2040-01-09T00:00:00Z"

    load = world.load(world.shipper(), **body)

    assert load["pickup_until"] == "2040-01-01T21:34:05.678Z"
    lease = datetime.fromisoformat(load["lease_expires_at"])
    assert lease - utcnow() > timedelta(hours=1)
