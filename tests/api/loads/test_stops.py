from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from freight.roles import Role
from models.booking.overrides import Override
from tests.trips import FACTS, LONG, Trip, forget_where, make_trip
from tests.world import NEWARK, World, iso, utcnow


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return forget_where(make_trip(world, session))


@pytest.fixture
def long_trip(world: World, session: OrmSession) -> Trip:
    return make_trip(world, session, LONG)


def test_a_load_goes_from_booked_to_delivered_in_fact_after_fact(trip: Trip) -> None:
    seen = [trip.status]
    for number, fact in [(0, "arrival"), (0, "completion")]:
        trip.go(number, fact)
        seen.append(trip.status)
    trip.confirm(0)
    seen.append(trip.status)
    for number, fact in [(0, "departure"), *((1, fact) for fact in FACTS)]:
        assert trip.tell(number, fact).status == 200
        seen.append(trip.status)

    assert seen == [
        "booked",
        "at_pickup",
        "at_pickup",
        "pickup_confirmed",
        "in_transit",
        "at_delivery",
        "delivered",
        "delivered",
    ]
    assert trip.driver.get("/v1/me")["driver"]["availability"] == "available"
    assert [(event.kind, event.edi_214) for event in trip.events()] == [
        ("load.post", None),
        ("load.book", "OO"),
        ("load.arrive_pickup", "X3"),
        ("stop.arrive", None),
        ("stop.complete", None),
        ("load.confirm_pickup", "CP"),
        ("stop.depart", None),
        ("load.depart_pickup", "AF"),
        ("load.arrive_delivery", "X1"),
        ("stop.arrive", None),
        ("stop.complete", None),
        ("load.deliver", "D1"),
        ("stop.depart", None),
        ("load.depart_delivery", "CD"),
    ]


def test_every_fact_may_be_repeated_and_the_first_report_stands(trip: Trip) -> None:
    for number in (0, 1):
        for fact in FACTS:
            trip.go(number, fact)
            # The next stop is 800 miles on, and reached within a second.
            flags = {"flags": ["speed_implausible"]} if number == 1 else {}
            first, events = trip.stop(number) | flags, trip.kinds()

            again = trip.tell(number, fact, occurred_at=iso(utcnow()))

            assert again.status == 200
            assert again.body == first
            assert trip.kinds() == events


def test_the_event_keeps_where_and_when_the_phone_said(trip: Trip) -> None:
    said = iso(utcnow())
    place = {"lat": NEWARK.lat, "lon": NEWARK.lon, "accuracy_m": 12.5}

    trip.tell(0, "arrival", occurred_at=said, position=place)

    event = trip.events()[-1]
    assert (event.kind, event.source) == ("stop.arrive", "phone")
    assert (event.actor_id, event.actor_role) == (trip.driver.member_id, Role.DRIVER)
    from_stop_m = event.body["position"].pop("from_stop_m")
    assert 13_000 < from_stop_m < 15_500
    assert event.body == {
        "load_id": trip.load["id"],
        "stop": "pickup",
        "before": "pending",
        "after": "arrived",
        "phone_time": said,
        "position": place,
    }


def test_a_dispatcher_reports_for_their_driver(trip: Trip) -> None:
    answer = trip.tell(0, "arrival", trip.carrier)

    assert (answer.status, answer["status"]) == (200, "arrived")
    event = trip.events()[-1]
    assert (event.source, event.actor_id) == ("dispatcher", trip.carrier.member_id)


def test_a_dispatcher_who_also_drives_reports_for_others_as_a_dispatcher(
    trip: Trip, world: World
) -> None:
    colleague = world.member(trip.carrier, Role.DRIVER, Role.DISPATCHER)

    trip.tell(0, "arrival", colleague)

    assert trip.events()[-1].source == "dispatcher"


@pytest.mark.parametrize("fact", FACTS)
def test_everyone_else_is_refused(trip: Trip, world: World, fact: str) -> None:
    rival = world.company()
    callers = [
        (world.driver(trip.carrier, device=None), 404),
        (world.driver(rival, device=None), 404),
        (rival, 404),
        (trip.shipper, 403),
    ]
    before = trip.kinds()

    assert [trip.tell(0, fact, caller).status for caller, _ in callers] == [
        status for _, status in callers
    ]
    assert trip.kinds() == before


class TestOrder:
    @pytest.mark.parametrize(
        ("done", "number", "fact", "code"),
        [
            ([], 0, "completion", "stop-status"),
            ([], 0, "departure", "stop-status"),
            ([], 1, "arrival", "stop-out-of-order"),
            ([], 2, "arrival", "stop-out-of-order"),
            ([(0, "arrival")], 0, "departure", "stop-status"),
            ([(0, "arrival")], 1, "arrival", "stop-out-of-order"),
            (
                [(0, "arrival"), (0, "completion")],
                0,
                "departure",
                "pickup-not-confirmed",
            ),
            ([(0, "arrival"), (0, "completion")], 1, "arrival", "stop-out-of-order"),
            ([(0,)], 2, "arrival", "stop-out-of-order"),
            ([(0,), (1,), (2, "arrival")], 3, "arrival", "stop-out-of-order"),
            ([(0,), (1,)], 3, "completion", "stop-status"),
        ],
    )
    def test_out_of_order_is_a_conflict_and_writes_nothing(
        self,
        long_trip: Trip,
        done: list[tuple[Any, ...]],
        number: int,
        fact: str,
        code: str,
    ) -> None:
        for step in done:
            long_trip.go(*step)
        before, status = long_trip.kinds(), long_trip.status

        answer = long_trip.tell(number, fact)

        assert (answer.status, answer.code) == (409, code)
        assert (long_trip.kinds(), long_trip.status) == (before, status)

    def test_the_next_pickup_begins_when_the_truck_has_left_the_last(
        self, long_trip: Trip
    ) -> None:
        """Confirmed and completed, but not departed: the truck is still there."""
        long_trip.go(0, "arrival", "completion")
        long_trip.confirm(0)

        answer = long_trip.tell(1, "arrival")

        assert (answer.status, answer.code) == (409, "stop-out-of-order")
        assert answer["open_stop_id"] == long_trip.stop_id(0)

    def test_four_stops_in_a_row_deliver_once(self, long_trip: Trip) -> None:
        for number in range(4):
            long_trip.go(number)

        assert long_trip.status == "delivered"
        kinds = long_trip.kinds()
        assert kinds.count("load.deliver") == 1
        assert kinds.count("load.unload") == 1
        assert kinds.count("load.confirm_pickup") == 2
        assert kinds.count("load.depart_delivery") == 2


class TestEndedAssignment:
    @pytest.mark.parametrize("fact", FACTS)
    def test_a_report_for_a_cancelled_load_is_a_conflict(
        self, trip: Trip, fact: str
    ) -> None:
        trip.go(0, "arrival")
        url = f"/v1/loads/{trip.load['id']}/cancellation"
        assert trip.shipper.put(url, {"reason": "sold"}).status == 200
        before = trip.kinds()

        for caller in (trip.driver, trip.carrier):
            answer = trip.tell(0, fact, caller)

            assert (answer.status, answer.code) == (409, "assignment-ended")
            assert answer["load_status"] == "cancelled"
        assert trip.kinds() == before

    def test_the_new_driver_goes_on_where_the_old_one_stopped(
        self, trip: Trip, world: World
    ) -> None:
        trip.go(0)
        new = world.driver(trip.carrier, device=None)
        (old,) = trip.driver.get("/v1/me")["assignments"]
        trip.carrier.post(
            f"/v1/assignments/{old['id']}/override",
            {"kind": "reassign", "reason": "hos_risk", "driver_id": new.driver_id},
        )

        refused, taken = trip.tell(1, "arrival"), trip.tell(1, "arrival", new)

        assert (refused.status, refused.code) == (409, "assignment-ended")
        assert (taken.status, trip.status) == (200, "at_delivery")

    def test_a_driver_taken_off_a_load_can_no_longer_report(
        self, trip: Trip, world: World
    ) -> None:
        (old,) = trip.driver.get("/v1/me")["assignments"]
        trip.carrier.post(
            f"/v1/assignments/{old['id']}/override",
            {"kind": "unassign", "reason": "hos_risk"},
        )
        new = world.driver(trip.carrier, device=None)
        world.assign(trip.carrier, new, trip.load)

        refused, taken = trip.tell(0, "arrival"), trip.tell(0, "arrival", new)

        assert (refused.status, refused.code) == (409, "assignment-ended")
        assert taken.status == 200

    def test_a_load_given_back_begins_again_at_its_first_stop(self, trip: Trip) -> None:
        trip.go(0, "arrival")
        (old,) = trip.driver.get("/v1/me")["assignments"]

        trip.carrier.post(
            f"/v1/assignments/{old['id']}/override",
            {"kind": "unassign", "reason": "hos_risk"},
        )

        assert trip.status == "posted"
        assert (trip.stop(0)["status"], trip.stop(0)["arrived_at"]) == ("pending", None)


class TestRelease:
    def test_a_dispatcher_lets_the_truck_go_with_a_reason_that_is_kept(
        self, trip: Trip
    ) -> None:
        trip.go(0, "arrival", "completion")
        why = {"release_reason": "other", "release_note": "the dock is closed"}

        refused = trip.tell(0, "departure", **why)
        released = trip.tell(0, "departure", trip.carrier, **why)

        assert (refused.status, refused.code) == (409, "pickup-not-confirmed")
        assert (released.status, trip.status) == (200, "in_transit")
        kept = trip.session.scalars(select(Override)).one()
        assert (kept.kind, kept.reason, kept.note) == (
            "release_departure",
            "other",
            "the dock is closed",
        )
        assert kept.actor_id == trip.carrier.member_id
        assert kept.before == {
            "load_status": "at_pickup",
            "stop_id": trip.stop_id(0),
        }
        assert kept.after == {"load_status": "in_transit"}
        event = trip.events()[-1]
        assert (event.kind, event.reason) == ("load.depart_pickup", "other")

    def test_without_a_reason_is_refused(self, trip: Trip) -> None:
        trip.go(0, "arrival", "completion")

        answer = trip.tell(0, "departure", trip.carrier)

        assert (answer.status, answer.code) == (409, "pickup-not-confirmed")

    def test_the_reason_other_needs_a_note(self, trip: Trip) -> None:
        trip.go(0, "arrival", "completion")
        why = {"release_reason": "other", "release_note": " "}

        answer = trip.tell(0, "departure", trip.carrier, **why)

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert answer["errors"][0]["pointer"] == "#/release_note"
        assert trip.status == "at_pickup"

    def test_a_confirmed_pickup_needs_no_release(self, trip: Trip) -> None:
        trip.go(0, "arrival", "completion")
        trip.confirm(0)

        trip.tell(0, "departure", trip.carrier, release_reason="weather")

        assert trip.status == "in_transit"
        assert trip.session.scalars(select(Override)).all() == []
