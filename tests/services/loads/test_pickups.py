from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as OrmSession

from freight.roles import Role
from models.kernel.events import Event
from tests.trips import FACTS, KNOWN_FOR, LONG, Trip, make_trip
from tests.world import World, iso, utcnow


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return make_trip(world, session)


@pytest.fixture
def long_trip(world: World, session: OrmSession) -> Trip:
    return make_trip(world, session, LONG)


def differences(trip: Trip) -> list[object]:
    return [
        event.body["differences"]
        for event in trip.events()
        if event.kind == "load.pickup_differs"
    ]


class TestConfirm:
    def test_what_was_loaded_is_kept_as_the_shipper_counted_it(
        self, trip: Trip
    ) -> None:
        trip.go(0, "arrival")
        said = {
            "confirmed_by": "R. Meyer",
            "pieces": 19,
            "weight_kg": 15_200,
            "seal_number": "S 1",
            "bol_number": "B 2",
        }

        answer = trip.confirm(0, **said)

        assert answer.status == 200
        assert {
            "confirmed_by": answer["confirmed_by"],
            "pieces": answer["confirmed_pieces"],
            "weight_kg": answer["confirmed_weight_kg"],
            "seal_number": answer["seal_number"],
            "bol_number": answer["bol_number"],
        } == said
        assert trip.status == "pickup_confirmed"
        event = next(e for e in trip.events() if e.kind == "load.confirm_pickup")
        assert (event.source, event.actor_role) == ("shipper", Role.SHIPPER)
        assert event.actor_id == trip.shipper.member_id
        assert event.body["confirmed_pieces"] == 19

    def test_a_difference_raises_an_event_and_the_load_stays_as_posted(
        self, trip: Trip
    ) -> None:
        trip.confirm(0, pieces=19, weight_kg=15_000)

        assert differences(trip) == [{"pieces": {"posted": 20, "confirmed": 19}}]
        load = trip.shipper.get(f"/v1/loads/{trip.load['id']}")
        assert (load["pieces"], load["weight_kg"]) == (20, 15_000)

    @pytest.mark.parametrize(
        "said", [{}, {"pieces": None}, {"pieces": None, "weight_kg": None}]
    )
    def test_an_equal_or_missing_value_is_no_difference(
        self, trip: Trip, said: dict[str, None]
    ) -> None:
        trip.confirm(0, **said)

        assert differences(trip) == []

    def test_the_driver_is_told(self, trip: Trip, world: World) -> None:
        world.phone(trip.driver, "ok")

        trip.confirm(0)

        told = trip.session.scalars(text("select kind from pushes")).all()
        assert told == ["pickup_confirmed"]

    def test_a_repeat_writes_nothing(self, trip: Trip) -> None:
        first = trip.confirm(0, pieces=19)
        before = trip.kinds()

        again = trip.confirm(0, pieces=19)

        assert (again.status, again.body) == (200, first.body)
        assert trip.kinds() == before

    def test_a_later_confirmation_corrects_the_earlier_one(self, trip: Trip) -> None:
        trip.tell(0, "arrival")
        trip.confirm(0, pieces=19)

        corrected = trip.confirm(0, pieces=18)

        assert corrected["confirmed_pieces"] == 18
        assert trip.status == "pickup_confirmed"
        assert differences(trip) == [
            {"pieces": {"posted": 20, "confirmed": n}} for n in (19, 18)
        ]

    def test_before_the_arrival_it_is_kept_and_moves_nothing(self, trip: Trip) -> None:
        kept = trip.confirm(0, pieces=19)

        assert (kept.status, kept["confirmed_pieces"]) == (200, 19)
        assert trip.status == "booked"
        assert "load.confirm_pickup" in trip.kinds()

    def test_it_moves_the_load_at_the_arrival(self, trip: Trip) -> None:
        trip.confirm(0)

        assert trip.tell(0, "arrival").status == 200

        assert trip.status == "pickup_confirmed"
        for fact in ("completion", "departure"):
            assert trip.tell(0, fact).status == 200
        assert trip.status == "in_transit"

    def test_before_the_arrival_it_binds_neither_driver_nor_desk(
        self, trip: Trip
    ) -> None:
        trip.confirm(0)
        body = {"kind": "unassign", "reason": "weather"}
        (mine,) = trip.carrier.get("/v1/assignments?status=active")["data"]

        freed = trip.carrier.post(f"/v1/assignments/{mine['id']}/override", body)

        assert (freed.status, trip.status) == (201, "posted")

    def test_a_confirmation_after_the_release_is_kept(self, trip: Trip) -> None:
        trip.go(0, "arrival", "completion")
        trip.tell(0, "departure", trip.carrier, release_reason="weather")

        answer = trip.confirm(0, pieces=19)

        assert (answer.status, answer["confirmed_pieces"]) == (200, 19)
        assert trip.status == "in_transit"
        assert trip.kinds()[-2:] == ["load.amend_pickup", "load.pickup_differs"]

    def test_a_delivery_is_not_confirmed(self, trip: Trip) -> None:
        answer = trip.confirm(1)

        assert (answer.status, answer.code) == (409, "not-a-pickup")

    def test_too_late_is_a_conflict(self, trip: Trip) -> None:
        trip.go(0)
        trip.go(1, "arrival")

        answer = trip.confirm(0, pieces=1)

        assert (answer.status, answer.code) == (409, "load-status")
        assert trip.stop(0)["confirmed_pieces"] == 20

    def test_a_load_on_the_market_is_not_confirmed(self, world: World) -> None:
        shipper = world.shipper()
        load = world.load(shipper)

        answer = world.confirm(shipper, load["stops"][0]["id"])

        assert (answer.status, answer.code) == (409, "load-status")

    def test_a_time_in_the_future_is_refused(self, trip: Trip) -> None:
        answer = trip.confirm(0, confirmed_at=iso(utcnow() + timedelta(hours=1)))

        assert (answer.status, answer.code) == (422, "clock-skew")
        assert trip.stop(0)["confirmed_at"] is None

    def test_a_time_before_the_load_was_entered_is_refused(self, trip: Trip) -> None:
        for age in (KNOWN_FOR + timedelta(hours=1), timedelta(days=29)):
            answer = trip.confirm(0, confirmed_at=iso(utcnow() - age))

            assert (answer.status, answer.code) == (422, "clock-skew")
            assert "server_time" in answer.body
        assert trip.stop(0)["confirmed_at"] is None

    def test_a_clock_that_is_minutes_behind_is_no_obstacle(self, trip: Trip) -> None:
        at = iso(utcnow() - KNOWN_FOR - timedelta(minutes=4))

        assert trip.confirm(0, confirmed_at=at).status == 200

    def test_only_the_poster_confirms(self, trip: Trip, world: World) -> None:
        stop_id = trip.stop_id(0)

        assert world.confirm(world.shipper(), stop_id).status == 404
        assert world.confirm(trip.driver, stop_id).status == 403
        assert world.confirm(trip.carrier, stop_id).status == 404

    def test_the_dispatcher_of_a_carrier_that_posts_confirms(
        self, world: World, session: OrmSession
    ) -> None:
        """Its driver departs with that, and the delivery is not denied."""
        trip = make_trip(world, session, LONG, poster=world.company())
        trip.tell(0, "arrival")
        trip.tell(0, "completion")

        assert trip.confirm(0, weight_kg=100, pieces=1).status == 200

        assert trip.status == "pickup_confirmed"
        assert trip.tell(0, "departure").status == 200
        assert trip.confirm(0, weight_kg=200, pieces=2).status == 200
        assert trip.confirm(1, weight_kg=300, pieces=3).status == 200
        assert trip.stop(0)["confirmed_weight_kg"] == 200
        assert len(differences(trip)) == 1
        for number in range(1, 4):
            for fact in FACTS:
                assert trip.tell(number, fact).status == 200
        path = f"/v1/loads/{trip.load['id']}/interruption"
        denied = trip.shipper.put(path, {"reason": "recall"})
        assert (denied.status, denied.code) == (409, "load-status")


class TestSeveralPickups:
    def test_the_second_may_be_confirmed_before_the_truck_reports_there(
        self, long_trip: Trip
    ) -> None:
        long_trip.go(0)
        assert long_trip.confirm(1).status == 200
        assert long_trip.status == "in_transit"

        arrived = long_trip.tell(1, "arrival")

        assert arrived.status == 200, arrived.body
        assert long_trip.status == "pickup_confirmed"
        event = long_trip.session.scalars(
            select(Event)
            .where(Event.kind == "load.confirm_pickup")
            .order_by(Event.id.desc())
            .limit(1)
        ).one()
        assert (event.actor_role, event.source) == (Role.SYSTEM, "server")
        for fact in ("completion", "departure"):
            assert long_trip.tell(1, fact).status == 200

    def test_a_correction_of_the_first_does_not_confirm_the_second(
        self, long_trip: Trip
    ) -> None:
        long_trip.go(0)
        long_trip.go(1, "arrival", "completion")

        corrected = long_trip.confirm(0, pieces=12)

        assert corrected.status == 200
        assert long_trip.status == "at_pickup"
        answer = long_trip.tell(1, "departure")
        assert (answer.status, answer.code) == (409, "pickup-not-confirmed")

    def test_the_second_waits_for_the_first(self, long_trip: Trip) -> None:
        answer = long_trip.confirm(1)

        assert (answer.status, answer.code) == (409, "stop-out-of-order")

    def test_the_sum_is_compared_once_all_are_confirmed(self, long_trip: Trip) -> None:
        long_trip.go(0, "arrival", "completion")
        long_trip.confirm(0, pieces=12, weight_kg=7_000)
        long_trip.tell(0, "departure")
        assert differences(long_trip) == []

        long_trip.confirm(1, pieces=8, weight_kg=7_500)

        assert differences(long_trip) == [
            {"weight_kg": {"posted": 15_000, "confirmed": 14_500}}
        ]
