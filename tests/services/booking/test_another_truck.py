"""Another truck carries a booked load: what it has not done yet, and what is asked."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from tests.services.booking.exits import assignment_of, decide, hand_back, tell
from tests.trips import LONG, Trip, make_trip
from tests.world import DENVER, Answer, Caller, World


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
    def test_the_way_of_the_new_truck_is_asked(
        self, trip: Trip, has_arrived: bool
    ) -> None:
        if has_arrived:
            trip.tell(0, "arrival")
        driver = far_away(trip)
        # Only theirs: the position of the driver before is new.
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


class TestTheShipperConfirmedMoreThanWasPosted:
    """Two pickups, of which the first is confirmed; the truck is on its way."""

    @pytest.fixture
    def heavy(self, world: World, session: OrmSession, confirmed_kg: int) -> Trip:
        trip = make_trip(world, session, LONG)
        trip.go(0, "arrival", "completion")
        assert trip.confirm(0, weight_kg=confirmed_kg).status == 200
        assert trip.tell(0, "departure").status == 200
        return trip

    def next_truck(self, trip: Trip) -> Caller:
        """Return a driver whose truck may carry 20 t, by its papers."""
        truck = {"payload_kg": 20_000}
        return trip.world.driver(trip.carrier, device=None, truck=truck)

    @pytest.mark.parametrize(
        ("confirmed_kg", "status", "ground"),
        [
            (60_000, 409, ["too_heavy", "above_legal_weight"]),
            (20_001, 201, ["too_heavy"]),
            (100, 201, []),
        ],
    )
    @pytest.mark.parametrize("how", ["take_over", "reassign"])
    def test_the_next_truck_is_asked_with_it(
        self, heavy: Trip, how: str, status: int, ground: list[str]
    ) -> None:
        if how == "take_over":
            hand_back(heavy)
        driver = self.next_truck(heavy)

        made = decide(heavy, how, driver_id=driver.driver_id)

        assert made.status == status, made.body
        found = made["warnings" if status == 201 else "objections"]
        assert [each["ground"] for each in found] == ground

    @pytest.mark.parametrize(("confirmed_kg", "status"), [(60_000, 409), (20_001, 200)])
    def test_an_exchanged_truck_is_asked_what_nobody_may_overrule(
        self, heavy: Trip, status: int
    ) -> None:
        truck_id = heavy.world.truck(heavy.carrier, payload_kg=20_000)
        path = f"/v1/drivers/{heavy.driver.driver_id}"

        assert heavy.carrier.patch(path, {"truck_id": truck_id}).status == status

    @pytest.mark.parametrize("confirmed_kg", [12_000])
    def test_the_confirmed_weights_of_what_is_aboard_are_added(
        self, heavy: Trip
    ) -> None:
        assert heavy.confirm(1, weight_kg=12_000).status == 200
        assert grounds(reassign(heavy, self.next_truck(heavy))) == []

        heavy.tell(1, "arrival")
        heavy.tell(1, "completion")
        # The one of before was for the truck that had the load then.
        assert heavy.confirm(1, weight_kg=12_000).status == 200

        assert grounds(reassign(heavy, self.next_truck(heavy))) == ["too_heavy"]
        heavy.tell(1, "departure")
        heavy.go(2)
        assert grounds(reassign(heavy, self.next_truck(heavy))) == []

    @pytest.mark.parametrize("confirmed_kg", [60_000])
    def test_a_corrected_weight_lets_it_go_on(self, heavy: Trip) -> None:
        hand_back(heavy)
        body = {"driver_id": heavy.driver.driver_id}
        assert decide(heavy, "take_over", **body).code == "objections"

        assert heavy.confirm(0, weight_kg=15_000).status == 200

        assert decide(heavy, "take_over", **body).status == 201


class TestAConfirmedPickupThatWasNotLoaded:
    """The first pickup is aboard; the second is confirmed, and nothing else."""

    @pytest.fixture
    def long_trip(self, world: World, session: OrmSession) -> Trip:
        trip = make_trip(world, session, LONG)
        trip.go(0)
        return trip

    @pytest.mark.parametrize("end", ["hand back", "abandon", "interruption"])
    @pytest.mark.parametrize("has_arrived", [False, True])
    def test_is_confirmed_again_after_an_interruption(
        self, long_trip: Trip, end: str, has_arrived: bool
    ) -> None:
        if has_arrived:
            long_trip.tell(1, "arrival")
        assert long_trip.confirm(1, seal_number="4711").status == 200
        assignment_id = assignment_of(long_trip)["id"]
        ends: dict[str, Callable[[], Answer]] = {
            "hand back": lambda: hand_back(long_trip),
            "abandon": lambda: decide(long_trip, "abandon"),
            "interruption": lambda: tell(long_trip, end, reason="recall"),
        }

        assert ends[end]().status in (200, 201)

        assert long_trip.stop(0)["confirmed_at"] is not None
        cleared = (long_trip.stop(1)["confirmed_at"], long_trip.stop(1)["seal_number"])
        assert cleared == (None, None)
        driver = far_away(long_trip)
        body = {"kind": "take_over", "reason": "safety", "driver_id": driver.driver_id}
        path = f"/v1/assignments/{assignment_id}/override"
        assert long_trip.carrier.post(path, body).status == 201
        long_trip.driver = driver
        assert long_trip.tell(1, "arrival").status == 200
        assert long_trip.tell(1, "completion").status == 200
        assert long_trip.tell(1, "departure").code == "pickup-not-confirmed"

    @pytest.mark.parametrize("is_of_the_crew", [False, True])
    def test_is_confirmed_again_for_another_truck(
        self, long_trip: Trip, is_of_the_crew: bool
    ) -> None:
        assert long_trip.confirm(1).status == 200
        driver = far_away(long_trip)
        if is_of_the_crew:
            truck_id = assignment_of(long_trip)["truck_id"]
            path = f"/v1/drivers/{driver.driver_id}"
            given = long_trip.carrier.patch(path, {"truck_id": truck_id})
            assert given.status == 200

        made = reassign(long_trip, driver)

        assert made.status == 201, made.body
        assert long_trip.stop(0)["confirmed_at"] is not None
        assert (long_trip.stop(1)["confirmed_at"] is not None) is is_of_the_crew


class TestTheTruckIsExchanged:
    @pytest.fixture
    def frozen(self, world: World, session: OrmSession) -> Trip:
        """Frozen freight on a reefer."""
        carrier, shipper = world.company(), world.shipper()
        driver = world.driver(carrier, device=None, truck={"equipment": "reefer"})
        cold = {"temperature_min_c": -20.0, "temperature_max_c": -15.0}
        load = world.load(shipper, equipment=["reefer"], **cold)
        body = {"load_id": load["id"], "driver_id": driver.driver_id}
        body |= {"reason": "other", "note": "x"}
        assert carrier.post("/v1/assignments", body).status == 201
        return Trip(world, session, shipper, carrier, driver, load)

    def give(self, trip: Trip, by: Caller, truck_id: str | None) -> Answer:
        path = f"/v1/drivers/{trip.driver.driver_id}"
        return by.patch(path, {"truck_id": truck_id})

    @pytest.mark.parametrize("is_aboard", [False, True])
    def test_by_the_desk_and_the_load_goes_on_with_it(
        self, trip: Trip, is_aboard: bool
    ) -> None:
        if is_aboard:
            trip.go(0)
        old = assignment_of(trip)["truck_id"]
        other = trip.world.truck(trip.carrier)

        assert self.give(trip, trip.carrier, other).status == 200

        assert assignment_of(trip)["truck_id"] == other
        event = next(e for e in trip.events() if e.kind == "load.truck_changed")
        assert (event.body["from"], event.body["to"]) == (old, other)
        for number in range(is_aboard, 2):
            trip.go(number)
        assert trip.status == "delivered"

    @pytest.mark.parametrize("equipment", ["reefer", "flatbed"])
    def test_not_for_one_that_may_not_carry_the_load(
        self, frozen: Trip, equipment: str
    ) -> None:
        before = assignment_of(frozen)["truck_id"]
        other = frozen.world.truck(frozen.carrier, equipment=equipment)

        given = self.give(frozen, frozen.carrier, other)

        may = equipment == "reefer"
        assert given.status == (200 if may else 409), given.body
        assert assignment_of(frozen)["truck_id"] == (other if may else before)
        if not may:
            grounds = {each["ground"] for each in given["objections"]}
            assert grounds == {"equipment_mismatch", "temperature_not_held"}
            now_has = frozen.driver.get("/v1/me")["driver"]["truck"]["id"]
            assert now_has == before

    def test_not_by_the_driver_nor_for_none_while_there_is_a_load(
        self, trip: Trip
    ) -> None:
        other = trip.world.truck(trip.carrier)

        refused = [
            self.give(trip, trip.driver, other),
            self.give(trip, trip.carrier, None),
        ]

        assert [(each.status, each.code) for each in refused] == [
            *((409, "driver-busy"),) * 2,
        ]
        decide(trip, "unassign")
        assert self.give(trip, trip.driver, other).status == 200

    def test_not_for_one_that_has_a_load_of_its_own(self, trip: Trip) -> None:
        mate = trip.world.driver(trip.carrier, device=None)
        load = trip.world.load(trip.shipper)
        trip.world.assign(trip.carrier, mate, load)
        other = mate.get("/v1/me")["driver"]["truck"]["id"]

        refused = self.give(trip, trip.carrier, other)

        assert (refused.status, refused.code) == (409, "driver-busy")


def test_a_driver_who_is_no_longer_a_member_gets_no_load(
    trip: Trip, session: OrmSession
) -> None:
    gone = trip.world.driver(trip.carrier, device=None)
    session.execute(
        text("update members set deactivated_at = now() where id = :id"),
        {"id": gone.member_id},
    )
    load = trip.world.load(trip.shipper)
    body = {"load_id": load["id"], "driver_id": gone.driver_id}
    body |= {"reason": "other", "note": "x"}

    refused = [
        trip.carrier.post("/v1/assignments", body),
        decide(trip, "reassign", driver_id=gone.driver_id),
    ]

    for each in refused:
        assert (each.status, each.code) == (409, "objections")
        found = [objection["ground"] for objection in each["objections"]]
        assert found == ["driver_gone"]
