"""Slots: a driver and their truck carry a current load and have a next one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from models.loads.assignments import Assignment
from runtime.db import Session
from services.booking import assign
from services.fleet import drivers
from services.loads import assignments
from tests.flows.acts import overriding
from tests.services.booking.desk import grounds, override
from tests.services.scene import (
    Scene,
    active,
    actor_of,
    after,
    is_any_waiting,
    rows_of,
)
from tests.waiting import LONGEST_S, wait_until
from tests.world import CLEVELAND, Answer, Caller, World, utcnow

revision = import_module("migrations.versions.0017_slots")


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def plan(scene: Scene, driver: Caller, load_id: UUID) -> Answer:
    return scene.carrier.post(
        "/v1/assignments",
        {"load_id": str(load_id), "driver_id": driver.driver_id, "reason": "safety"},
    )


def slots() -> dict[UUID, str | None]:
    return {assignment.load_id: assignment.slot for assignment in active()}


def crew(scene: Scene) -> list[Caller]:
    """Return two drivers of one truck."""
    one, other = scene.drivers(2)
    truck_id = one.get("/v1/me")["driver"]["truck"]["id"]
    scene.carrier.patch(f"/v1/drivers/{other.driver_id}", {"truck_id": truck_id})
    return [one, other]


def test_the_next_load_is_the_current_one_when_that_ends(scene: Scene) -> None:
    driver = scene.driver()
    first, second = scene.loads(2)
    made = [plan(scene, driver, load_id) for load_id in (first, second)]
    assert slots() == {first: "current", second: "next"}

    override(scene.carrier, made[0]["id"], kind="unassign")

    assert slots() == {second: "current"}
    me = driver.get("/v1/me")
    assert [a["slot"] for a in me["assignments"]] == ["current"]
    assert me["driver"]["availability"] == "on_load"


def test_the_next_load_is_the_current_one_when_the_poster_cancels(scene: Scene) -> None:
    driver = scene.driver()
    first, second = scene.loads(2)
    for load_id in (first, second):
        plan(scene, driver, load_id)

    scene.shipper.put(f"/v1/loads/{first}/cancellation", {"reason": "sold"})

    assert slots() == {second: "current"}


def test_the_end_of_the_next_load_leaves_the_current_one(scene: Scene) -> None:
    driver = scene.driver()
    first, second = scene.loads(2)
    made = [plan(scene, driver, load_id) for load_id in (first, second)]

    override(scene.carrier, made[1]["id"], kind="unassign")

    assert slots() == {first: "current"}


def test_loads_of_before_there_were_slots_get_one_if_they_fit(scene: Scene) -> None:
    """Three drivers of one truck, as could be: the third load waits without a slot, and
    is the current one in the end."""
    first, second, third = scene.loads(3)
    made = [plan(scene, scene.driver(), load) for load in (first, second, third)]
    with Session.begin() as session:
        session.execute(
            text("update assignments set slot = null, truck_id = :truck"),
            {"truck": made[0]["truck_id"]},
        )
        session.execute(text("set local role backhaul_worker"))
        session.execute(text(revision.GIVE_SLOTS))

    assert slots() == {first: "current", second: "next", third: None}
    for ended, left in (
        (made[0], {second: "current", third: None}),
        (made[1], {third: "current"}),
    ):
        override(scene.carrier, ended["id"], kind="unassign")
        assert slots() == left


def test_a_crew_shares_the_slots_of_its_truck(scene: Scene) -> None:
    one, other = crew(scene)
    first, second, third = scene.loads(3)

    made = [plan(scene, one, first), plan(scene, other, second)]
    refused = plan(scene, other, third)

    assert slots() == {first: "current", second: "next"}
    assert (refused.status, grounds(refused)) == (409, ["slot_taken"])
    override(scene.carrier, made[0]["id"], kind="unassign")
    assert slots() == {second: "current"}


def test_a_driver_whose_truck_carries_a_load_of_the_crew_wins_none(
    scene: Scene,
) -> None:
    one, other = crew(scene)
    scene.load()
    (offer_id,) = scene.offered(other)
    plan(scene, one, scene.load(pickup=CLEVELAND))

    refused = other.put(f"/v1/offers/{offer_id}/acceptance")

    assert (refused.status, grounds(refused)) == (409, ["slot_taken"])


@pytest.mark.parametrize("slot", ["null", "'next'"])
def test_a_driver_whose_load_is_not_in_the_current_slot_wins_none(
    scene: Scene, slot: str
) -> None:
    """As one of before there were slots."""
    driver = scene.driver()
    plan(scene, driver, scene.load(pickup=CLEVELAND))
    with Session.begin() as session:
        session.execute(text(f"update assignments set slot = {slot}"))
        session.execute(text("update drivers set availability = 'available'"))
    scene.load()
    (offer_id,) = offered_again(scene, driver)

    refused = driver.put(f"/v1/offers/{offer_id}/acceptance")

    assert (refused.status, grounds(refused)) == (409, ["slot_taken"])


def offered_again(scene: Scene, driver: Caller) -> list[UUID]:
    """Return an offer to a driver who has a load, which a search does not make."""
    with Session.begin() as session:
        session.execute(
            text("update assignments set status = 'completed', ended_at = now()")
        )
    offers = scene.offered(driver)
    with Session.begin() as session:
        session.execute(
            text("update assignments set status = 'active', ended_at = null")
        )
    return offers


def test_a_plan_while_the_current_load_ends_is_current_in_the_end(
    committed: World,
) -> None:
    scene = Scene(committed)
    driver = scene.driver()
    first, second = scene.loads(2)
    made = plan(scene, driver, first)
    end = overriding(scene.carrier, "unassign", UUID(made["id"]))
    force = planning(scene, driver, second)

    after(end, force)

    assert slots() == {second: "current"}
    assert len(rows_of(Assignment)) == 2


def planning(
    scene: Scene, driver: Caller, load_id: UUID
) -> Callable[[OrmSession], object]:
    desk = actor_of(scene.carrier)
    return lambda session: assign.plan(
        session,
        desk,
        assignment_id=None,
        load_id=load_id,
        driver_id=UUID(driver.driver_id),
        now=utcnow(),
    )


def test_a_reassignment_within_a_crew_and_a_cancellation_both_succeed(
    committed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poster cancels between the end of one assignment and the next one."""
    scene = Scene(committed)
    one, other = crew(scene)
    first, second = scene.load(), scene.load(pickup=CLEVELAND)
    made = plan(scene, one, first)
    plan(scene, other, second)
    cancel = f"/v1/loads/{second}/cancellation"
    put_driver_on = assignments.put_driver_on
    cancelled: list[Future[Answer]] = []

    def has_gone_as_far_as_it_can() -> bool:
        return cancelled[0].done() or is_any_waiting()

    with ThreadPoolExecutor(1) as pool:

        def meanwhile(*args: Any, **named: Any) -> Assignment:
            cancelled.append(pool.submit(scene.shipper.put, cancel, {"reason": "sold"}))
            wait_until(has_gone_as_far_as_it_can, "the cancellation to wait or end")
            return put_driver_on(*args, **named)

        monkeypatch.setattr(assignments, "put_driver_on", meanwhile)
        whose = {"driver_id": other.driver_id}
        reassigned = override(scene.carrier, made["id"], kind="reassign", **whose)
        answer = cancelled[0].result(timeout=LONGEST_S)

    assert (answer.status, reassigned.status) == (200, 201)
    assert slots() == {first: "current"}


class TestAnotherTruckIsGivenToADriver:
    def give(self, scene: Scene, driver: Caller, truck_id: str) -> Answer:
        path = f"/v1/drivers/{driver.driver_id}"
        return scene.carrier.patch(path, {"truck_id": truck_id})

    @pytest.mark.parametrize("end", ["cancellation", "interruption"])
    def test_while_the_poster_ends_the_load_of_that_truck(
        self, committed: World, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        """The poster has ended the assignment, and not yet settled its driver."""
        scene = Scene(committed)
        one, other = scene.drivers(2)
        truck_id = other.get("/v1/me")["driver"]["truck"]["id"]
        first, second = scene.load(), scene.load(pickup=CLEVELAND)
        plan(scene, one, first)
        plan(scene, other, second)
        if end == "interruption":
            stop = scene.shipper.get(f"/v1/loads/{second}")["stops"][0]["id"]
            for fact in ("arrival", "completion"):
                assert committed.report(other, stop, fact).status == 200
        settle = drivers.settle_availability
        given: list[Future[Answer]] = []

        with ThreadPoolExecutor(1) as pool:

            def meanwhile(session: OrmSession, *settled: Any) -> None:
                if not given:
                    given.append(pool.submit(self.give, scene, one, truck_id))
                    wait_until(
                        lambda: given[0].done() or is_any_waiting(),
                        "the exchange to wait or end",
                    )
                settle(session, *settled)

            monkeypatch.setattr(drivers, "settle_availability", meanwhile)
            path = f"/v1/loads/{second}/{end}"
            ended = scene.shipper.put(path, {"reason": "recall"})
            answer = given[0].result(timeout=LONGEST_S)

        assert (ended.status, answer.status) == (200, 200), (ended.body, answer.body)
        (carried,) = active()
        assert (carried.load_id, carried.slot) == (first, "current")
        assert str(carried.truck_id) == truck_id

    def test_and_the_next_load_of_the_rest_of_the_crew_is_the_current_one(
        self, scene: Scene
    ) -> None:
        one, other = crew(scene)
        first, second, third = scene.loads(3)
        plan(scene, one, first)
        plan(scene, other, second)
        assert slots() == {first: "current", second: "next"}

        given = self.give(scene, one, scene.world.truck(scene.carrier))

        assert given.status == 200, given.body
        assert slots() == {first: "current", second: "current"}
        assert plan(scene, other, third)["slot"] == "next"

    def test_and_their_own_next_load_is_the_current_one_there(
        self, scene: Scene
    ) -> None:
        one, other = crew(scene)
        first, second = scene.loads(2)
        plan(scene, one, first)
        plan(scene, other, second)

        given = self.give(scene, other, scene.world.truck(scene.carrier))

        assert given.status == 200, given.body
        assert slots() == {first: "current", second: "current"}
