"""What is owed after a load was taken from its driver: the facts, and a new search."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from geo.distance import haversine_m
from geo.points import Point
from models.loads.assignments import Assignment
from models.search.searches import BackhaulSearch
from tests.services.booking.exits import (
    assignment_of,
    decide,
    hand_back,
    let_positions_age,
    tell,
)
from tests.services.scene import Scene, active, open_offers, rows_of
from tests.trips import Trip, book_long_ago
from tests.world import (
    CHICAGO,
    CLEVELAND,
    NEW_YORK,
    NEWARK,
    Answer,
    World,
    utcnow,
)

NEAR_NEWARK = Point(NEWARK.lat - 0.09, NEWARK.lon)
"""10 km away: not four minutes at 45 m/s."""


class TestHowFarTheTruckHadCome:
    def test_is_kept_and_shown_to_the_carriers_desk(
        self, trip: Trip, world: World
    ) -> None:
        now = utcnow()
        for minutes, place in ((0, NEAR_NEWARK), (4, NEWARK)):
            world.locate(trip.driver, place, at=now + timedelta(minutes=minutes))

        tell(trip, "cancellation", reason="sold")

        shown = assignment_of(trip)
        assert (shown["ended_party"], shown["end_reason"]) == ("poster", "sold")
        assert shown["driven_m"] == pytest.approx(haversine_m(NEAR_NEWARK, NEWARK))
        assert shown["left_m"] == pytest.approx(haversine_m(NEWARK, NEW_YORK))
        (kept,) = rows_of(Assignment)
        assert kept.ended_by == trip.shipper.member_id

    @pytest.mark.parametrize("accuracy_m", [None, 6_000])
    def test_counts_no_way_that_no_truck_drives(
        self, trip: Trip, accuracy_m: float | None
    ) -> None:
        now = utcnow()
        ways = [(0, NEAR_NEWARK), (1, CHICAGO), (2, NEAR_NEWARK), (3, CLEVELAND)]
        seconds: list[tuple[int, Point, float | None]]
        seconds = [(second, place, None) for second, place in ways]
        seconds += [(4, NEAR_NEWARK, None), (120, CLEVELAND, accuracy_m)]
        seconds += [(244, NEWARK, None)]
        for second, place, accuracy in seconds:
            at = now + timedelta(seconds=second)
            trip.world.fix(trip.driver, place, at=at, accuracy_m=accuracy)

        tell(trip, "cancellation", reason="sold")

        vague_is_left_out = haversine_m(NEAR_NEWARK, NEWARK)
        assert assignment_of(trip)["driven_m"] == pytest.approx(
            vague_is_left_out if accuracy_m else 0
        )

    @pytest.mark.parametrize("end", ["cancelled", "handed back", "interrupted"])
    def test_is_shown_to_the_posters_desk(
        self, trip: Trip, world: World, end: str
    ) -> None:
        ENDS[end](trip)
        ours = assignment_of(trip)
        path = f"/v1/loads/{trip.load['id']}/endings"

        (shown,) = trip.shipper.get(path)["data"]

        known = {name: shown[name] for name in shown if name in ours}
        assert known == {name: ours[name] for name in known}
        assert shown.keys() - known.keys() == {"after_s", "is_quick"}
        assert shown.keys() >= {"ended_party", "ended_at", "driven_m", "left_m"}
        assert not shown.keys() & {"driver_id", "truck_id", "driver"}
        for stranger in (trip.carrier, world.shipper()):
            assert stranger.get(path).status == 404

    def test_without_a_position_since_the_booking_it_is_not_known(
        self, trip: Trip
    ) -> None:
        tell(trip, "cancellation", reason="sold")

        shown = assignment_of(trip)
        assert (shown["driven_m"], shown["left_m"]) == (0, None)

    def test_counts_no_way_for_the_load_before(self, trip: Trip, world: World) -> None:
        """The poster of a next load is not told where the truck drove for another."""
        poster = world.shipper()
        second = world.load(poster, CLEVELAND)
        world.assign(trip.carrier, trip.driver, second)
        now = utcnow()
        for minutes, place in ((0, NEAR_NEWARK), (4, NEWARK)):
            world.locate(trip.driver, place, at=now + timedelta(minutes=minutes))
        path = f"/v1/loads/{second['id']}"

        poster.put(f"{path}/cancellation", {"reason": "sold"})

        (shown,) = poster.get(f"{path}/endings")["data"]
        assert (shown["driven_m"], shown["left_m"]) == (0, None)

    def test_counts_since_the_load_became_the_current_one(
        self, trip: Trip, world: World
    ) -> None:
        second = world.load(trip.shipper, CLEVELAND)
        made = world.assign(trip.carrier, trip.driver, second)
        now = utcnow()
        world.locate(trip.driver, NEAR_NEWARK, at=now + timedelta(minutes=-20))
        book_long_ago(replace(trip, load=second))
        decide(trip, "unassign")
        for minutes, place in ((0, NEWARK), (4, NEAR_NEWARK)):
            world.locate(trip.driver, place, at=now + timedelta(minutes=minutes))

        path = f"/v1/loads/{second['id']}/cancellation"
        trip.shipper.put(path, {"reason": "sold"})

        shown = trip.carrier.get(f"/v1/assignments/{made['id']}")
        assert shown["driven_m"] == pytest.approx(haversine_m(NEAR_NEWARK, NEWARK))
        assert shown["left_m"] == pytest.approx(haversine_m(NEAR_NEWARK, CLEVELAND))


ENDS: dict[str, Callable[[Trip], Answer]] = {
    "cancelled": lambda trip: tell(trip, "cancellation", reason="sold"),
    "unassigned": lambda trip: decide(trip, "unassign"),
    "handed back": hand_back,
    "interrupted": lambda trip: trip.go(0) or hand_back(trip),
    "recalled": lambda trip: trip.go(0) or tell(trip, "interruption", reason="recall"),
    "reassigned": lambda trip: decide(
        trip,
        "reassign",
        driver_id=trip.world.driver(trip.carrier, device=None).driver_id,
    ),
}


class TestASearchIsOwed:
    @pytest.mark.parametrize("end", ENDS)
    def test_from_where_the_driver_is_now(
        self, trip: Trip, world: World, run_jobs: Callable[..., Any], end: str
    ) -> None:
        wanted = world.load(world.shipper(), CLEVELAND)
        ended = assignment_of(trip)["id"]
        assert ENDS[end](trip).status in (200, 201)
        world.locate(trip.driver, CLEVELAND, at=utcnow())

        run_jobs()

        (search,) = rows_of(BackhaulSearch)
        assert str(search.assignment_id) == ended
        assert search.outcome == "offered"
        drop = search.situation["drop"]
        assert (drop["lat"], drop["lon"]) == (CLEVELAND.lat, CLEVELAND.lon)
        offered = [offer["load_id"] for offer in trip.driver.get("/v1/offers")["data"]]
        assert wanted["id"] in offered
        shown = trip.carrier.get("/v1/backhaul-searches")["data"][0]
        assert (shown["trigger"], shown["stop_id"]) == ("assignment_ended", None)

    def test_from_their_last_stop_if_no_position_is_recent(
        self, trip: Trip, run_jobs: Callable[..., Any]
    ) -> None:
        trip.go(0)
        let_positions_age(trip, "1 hour")
        hand_back(trip)

        run_jobs()

        (search,) = rows_of(BackhaulSearch)
        assert search.situation["drop"]["lat"] == NEW_YORK.lat

    def test_none_for_a_driver_who_went_off_duty(
        self, trip: Trip, run_jobs: Callable[..., Any]
    ) -> None:
        hand_back(trip)
        trip.session.execute(text("update drivers set availability = 'off_duty'"))

        run_jobs()

        (search,) = rows_of(BackhaulSearch)
        assert (search.outcome, search.ranked) == ("driver_off_duty", [])

    def test_none_for_a_driver_who_has_another_load(
        self, trip: Trip, world: World, run_jobs: Callable[..., Any]
    ) -> None:
        other = world.load(trip.shipper, CLEVELAND)
        made = decide(trip, "force_assign", load_id=other["id"])
        assert made.status == 201, made.body

        run_jobs()

        assert [search.outcome for search in rows_of(BackhaulSearch)] == ["driver_busy"]

    def test_once(self, trip: Trip, run_jobs: Callable[..., Any]) -> None:
        hand_back(trip)
        trip.session.execute(
            text(
                "insert into procrastinate_jobs (queue_name, task_name, args)"
                " select queue_name, task_name, args from procrastinate_jobs"
                " where task_name = 'search.after_end'"
            )
        )

        assert run_jobs().count("search.after_end") == 2
        assert len(rows_of(BackhaulSearch)) == 1


def test_a_load_that_the_driver_handed_back_is_not_offered_to_them_again(
    world: World, run_jobs: Callable[..., Any]
) -> None:
    scene = Scene(world)
    driver = scene.driver()
    world.locate(driver, NEW_YORK, at=utcnow() + timedelta(seconds=1))
    given_up, other_id = scene.loads(2)
    (offer_id,) = scene.offered(driver)
    assert driver.put(f"/v1/offers/{offer_id}/acceptance").status == 200
    (had,) = active()
    assert had.load_id == given_up

    driver.put(f"/v1/assignments/{had.id}/hand-back", {"reason": "breakdown"})
    run_jobs()

    assert [offer.load_id for offer in open_offers(driver)] == [other_id]
    # To another driver it is.
    other = scene.driver()
    scene.search(other)
    assert given_up in {offer.load_id for offer in open_offers(other)}
