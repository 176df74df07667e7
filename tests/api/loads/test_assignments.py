"""Assignments over HTTP: who may plan one, what is refused, who sees it."""

from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from services.booking import assign
from tests.services.booking.desk import grounds
from tests.services.scene import (
    Scene,
    active,
    actor_of,
    after,
    offer_row,
    open_offers,
    pushes_to,
)
from tests.world import CLEVELAND, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


def plan(dispatcher, load_id, driver, **fields):
    body = {"load_id": str(load_id), "driver_id": driver.driver_id} | fields
    return dispatcher.post("/v1/assignments", body)


class TestPlan:
    def test_the_driver_has_the_load_and_is_told(self, scene):
        load_id = scene.load()
        driver = scene.driver()

        made = plan(scene.carrier, load_id, driver)

        assert made.status == 201
        assert (made["kind"], made["status"]) == ("planned", "active")
        assert made["offer_id"] is None
        assert made["load"]["status"] == "booked"
        assert made["driver"]["availability"] == "on_load"
        assert pushes_to(driver) == ["load_assigned"]

    def test_the_same_id_again_is_the_same_plan(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        mine = str(uuid7())

        first = plan(scene.carrier, load_id, driver, id=mine)
        again = plan(scene.carrier, load_id, driver, id=mine)

        assert (again.status, again.body) == (201, first.body)
        assert len(active()) == 1
        assert pushes_to(driver) == ["load_assigned"]

    def test_an_id_in_use_is_refused(self, scene, world):
        best, second = scene.loads(2)
        one, other = scene.drivers(2)
        mine = str(uuid7())
        plan(scene.carrier, best, one, id=mine)

        same = plan(scene.carrier, second, other, id=mine)
        for_another = plan(scene.carrier, best, other, id=mine)
        stranger = Scene(world)
        theirs = plan(stranger.carrier, second, stranger.driver(), id=mine)

        assert (same.status, same.code) == (409, "id-taken")
        assert (for_another.status, for_another.code) == (409, "id-taken")
        assert (theirs.status, theirs.code) == (409, "id-taken")

    def test_drivers_with_an_offer_lose_it_and_the_assigned_drivers_offers_end(
        self, scene
    ):
        best, _ = scene.loads(2)
        driver, other = scene.drivers(2)
        scene.search(driver)
        scene.search(other)
        mine, theirs = open_offers(driver), open_offers(other)

        plan(scene.carrier, best, driver)

        assert {offer_row(o.id).status for o in mine} == {"lost", "superseded"}
        assert [offer_row(o.id).status for o in theirs] == ["lost", "created"]

    def test_a_taken_load_is_gone(self, scene):
        load_id = scene.load()
        one, other = scene.drivers(2)
        plan(scene.carrier, load_id, one)

        refused = plan(scene.carrier, load_id, other)

        assert (refused.status, refused.code) == (409, "objections")
        assert refused["objections"] == [
            {
                "ground": "not_on_the_market",
                "pointer": "#/load/status",
                "detail": "The load is not on the market.",
                "may_overrule": False,
                "figure": {
                    "value": "booked",
                    "limit": "posted",
                    "unit": "load_status",
                },
            }
        ]

    def test_a_driver_has_a_current_and_a_next_load_and_no_third(self, scene):
        driver = scene.driver()

        made = [plan(scene.carrier, scene.load(), driver) for _ in range(2)]
        refused = plan(scene.carrier, scene.load(pickup=CLEVELAND), driver)

        assert [plan["slot"] for plan in made] == ["current", "next"]
        assert (refused.status, grounds(refused)) == (409, ["slot_taken"])
        assert len(active()) == 2

    def test_a_driver_without_a_truck_is_refused(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        scene.carrier.patch(f"/v1/drivers/{driver.driver_id}", {"truck_id": None})

        refused = plan(scene.carrier, load_id, driver)

        assert (refused.status, grounds(refused)) == (409, ["no_truck"])
        assert active() == []


def test_the_same_plan_twice_at_once_is_one_plan(committed):
    scene = Scene(committed)
    ids = {
        "assignment_id": uuid7(),
        "load_id": scene.load(),
        "driver_id": UUID(scene.driver().driver_id),
    }
    desk = actor_of(scene.carrier)

    def plan_it(session):
        return assign.plan(session, desk, **ids, now=utcnow())

    assert after(plan_it, plan_it).id == ids["assignment_id"]
    assert len(active()) == 1


class TestTenancy:
    def test_other_companies_drivers_and_private_loads_are_not_found(
        self, scene, world
    ):
        load_id = scene.load()
        private = scene.load(visibility="private")
        stranger = Scene(world).driver()

        assert plan(scene.carrier, load_id, stranger).status == 404
        assert plan(scene.carrier, private, scene.driver()).status == 404
        assert plan(scene.carrier, uuid7(), scene.driver()).status == 404
        assert active() == []

    def test_only_dispatchers_plan(self, scene):
        load_id = scene.load()
        driver = scene.driver()

        assert plan(driver, load_id, driver).status == 403
        assert plan(scene.shipper, load_id, driver).status == 403

    def test_everyone_sees_their_own(self, scene, world):
        driver, colleague = scene.drivers(2)
        made = plan(scene.carrier, scene.load(), driver)
        path = f"/v1/assignments/{made['id']}"

        for caller in (scene.carrier, driver):
            shown = caller.get(path).body
            assert shown | {"warnings": []} == made.body
            assert caller.get("/v1/assignments")["data"] == [shown]
        for caller in (colleague, world.company()):
            assert caller.get(path).status == 404
            assert caller.get("/v1/assignments")["data"] == []

    def test_the_list_can_be_filtered_by_status(self, scene):
        made = plan(scene.carrier, scene.load(), scene.driver())
        scene.carrier.post(
            f"/v1/assignments/{made['id']}/override",
            {"kind": "unassign", "reason": "weather"},
        )
        listed = scene.carrier.get("/v1/assignments?status=cancelled")["data"]

        assert [assignment["id"] for assignment in listed] == [made["id"]]
        assert listed[0]["end_reason"] == "weather"
        assert scene.carrier.get("/v1/assignments?status=active")["data"] == []
