"""Assignments that the database itself refuses, whatever the code forgets to check."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as OrmSession

from tests.services.scene import Scene
from tests.world import World

AGAIN = text(
    "insert into assignments (id, org_id, load_org_id, load_id, driver_id, truck_id,"
    " kind, status, slot) select gen_random_uuid(), org_id, load_org_id, :load,"
    " :driver, truck_id, :kind, 'active', cast(:slot as text) from assignments"
    " where id = :like"
)


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def put(session: OrmSession, like: UUID, **what: Any) -> None:
    session.execute(AGAIN, {"like": like, "slot": None} | what)


def test_a_load_has_one_active_driver(scene: Scene, session: OrmSession) -> None:
    first, second = scene.drivers(2)
    load_id, other_id = scene.loads(2)
    kept = scene.assigned(first, load_id)
    hers = {"driver": second.driver_id, "kind": "backhaul"}

    put(session, kept, load=other_id, **hers)
    with pytest.raises(IntegrityError, match="uq_assignments_active_load"):
        put(session, kept, load=load_id, **hers | {"kind": "planned"})


@pytest.mark.parametrize("slot", ["current", "next"])
def test_a_driver_has_one_active_load_in_each_slot(
    scene: Scene, session: OrmSession, slot: str
) -> None:
    driver = scene.driver()
    load_id, other_id, another_id = scene.loads(3)
    kept = scene.assigned(driver, load_id)
    whose = {"driver": driver.driver_id, "kind": "backhaul"}

    put(session, kept, load=other_id, **whose)
    with pytest.raises(IntegrityError, match="uq_assignments_active_driver_slot"):
        put(session, kept, load=another_id, slot=slot, **whose)


@pytest.mark.parametrize("slot", ["current", "next"])
def test_a_truck_has_one_active_load_in_each_slot(
    scene: Scene, session: OrmSession, slot: str
) -> None:
    first, second, third = scene.drivers(3)
    load_id, other_id, another_id = scene.loads(3)
    kept = scene.assigned(first, load_id)

    put(session, kept, load=other_id, driver=second.driver_id, kind="planned")
    theirs = {"driver": third.driver_id, "kind": "planned"}
    with pytest.raises(IntegrityError, match="uq_assignments_active_truck_slot"):
        put(session, kept, load=another_id, slot=slot, **theirs)


def test_an_assignment_without_a_slot_gets_the_free_one(
    scene: Scene, session: OrmSession
) -> None:
    """As a release that does not know slots."""
    driver = scene.driver()
    load_id, other_id = scene.loads(2)
    kept = scene.assigned(driver, load_id)

    put(session, kept, load=other_id, driver=driver.driver_id, kind="backhaul")

    assert slots(session) == {load_id: "current", other_id: "next"}


def slots(session: OrmSession) -> dict[UUID, str]:
    asked = text("select load_id, slot from assignments where status = 'active'")
    return {load_id: slot for load_id, slot in session.execute(asked)}
