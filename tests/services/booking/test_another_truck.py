"""Another truck carries a booked load: what it has not done yet, and what is asked."""

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from tests.services.booking.exits import decide
from tests.trips import LONG, Trip, make_trip
from tests.world import DENVER, Answer, Caller, World


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return make_trip(world, session)


def far_away(trip: Trip) -> Caller:
    """Return a driver of the carrier who is 1,600 miles from the pickup."""
    return trip.world.driver(trip.carrier, device=None, home=DENVER)


def reassign(trip: Trip, driver: Caller) -> Answer:
    made = decide(trip, "reassign", driver_id=driver.driver_id)
    trip.driver = driver
    return made


def grounds(made: Answer) -> list[str]:
    return [warning["ground"] for warning in made["warnings"]]


class TestReassignWithNothingAboard:
    @pytest.mark.parametrize("is_confirmed", [False, True])
    def test_the_stop_waits_for_the_new_truck(
        self, trip: Trip, is_confirmed: bool
    ) -> None:
        trip.tell(0, "arrival")
        if is_confirmed:
            trip.confirm(0)

        made = reassign(trip, far_away(trip))

        assert made.status == 201, made.body
        assert made["after"]["load_status"] == trip.status == "booked"
        assert trip.stop(0)["status"] == "pending"
        assert trip.stop(0)["confirmed_at"] is None
        refused = trip.tell(0, "completion")
        assert (refused.status, refused.code) == (409, "stop-status")
        trip.go(0)
        assert trip.status == "in_transit"

    def test_the_new_truck_does_not_leave_on_the_word_about_the_old_one(
        self, trip: Trip
    ) -> None:
        trip.confirm(0)

        reassign(trip, far_away(trip))

        trip.go(0, "arrival", "completion")
        refused = trip.tell(0, "departure")
        assert (refused.status, refused.code) == (409, "pickup-not-confirmed")

    @pytest.mark.parametrize("has_arrived", [False, True])
    def test_the_way_is_asked(self, trip: Trip, has_arrived: bool) -> None:
        if has_arrived:
            trip.tell(0, "arrival")
        driver = far_away(trip)
        trip.session.execute(
            text(
                "update last_positions set corrected_at = now() - interval '1 day'"
                " where driver_id = :id"
            ),
            {"id": UUID(str(driver.driver_id))},
        )

        assert "position_old" in grounds(reassign(trip, driver))


class TestReassignWithFreightAboard:
    def test_nothing_is_asked_of_the_pickup_and_the_stops_stay(
        self, world: World, session: OrmSession
    ) -> None:
        trip = make_trip(world, session, LONG)
        trip.go(0)
        trip.tell(1, "arrival")

        made = reassign(trip, far_away(trip))

        assert (made.status, made["warnings"]) == (201, [])
        assert trip.status == "at_pickup"
        assert [trip.stop(number)["status"] for number in range(3)] == [
            *("departed", "arrived", "pending"),
        ]
