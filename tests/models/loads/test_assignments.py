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
    " kind, status) select gen_random_uuid(), org_id, load_org_id, :load, :driver,"
    " truck_id, :kind, 'active' from assignments where id = :like"
)


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def put(session: OrmSession, like: UUID, **what: Any) -> None:
    session.execute(AGAIN, {"like": like} | what)


def test_a_load_has_one_active_driver(scene: Scene, session: OrmSession) -> None:
    first, second = scene.drivers(2)
    load_id, other_id = scene.loads(2)
    kept = scene.assigned(first, load_id)
    hers = {"driver": second.driver_id, "kind": "backhaul"}

    put(session, kept, load=other_id, **hers)
    with pytest.raises(IntegrityError, match="uq_assignments_active_load"):
        put(session, kept, load=load_id, **hers | {"kind": "planned"})


@pytest.mark.parametrize("kind", ["planned", "backhaul"])
def test_a_driver_has_one_active_load_of_each_kind(
    scene: Scene, session: OrmSession, kind: str
) -> None:
    driver = scene.driver()
    load_id, other_id, another_id = scene.loads(3)
    kept = scene.assigned(driver, load_id)
    whose = {"driver": driver.driver_id}

    put(session, kept, load=other_id, kind="backhaul", **whose)
    with pytest.raises(IntegrityError, match=f"uq_assignments_active_{kind}"):
        put(session, kept, load=another_id, kind=kind, **whose)
