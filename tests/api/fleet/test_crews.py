"""Crews: one truck has at most two drivers."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from services.fleet import drivers
from services.fleet.drivers import CrewFull
from services.kernel.versions import Precondition
from tests.services.scene import Scene, actor_of, after
from tests.world import Caller, World


def give(scene: Scene, driver: Caller, truck_id: str) -> tuple[int, str | None]:
    answer = scene.carrier.patch(
        f"/v1/drivers/{driver.driver_id}", {"truck_id": truck_id}
    )
    return answer.status, answer.body.get("code")


def test_a_truck_has_a_crew_of_two_and_no_third(world: World) -> None:
    scene = Scene(world)
    truck_id = world.truck(scene.carrier)

    answers = [give(scene, driver, truck_id) for driver in scene.drivers(3)]

    assert answers == [(200, None), (200, None), (409, "truck-crew-full")]


def test_a_member_who_leaves_makes_room_in_the_crew(
    world: World, session: OrmSession
) -> None:
    scene = Scene(world)
    truck_id = world.truck(scene.carrier)
    first, second, third = scene.drivers(3)
    give(scene, first, truck_id)
    give(scene, second, truck_id)

    session.execute(
        text("update members set deactivated_at = now() where id = :id"),
        {"id": first.member_id},
    )
    session.commit()

    assert give(scene, second, truck_id) == (200, None)
    assert give(scene, third, truck_id) == (200, None)


def test_of_two_drivers_at_once_one_gets_the_last_seat(
    committed: World,
) -> None:
    scene = Scene(committed)
    truck_id = committed.truck(scene.carrier)
    first, second, third = scene.drivers(3)
    assert give(scene, first, truck_id) == (200, None)
    desk = actor_of(scene.carrier)

    def taking(driver: Caller) -> Callable[[OrmSession], object]:
        seen = driver.get(f"/v1/drivers/{driver.driver_id}").headers["ETag"].strip('"')
        return lambda session: drivers.edit_driver(
            session,
            desk,
            UUID(driver.driver_id),
            Precondition(frozenset({seen})),
            truck_id=UUID(truck_id),
        )

    with pytest.raises(CrewFull):
        after(taking(second), taking(third))
