"""A suspended carrier and the freight on its truck: it sees it and gives it up or takes
it over, and decides nothing else."""

import pytest
from sqlalchemy.orm import Session as OrmSession

from models.booking.overrides import OverrideKind
from tests.services.booking.exits import assignment_of, decide, hand_back, tell
from tests.standing import suspend
from tests.trips import Trip, make_trip
from tests.world import World


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return make_trip(world, session)


@pytest.mark.parametrize("by", ["hand_back", "abandon", "recall"])
def test_a_suspended_carrier_sees_the_freight_of_an_interrupted_load_until_it_ends(
    trip: Trip, by: str
) -> None:
    trip.go(0)
    suspend(trip.carrier)
    assignment = assignment_of(trip)

    if by == "hand_back":
        assert hand_back(trip).status == 200
    elif by == "abandon":
        assert decide(trip, "abandon").status == 201
    else:
        assert tell(trip, "interruption", reason="recall").status == 200

    assert trip.status == "interrupted"
    path = f"/v1/loads/{trip.load['id']}"
    for member in (trip.driver, trip.carrier):
        assert member.get(path)["form"] == "full"
        carried = member.get("/v1/assignments")["data"]
        assert [row["id"] for row in carried] == [assignment["id"]]
        followed = [row["id"] for row in member.get("/v1/sync")["changes"]]
        assert followed == [trip.load["id"]]
    tell(trip, "return")
    for member in (trip.driver, trip.carrier):
        assert member.get(path).code == "organisation-suspended"


def test_a_suspended_carrier_takes_over_the_freight_on_its_truck_and_delivers(
    trip: Trip, world: World
) -> None:
    trip.go(0)
    suspend(trip.carrier)
    assert decide(trip, "abandon").status == 201

    made = decide(trip, "take_over", driver_id=trip.driver.driver_id)

    assert made.status == 201, made.body
    trip.go(1, "arrival", "completion")
    assert trip.status == "delivered"
    assert trip.driver.get("/v1/me").code == "organisation-suspended"


def test_a_suspended_carrier_decides_nothing_else(trip: Trip, world: World) -> None:
    other = world.driver(trip.carrier, device=None)
    load = world.load(trip.shipper)
    suspend(trip.carrier)
    assignment = assignment_of(trip)
    path = f"/v1/assignments/{assignment['id']}/override"

    for kind in set(OverrideKind) - {OverrideKind.ABANDON, OverrideKind.TAKE_OVER}:
        body = {"kind": kind, "reason": "weather", "driver_id": other.driver_id}
        refused = trip.carrier.post(path, body | {"load_id": load["id"]})

        assert (kind, refused.code) == (kind, "organisation-suspended")
    assert assignment_of(trip)["status"] == "active"
