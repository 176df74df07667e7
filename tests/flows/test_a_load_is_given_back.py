"""A carrier gives a load back soon after booking it: that is counted and shown to the
poster and the operator."""

from collections.abc import Callable
from uuid import UUID

import pytest
from click.testing import Result
from sqlalchemy import text

from runtime.db import Session
from services.booking import give_backs
from tests.services.scene import Scene
from tests.test_cli import invoke
from tests.world import World, utcnow

__all__ = ["invoke"]

QUICK = 900


def given_back(scene: Scene, load_id: UUID, *, minutes: int = 0) -> None:
    """Book the load for a driver and give it back after some minutes."""
    assignment_id = scene.assigned(scene.driver(), load_id)
    with Session.begin() as session:
        session.execute(
            text(
                "update assignments set created_at = created_at"
                " - make_interval(mins => :minutes) where id = :id"
            ),
            {"minutes": minutes, "id": assignment_id},
        )
    path = f"/v1/assignments/{assignment_id}/override"
    undone = scene.carrier.post(path, {"kind": "unassign", "reason": "safety"})
    assert undone.status == 201, undone.body


def test_the_poster_sees_how_often_and_how_soon_carriers_let_go(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    path = f"/v1/loads/{load_id}/give-backs"
    nothing = {"give_backs": [], "quick_count": 0, "carrier": None}
    assert scene.shipper.get(path).body == nothing

    given_back(scene, load_id, minutes=40)
    given_back(scene, load_id)

    seen = scene.shipper.get(path)
    assert [each["is_quick"] for each in seen["give_backs"]] == [True, False]
    soon, late = (each["after_s"] for each in seen["give_backs"])
    assert soon < QUICK < 2400 <= late
    assert (seen["quick_count"], seen["carrier"]) == (1, None)


def test_what_a_carrier_gave_back_to_others_is_seen_by_the_next_poster(
    world: World,
) -> None:
    first, second = Scene(world), Scene(world)
    second.carrier = first.carrier
    for _ in range(2):
        given_back(first, first.load())
    load_id = second.load()
    second.assigned(second.driver(), load_id)

    seen = second.shipper.get(f"/v1/loads/{load_id}/give-backs")

    assert seen["give_backs"] == []
    assert seen["carrier"] == {"bookings": 3, "quick_give_backs": 2}


def test_a_swap_counts_as_giving_back(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    assignment_id = scene.assigned(scene.driver(), load_id)
    other = {"kind": "force_assign", "reason": "safety", "load_id": str(scene.load())}
    path = f"/v1/assignments/{assignment_id}/override"
    assert scene.carrier.post(path, other).status == 201

    assert scene.shipper.get(f"/v1/loads/{load_id}/give-backs")["quick_count"] == 1


def test_a_cancellation_by_the_poster_does_not_count(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    scene.assigned(scene.driver(), load_id)
    gone = scene.shipper.put(f"/v1/loads/{load_id}/cancellation", {"reason": "x"})
    assert gone.status == 200

    assert scene.shipper.get(f"/v1/loads/{load_id}/give-backs")["give_backs"] == []


@pytest.mark.parametrize("stranger", ["carrier", "shipper"])
def test_only_the_poster_sees_it(world: World, stranger: str) -> None:
    scene = Scene(world)
    load_id = scene.load()
    given_back(scene, load_id)
    caller = world.shipper() if stranger == "shipper" else scene.carrier

    assert caller.get(f"/v1/loads/{load_id}/give-backs").status == 404


def test_the_operator_sees_which_companies_do_it(committed: World) -> None:
    scene, honest = Scene(committed), Scene(committed)
    given_back(scene, scene.load())
    given_back(honest, honest.load(), minutes=40)

    with Session() as session:
        quick = committed.settings.quick_give_back
        query = give_backs.by_company(quick, now=utcnow())
        found = {row.id: tuple(row)[2:] for row in session.execute(query)}

    assert found == {scene.carrier.org_id: (1, 1)}


def test_the_command_names_the_company(
    committed: World, invoke: Callable[..., Result]
) -> None:
    scene = Scene(committed)
    given_back(scene, scene.load())

    done = invoke("give-backs")

    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith(f"({scene.carrier.org_id}): 1 of 1 bookings\n")
