"""A carrier gives a load back soon after booking it: that is counted and shown to the
poster and the operator."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result
from sqlalchemy import text

from runtime.db import Session
from services.booking import give_backs
from tests.services.scene import Scene
from tests.world import World, utcnow

QUICK = 900


def booked_before(scene: Scene, load_id: UUID, *, minutes: int) -> UUID:
    """Book the load for a driver, as it were some minutes ago."""
    assignment_id = scene.assigned(scene.driver(), load_id)
    with Session.begin() as session:
        session.execute(
            text(
                "update assignments set created_at = created_at"
                " - make_interval(mins => :minutes) where id = :id"
            ),
            {"minutes": minutes, "id": assignment_id},
        )
    return assignment_id


def given_back(scene: Scene, load_id: UUID, *, minutes: int = 0) -> None:
    """Book the load for a driver and give it back after some minutes."""
    assignment_id = booked_before(scene, load_id, minutes=minutes)
    path = f"/v1/assignments/{assignment_id}/override"
    undone = scene.carrier.post(path, {"kind": "unassign", "reason": "safety"})
    assert undone.status == 201, undone.body


def endings_of(scene: Scene, load_id: UUID) -> list[dict[str, Any]]:
    return list(scene.shipper.get(f"/v1/loads/{load_id}/endings")["data"])


def record_of(scene: Scene, load_id: UUID) -> Any:
    return scene.shipper.get(f"/v1/loads/{load_id}/carrier-record")["carrier"]


def test_the_poster_sees_how_often_and_how_soon_carriers_let_go(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    assert (endings_of(scene, load_id), record_of(scene, load_id)) == ([], None)

    given_back(scene, load_id, minutes=40)
    given_back(scene, load_id)

    seen = endings_of(scene, load_id)
    assert [each["is_quick"] for each in seen] == [True, False]
    soon, late = (each["after_s"] for each in seen)
    assert soon < QUICK < 2400 <= late
    assert record_of(scene, load_id) is None


def test_what_a_carrier_gave_back_to_others_is_seen_by_the_next_poster(
    world: World,
) -> None:
    first, second = Scene(world), Scene(world)
    second.carrier = first.carrier
    for _ in range(2):
        given_back(first, first.load())
    load_id = second.load()
    second.assigned(second.driver(), load_id)

    assert endings_of(second, load_id) == []
    assert record_of(second, load_id) == {"bookings": 3, "quick_give_backs": 2}


def test_a_swap_counts_as_giving_back(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    assignment_id = scene.assigned(scene.driver(), load_id)
    other = {"kind": "force_assign", "reason": "safety", "load_id": str(scene.load())}
    path = f"/v1/assignments/{assignment_id}/override"
    assert scene.carrier.post(path, other).status == 201

    (seen,) = endings_of(scene, load_id)
    assert seen["is_quick"]


def test_a_cancellation_by_the_poster_does_not_count(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    scene.assigned(scene.driver(), load_id)
    gone = scene.shipper.put(f"/v1/loads/{load_id}/cancellation", {"reason": "x"})
    assert gone.status == 200

    (seen,) = endings_of(scene, load_id)
    assert (seen["ended_party"], seen["is_quick"]) == ("poster", False)


def test_another_driver_of_the_carrier_does_not_count(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    assignment_id = scene.assigned(scene.driver(), load_id)
    other = {"kind": "reassign", "reason": "safety"}
    other["driver_id"] = scene.driver().driver_id
    path = f"/v1/assignments/{assignment_id}/override"
    assert scene.carrier.post(path, other).status == 201

    (seen,) = endings_of(scene, load_id)
    assert (seen["ended_party"], seen["is_quick"]) == ("carrier", False)


def test_a_change_of_driver_is_no_booking_and_begins_no_time_anew(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    assignment_id = booked_before(scene, load_id, minutes=40)
    other = {"kind": "reassign", "reason": "safety"}
    other["driver_id"] = scene.driver().driver_id
    path = f"/v1/assignments/{assignment_id}/override"
    made = scene.carrier.post(path, other)
    assert made.status == 201, made.body
    assert record_of(scene, load_id) == {"bookings": 1, "quick_give_backs": 0}

    again = {"kind": "unassign", "reason": "safety"}
    path = f"/v1/assignments/{made['after']['assignment_id']}/override"
    assert scene.carrier.post(path, again).status == 201

    seen = endings_of(scene, load_id)
    assert [each["is_quick"] for each in seen] == [False, False]
    assert min(each["after_s"] for each in seen) >= 2400


def test_a_booking_is_as_old_as_its_first_driver(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    days = give_backs.LOOKED_BACK.days + 1
    assignment_id = booked_before(scene, load_id, minutes=days * 24 * 60)
    other = {"kind": "reassign", "reason": "safety"}
    other["driver_id"] = scene.driver().driver_id
    path = f"/v1/assignments/{assignment_id}/override"
    assert scene.carrier.post(path, other).status == 201

    assert record_of(scene, load_id) == {"bookings": 0, "quick_give_backs": 0}


def test_a_load_that_is_booked_and_given_back_again_counts_again(world: World) -> None:
    scene = Scene(world)
    load_id = scene.load()
    for minutes in (2, 1):
        given_back(scene, load_id, minutes=minutes)
    scene.assigned(scene.driver(), load_id)

    assert record_of(scene, load_id) == {"bookings": 3, "quick_give_backs": 2}


def aboard(scene: Scene) -> tuple[UUID, UUID]:
    """Book a load and report its pickup from the office; return load and assignment."""
    made = scene.world.load(scene.shipper)
    load_id = UUID(made["id"])
    assignment_id = scene.assigned(scene.driver(), load_id)
    for fact in ("arrival", "completion"):
        said = scene.world.report(scene.carrier, made["stops"][0]["id"], fact)
        assert said.status == 200, said.body
    return load_id, assignment_id


def let_go(scene: Scene, how: str, assignment_id: UUID) -> None:
    path = f"/v1/assignments/{assignment_id}"
    if how == "abandon":
        decision = {"kind": "abandon", "reason": "safety"}
        assert scene.carrier.post(f"{path}/override", decision).status == 201
    else:
        back = {"reason": "breakdown"}
        assert scene.carrier.put(f"{path}/hand-back", back).status == 200


@pytest.mark.parametrize("how", ["abandon", "hand-back"])
def test_letting_go_with_freight_said_to_be_aboard_counts(
    world: World, how: str
) -> None:
    scene = Scene(world)
    load_id, assignment_id = aboard(scene)

    let_go(scene, how, assignment_id)

    (seen,) = endings_of(scene, load_id)
    assert (seen["ended_party"], seen["is_quick"]) == ("carrier", True)
    assert record_of(scene, load_id) == {"bookings": 1, "quick_give_backs": 1}


def test_an_interruption_by_the_poster_does_not_count(world: World) -> None:
    scene = Scene(world)
    load_id, _ = aboard(scene)
    path = f"/v1/loads/{load_id}/interruption"
    assert scene.shipper.put(path, {"reason": "recall"}).status == 200

    assert not endings_of(scene, load_id)[0]["is_quick"]
    assert record_of(scene, load_id) == {"bookings": 1, "quick_give_backs": 0}


def take_over(scene: Scene, assignment_id: UUID) -> None:
    goes_on = {"kind": "take_over", "reason": "safety"}
    goes_on["driver_id"] = scene.driver().driver_id
    path = f"/v1/assignments/{assignment_id}/override"
    made = scene.carrier.post(path, goes_on)
    assert made.status == 201, made.body


def test_freight_that_the_carrier_takes_over_itself_does_not_count(
    world: World,
) -> None:
    scene = Scene(world)
    load_id, assignment_id = aboard(scene)
    stop = scene.shipper.get(f"/v1/loads/{load_id}")["stops"][0]
    assert world.confirm(scene.shipper, stop["id"]).status == 200
    let_go(scene, "abandon", assignment_id)
    take_over(scene, assignment_id)

    assert not endings_of(scene, load_id)[0]["is_quick"]
    assert record_of(scene, load_id) == {"bookings": 1, "quick_give_backs": 0}


@pytest.mark.parametrize("how", ["abandon", "hand-back"])
def test_a_pickup_that_the_poster_did_not_confirm_is_not_let_go_uncounted(
    world: World, how: str
) -> None:
    scene = Scene(world)
    load_id, assignment_id = aboard(scene)
    let_go(scene, how, assignment_id)
    take_over(scene, assignment_id)

    path = f"/v1/loads/{load_id}"
    ended = scene.shipper.put(f"{path}/interruption", {"reason": "recall"})
    assert ended.status == 200, ended.body
    assert record_of(scene, load_id) == {"bookings": 1, "quick_give_backs": 1}
    assert scene.shipper.put(f"{path}/return", {}).status == 200

    assert [each["is_quick"] for each in endings_of(scene, load_id)] == [False, True]


@pytest.mark.parametrize("stranger", ["carrier", "shipper"])
def test_only_the_poster_sees_that_carriers_let_go(world: World, stranger: str) -> None:
    scene = Scene(world)
    load_id = scene.load()
    given_back(scene, load_id)
    caller = world.shipper() if stranger == "shipper" else scene.carrier

    for what in ("endings", "carrier-record"):
        assert caller.get(f"/v1/loads/{load_id}/{what}").status == 404


def test_the_operator_sees_which_companies_let_go(committed: World) -> None:
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
