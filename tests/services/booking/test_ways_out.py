"""Each party gets out of a load alone: with nothing aboard, and with freight aboard."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from models.fleet.drivers import Driver
from runtime.db import Session
from tests.services.booking.exits import (
    assignment_of,
    availability,
    decide,
    hand_back,
    let_positions_age,
    pushed,
    tell,
)
from tests.trips import LONG, Trip, make_trip
from tests.world import CLEVELAND, NEW_YORK, World, utcnow


@pytest.fixture
def long_trip(world: World, session: OrmSession) -> Trip:
    return make_trip(world, session, LONG)


NOTHING_ABOARD: dict[str, Callable[[Trip], object]] = {
    "booked": lambda trip: None,
    "booked, confirmed": lambda trip: trip.confirm(0),
    "at_pickup": lambda trip: trip.tell(0, "arrival"),
    "pickup_confirmed": lambda trip: (trip.tell(0, "arrival"), trip.confirm(0)),
}
ABOARD: dict[str, Callable[[Trip], object]] = {
    "at_pickup": lambda trip: trip.go(0, "arrival", "completion"),
    "pickup_confirmed": lambda trip: (
        trip.go(0, "arrival", "completion"),
        trip.confirm(0),
    ),
    "in_transit": lambda trip: trip.go(0),
    "at_delivery": lambda trip: (trip.go(0), trip.tell(1, "arrival")),
}
nothing_aboard = pytest.mark.parametrize("where", NOTHING_ABOARD)
aboard = pytest.mark.parametrize("where", ABOARD)


class TestNothingAboard:
    @nothing_aboard
    def test_the_driver_hands_the_load_back_and_goes_off_duty(
        self, trip: Trip, where: str
    ) -> None:
        NOTHING_ABOARD[where](trip)

        ended = hand_back(trip, "refused_at_dock")

        assert (ended.status, ended["status"]) == (200, "cancelled")
        assert (ended["end_reason"], ended["ended_party"]) == (
            *("refused_at_dock", "carrier"),
        )
        assert trip.status == "posted"
        path = f"/v1/drivers/{trip.driver.driver_id}"
        tag = trip.driver.get(path).headers["ETag"]
        off = trip.driver.call(
            "PATCH", path, {"availability": "off_duty"}, If_Match=tag
        )
        assert off.status == 200, off.body

    @nothing_aboard
    def test_the_desk_unassigns(self, trip: Trip, where: str) -> None:
        NOTHING_ABOARD[where](trip)

        assert decide(trip, "unassign").status == 201
        assert (trip.status, availability(trip)) == ("posted", "available")

    @nothing_aboard
    def test_the_poster_cancels(self, trip: Trip, where: str) -> None:
        NOTHING_ABOARD[where](trip)

        assert tell(trip, "cancellation", reason="sold").status == 200
        assert (trip.status, availability(trip)) == ("cancelled", "available")
        assert assignment_of(trip)["ended_party"] == "poster"

    def test_a_confirmation_of_freight_that_stays_is_cleared_with_an_event(
        self, trip: Trip
    ) -> None:
        trip.tell(0, "arrival")
        trip.confirm(0, pieces=19)

        hand_back(trip)

        assert trip.stop(0)["confirmed_at"] is None
        assert trip.stop(0)["confirmed_pieces"] is None
        cleared = next(
            event
            for event in trip.events()
            if event.kind == "load.confirmation_cleared"
        )
        assert cleared.body["confirmed_pieces"] == 19

    def test_both_sides_are_told(self, trip: Trip, world: World) -> None:
        for person in (trip.driver, trip.carrier, trip.shipper):
            world.phone(person, f"ok-{person.member_id}")

        hand_back(trip)

        assert pushed(trip) == [
            *("load_handed_back", "load_unassigned", "load_uncovered"),
        ]

    def test_a_repeat_changes_nothing(self, trip: Trip) -> None:
        first = hand_back(trip)
        before = trip.kinds()

        assert hand_back(trip, "hours").body == first.body
        assert trip.kinds() == before

    def test_the_reason_other_needs_a_note(self, trip: Trip) -> None:
        refused = hand_back(trip, "other", note=" ")

        assert (refused.status, refused.code) == (422, "invalid-request")
        assert hand_back(trip, "other", note="A flood.").status == 200

    def test_another_driver_does_not_hand_it_back(
        self, trip: Trip, world: World
    ) -> None:
        path = f"/v1/assignments/{assignment_of(trip)['id']}/hand-back"
        others = [world.driver(trip.carrier, device=None), world.company()]

        for other in others:
            assert other.put(path, {"reason": "hours"}).status == 404
        assert trip.status == "booked"

    def test_the_desk_cannot_abandon_what_is_not_aboard(self, trip: Trip) -> None:
        trip.tell(0, "arrival")

        refused = decide(trip, "abandon")

        assert (refused.status, refused.code) == (409, "load-status")


class TestFreightAboard:
    @aboard
    def test_the_driver_hands_back_and_the_load_is_interrupted(
        self, trip: Trip, where: str
    ) -> None:
        ABOARD[where](trip)

        assert hand_back(trip).status == 200

        assert (trip.status, availability(trip)) == ("interrupted", "available")
        load = trip.shipper.get(f"/v1/loads/{trip.load['id']}")
        assert load["interruption_reason"] == "breakdown"
        assert load["interrupted_at"] is not None

    @aboard
    def test_the_desk_abandons_it(self, trip: Trip, where: str) -> None:
        ABOARD[where](trip)

        made = decide(trip, "abandon")

        assert made.status == 201, made.body
        assert made["after"]["load_status"] == "interrupted"
        assert availability(trip) == "available"

    @aboard
    def test_the_poster_interrupts_it(self, trip: Trip, where: str) -> None:
        ABOARD[where](trip)

        told = tell(trip, "interruption", reason="carrier_unreachable")

        assert (told.status, told["status"]) == (200, "interrupted")
        assert availability(trip) == "available"

    @aboard
    def test_it_can_be_neither_unassigned_nor_cancelled(
        self, trip: Trip, where: str
    ) -> None:
        ABOARD[where](trip)

        assert decide(trip, "unassign").code == "load-status"
        assert tell(trip, "cancellation", reason="sold").code == "load-status"

    def test_a_second_pickup_has_freight_aboard(self, long_trip: Trip) -> None:
        long_trip.go(0)
        long_trip.tell(1, "arrival")

        assert hand_back(long_trip).status == 200
        assert long_trip.status == "interrupted"
        # The next truck has not arrived there.
        assert long_trip.stop(1)["status"] == "pending"
        assert long_trip.stop(0)["status"] == "departed"

    def test_the_place_is_the_trucks_if_it_is_recent(
        self, trip: Trip, world: World
    ) -> None:
        trip.go(0)
        world.locate(trip.driver, CLEVELAND, at=utcnow())

        tell(trip, "interruption", reason="recall")

        load = trip.shipper.get(f"/v1/loads/{trip.load['id']}")
        place = (load["interrupted_lat"], load["interrupted_lon"])
        assert place == (CLEVELAND.lat, CLEVELAND.lon)

    def test_the_place_is_the_last_stop_if_the_position_is_old(
        self, trip: Trip
    ) -> None:
        trip.go(0)
        let_positions_age(trip, "1 hour")

        hand_back(trip)

        load = trip.shipper.get(f"/v1/loads/{trip.load['id']}")
        place = (load["interrupted_lat"], load["interrupted_lon"])
        assert place == (NEW_YORK.lat, NEW_YORK.lon)

    def test_both_sides_are_told(self, trip: Trip, world: World) -> None:
        trip.go(0)
        for person in (trip.driver, trip.carrier, trip.shipper):
            world.phone(person, f"ok-{person.member_id}")

        hand_back(trip)

        assert pushed(trip) == [
            *("load_handed_back", "load_interrupted", "load_unassigned"),
        ]

    def test_the_poster_tells_why_in_words_if_the_reason_is_other(
        self, trip: Trip
    ) -> None:
        trip.go(0)

        refused = tell(trip, "interruption", reason="other")

        assert (refused.status, refused.code) == (422, "invalid-request")

    def test_a_poster_interrupts_only_their_own_loads(
        self, trip: Trip, world: World
    ) -> None:
        trip.go(0)
        path = f"/v1/loads/{trip.load['id']}/interruption"

        assert world.shipper().put(path, {"reason": "recall"}).status == 404
        assert trip.carrier.put(path, {"reason": "recall"}).status == 404


class TestInterrupted:
    @aboard
    def test_another_driver_takes_it_over_and_delivers_it(
        self, trip: Trip, world: World, where: str
    ) -> None:
        ABOARD[where](trip)
        decide(trip, "abandon")
        trip.driver = world.driver(trip.carrier, device=None)

        made = decide(trip, "take_over", driver_id=trip.driver.driver_id)

        assert made.status == 201, made.body
        assert (trip.status, availability(trip)) == ("in_transit", "on_load")
        if trip.stop(0)["status"] == "completed":
            trip.go(0, "departure")
        trip.go(1, "arrival", "completion")
        assert (trip.status, availability(trip)) == ("delivered", "available")

    @pytest.mark.parametrize(
        ("truck", "status", "ground"),
        [
            ("equipment = 'curtain_van'", 201, "equipment_stands_in"),
            ("equipment = 'flatbed'", 409, "equipment_mismatch"),
        ],
    )
    def test_the_truck_that_takes_it_over_is_asked_as_for_a_new_load(
        self, trip: Trip, world: World, truck: str, status: int, ground: str
    ) -> None:
        trip.go(0)
        hand_back(trip)
        other = world.driver(trip.carrier, device=None)
        with Session.begin() as session:
            row = session.get_one(Driver, UUID(str(other.driver_id)))
            session.execute(
                text(f"update trucks set {truck} where id = :id"), {"id": row.truck_id}
            )

        made = decide(trip, "take_over", driver_id=other.driver_id)

        assert made.status == status, made.body
        found = made["warnings" if status == 201 else "objections"]
        assert [each["ground"] for each in found] == [ground]
        assert trip.status == ("in_transit" if status == 201 else "interrupted")

    def test_a_stop_in_the_middle_goes_on_where_it_was(
        self, long_trip: Trip, world: World
    ) -> None:
        long_trip.go(0)
        long_trip.go(1)
        long_trip.go(2, "arrival", "completion")
        hand_back(long_trip)

        made = decide(long_trip, "take_over", driver_id=long_trip.driver.driver_id)

        assert made.status == 201, made.body
        long_trip.go(2, "departure")
        long_trip.go(3)
        assert long_trip.status == "delivered"

    @pytest.mark.parametrize(
        ("fact", "after"), [("return", "cancelled"), ("delivery", "delivered")]
    )
    def test_the_poster_ends_it(self, trip: Trip, fact: str, after: str) -> None:
        trip.go(0)
        hand_back(trip)

        ended = tell(trip, fact, note="By another truck.")

        assert (ended.status, ended["status"]) == (200, after)
        assert ended["interrupted_at"] is None
        assert tell(trip, fact).body == ended.body
        event = trip.events()[-1]
        assert (event.source, event.body["note"]) == ("poster", "By another truck.")

    @pytest.mark.parametrize("fact", ["return", "delivery"])
    def test_only_an_interrupted_load_is_ended_so(self, trip: Trip, fact: str) -> None:
        trip.go(0)

        refused = tell(trip, fact)

        assert (refused.status, refused.code) == (409, "load-status")
        assert trip.status == "in_transit"

    def test_a_dispatcher_does_not_end_a_posted_load_at_its_delivery_so(
        self, world: World, session: OrmSession
    ) -> None:
        trip = make_trip(world, session, poster=world.company())
        trip.go(0, "arrival", "completion")
        released = {"release_reason": "other", "release_note": "The dock is closed."}
        trip.tell(0, "departure", trip.carrier, **released)
        trip.tell(1, "arrival")
        assert trip.status == "at_delivery"

        refused = tell(trip, "delivery")

        assert (refused.status, refused.code) == (409, "load-status")
        assert trip.status == "at_delivery"

    def test_the_last_truck_sees_it_until_it_ends(self, trip: Trip) -> None:
        trip.go(0)
        hand_back(trip)
        path = f"/v1/loads/{trip.load['id']}"

        for person in (trip.driver, trip.carrier):
            assert person.get(path).status == 200
            followed = [row["id"] for row in person.get("/v1/sync")["changes"]]
            assert trip.load["id"] in followed
        tell(trip, "return")
        for person in (trip.driver, trip.carrier):
            assert person.get(path).status == 404

    def test_only_the_carrier_whose_truck_has_the_freight_takes_it_over(
        self, trip: Trip, world: World
    ) -> None:
        trip.go(0)
        hand_back(trip)
        other = world.company()
        body = {"kind": "take_over", "reason": "weather"}
        body |= {"driver_id": world.driver(other, device=None).driver_id}
        path = f"/v1/assignments/{assignment_of(trip)['id']}/override"

        assert other.post(path, body).status == 404
        assert trip.status == "interrupted"

    def test_the_shipper_still_confirms_what_was_loaded(self, trip: Trip) -> None:
        trip.go(0, "arrival", "completion")
        hand_back(trip)

        assert trip.confirm(0, pieces=19).status == 200
        assert (trip.stop(0)["confirmed_pieces"], trip.status) == (19, "interrupted")
