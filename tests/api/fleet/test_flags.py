from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session as OrmSession

from geo.points import Point
from models.fleet.positions import LastPosition
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from runtime.db import Session
from tests.trips import FACTS, Trip, book_long_ago, forget_where, make_trip
from tests.world import CHICAGO, DENVER, NEW_YORK, NEWARK, Caller, World, iso, utcnow

WORD = {"word": "The phone was in a tunnel."}


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return forget_where(make_trip(world, session))


def flags_of(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = caller.get(f"/v1/flags{query}")["data"]
    return [flag for flag in listed if flag["subject"] == "stop"]


def place(at: Point, **fields: Any) -> dict[str, Any]:
    return {"position": {"lat": at.lat, "lon": at.lon} | fields}


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (place(NEW_YORK), []),
        (place(NEWARK), []),
        (place(CHICAGO), ["far_from_stop"]),
        (place(CHICAGO, accuracy_m=2_000_000), []),
        (place(NEW_YORK, speed_mps=20), ["moving"]),
        (place(NEW_YORK, speed_mps=1), []),
        (place(Point(0, 0)), ["place_implausible"]),
        (place(Point(-74.0, 40.7)), ["place_implausible"]),
        ({"occurred_at": "1970-01-01T00:00:00Z"}, ["clock_implausible"]),
    ],
)
def test_what_is_hard_to_believe_is_kept_with_a_flag(
    trip: Trip, said: dict[str, Any], kinds: list[str]
) -> None:
    answer = trip.tell(0, "arrival", **said)

    assert (answer.status, trip.status) == (200, "at_pickup")
    assert answer.body.get("flags", []) == kinds
    assert [flag["kind"] for flag in flags_of(trip.carrier)] == kinds


VAGUE = {"accuracy_m": 5_001}


class TestAReportWithoutABelievablePlace:
    """The last position is asked instead, with the time that was left to drive."""

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"position": None},
            place(NEW_YORK, **VAGUE),
            place(CHICAGO, accuracy_m=1e9),
        ],
    )
    @pytest.mark.parametrize("minutes", [0, 10, 120])
    def test_is_far_from_the_stop_if_the_last_position_is(
        self, trip: Trip, world: World, said: dict[str, Any], minutes: int
    ) -> None:
        world.locate(trip.driver, CHICAGO, at=utcnow() - timedelta(minutes=minutes))

        answer = trip.tell(0, "arrival", **said)

        assert (answer.status, answer["flags"]) == (200, ["far_from_stop"])

    @pytest.mark.parametrize("said", [{}, place(CHICAGO, **VAGUE)])
    def test_is_believed_if_the_truck_could_have_come(
        self, trip: Trip, world: World, said: dict[str, Any]
    ) -> None:
        for number in (0, 1):
            at = utcnow() - timedelta(seconds=30 - number)
            # Newark is 9 miles away: the place of a stop may be inexact.
            world.locate(trip.driver, NEWARK, at=at)
            assert "flags" not in trip.tell(0, FACTS[number], **said).body

    def test_is_believed_hours_after_the_last_position(
        self, trip: Trip, world: World
    ) -> None:
        world.locate(trip.driver, CHICAGO, at=utcnow() - timedelta(hours=8))

        assert "flags" not in trip.tell(0, "arrival").body

    def test_with_no_place_at_all_has_both_flags(
        self, trip: Trip, world: World
    ) -> None:
        world.locate(trip.driver, CHICAGO, at=utcnow())

        answer = trip.tell(0, "arrival", **place(Point(0, 0)))

        assert answer["flags"] == ["far_from_stop", "place_implausible"]


@pytest.mark.parametrize(
    ("accuracy_m", "kinds"), [(4_000, ["speed_implausible"]), (4_990, [])]
)
def test_an_accuracy_excuses_its_metres(
    trip: Trip, world: World, accuracy_m: float, kinds: list[str]
) -> None:
    """10 km from the fix of two minutes ago, since when 5.4 km can be driven."""
    world.locate(trip.driver, NEW_YORK, at=utcnow() - timedelta(minutes=2))
    away = Point(NEW_YORK.lat + 0.09, NEW_YORK.lon)

    answer = trip.tell(0, "arrival", **place(away, accuracy_m=accuracy_m))

    assert answer.body.get("flags", []) == kinds


def test_a_speed_that_no_truck_has_is_flagged(trip: Trip, world: World) -> None:
    world.locate(trip.driver, CHICAGO, at=utcnow() - timedelta(minutes=10))

    answer = trip.tell(0, "arrival", **place(NEW_YORK))

    assert answer["flags"] == ["speed_implausible"]


def test_the_speed_of_the_last_fix_counts_for_two_minutes(trip: Trip) -> None:
    book_long_ago(trip)
    trip.world.fix(trip.driver, NEW_YORK, at=utcnow(), speed_mps=20.0)

    then = utcnow() - timedelta(minutes=3)
    assert "flags" not in trip.tell(0, "arrival", occurred_at=iso(then)).body

    trip.go(0, "completion", "departure")
    # The next stop is 800 miles on, and reached within a second.
    assert trip.tell(1, "arrival")["flags"] == [
        *("far_from_stop", "moving", "speed_implausible")
    ]


def test_a_jump_of_the_positions_is_flagged_once(world: World) -> None:
    carrier = world.company()
    driver = world.driver(carrier)
    sent = [
        world.fix(driver, Point(lat, -100.0), at=utcnow() - timedelta(minutes=minute))
        for minute, lat in ((3, 30.0), (2, 45.0))
    ]

    assert [result["flags"] for result in sent] == [["speed_implausible"]] * 2
    (flag,) = carrier.get("/v1/flags")["data"]
    assert (flag["kind"], flag["subject"]) == ("speed_implausible", "driver")
    assert (flag["driver_id"], flag["times"]) == (driver.driver_id, 2)


def test_a_person_of_the_desk_ends_a_flag_with_a_word(trip: Trip) -> None:
    trip.tell(0, "arrival", **place(DENVER))
    (flag,) = flags_of(trip.carrier, "?is_open=true")
    assert flag["load_id"] == trip.load["id"]
    path = f"/v1/flags/{flag['id']}/end"

    assert trip.carrier.put(path, {}).status == 422
    ended = trip.carrier.put(path, WORD)

    assert (ended.status, ended["word"]) == (200, WORD["word"])
    assert ended["ended_by"] == str(trip.carrier.member_id)
    assert trip.carrier.put(path, {"word": "later"}).body == ended.body
    assert flags_of(trip.carrier, "?is_open=true") == []
    assert flags_of(trip.carrier, "?is_open=false") == [ended.body]


def test_only_the_desk_of_the_drivers_company_sees_a_flag(
    trip: Trip, world: World
) -> None:
    trip.tell(0, "arrival", **place(DENVER))
    (flag,) = flags_of(trip.carrier)
    path, rival = f"/v1/flags/{flag['id']}/end", world.company()

    assert rival.get("/v1/flags")["data"] == []
    assert rival.put(path, WORD).status == 404
    for caller in (trip.driver, trip.shipper):
        assert caller.get("/v1/flags").status == 403
        assert caller.put(path, WORD).status == 403
    assert "flags" not in trip.stop(0)


@pytest.mark.parametrize("at", ["assignment", "arrival"])
def test_a_fact_before_the_one_it_follows_is_flagged_and_counts_at_its_receipt(
    trip: Trip, at: str
) -> None:
    if at == "arrival":
        book_long_ago(trip)
        trip.go(0, "arrival")
    fact = "arrival" if at == "assignment" else "completion"

    answer = trip.tell(0, fact, occurred_at=iso(utcnow() - timedelta(hours=30)))

    assert answer["flags"] == ["clock_implausible"]
    told = datetime.fromisoformat(
        answer["arrived_at" if fact == "arrival" else "completed_at"]
    )
    assert abs(utcnow() - told) < timedelta(minutes=1)


def test_two_stops_far_apart_within_a_second_are_flagged(trip: Trip) -> None:
    trip.go(0)

    assert trip.tell(1, "arrival")["flags"] == ["speed_implausible"]
    names = ("arrived_at", "completed_at", "departed_at")
    yesterday = dict.fromkeys(names, utcnow() - timedelta(days=1))
    with Session.begin() as writing:
        writing.execute(update(Stop).where(Stop.sequence == 0).values(yesterday))
    assert "flags" not in trip.tell(1, "completion").body


@pytest.mark.parametrize(
    ("place", "minutes", "booked_h", "kinds"),
    [
        (NEW_YORK, 5, 24, []),
        (NEW_YORK, 5, 0, ["too_soon"]),
        (CHICAGO, 60 * 20, 24, []),
        (CHICAGO, 60, 24, ["far_from_stop"]),
        (CHICAGO, 60, 0, ["far_from_stop", "too_soon"]),
    ],
)
def test_the_word_of_the_desk_is_judged_by_the_trucks_last_position(
    trip: Trip, place: Point, minutes: int, booked_h: int, kinds: list[str]
) -> None:
    seen: dict[str, Any] = {"lat": place.lat, "lon": place.lon}
    seen["corrected_at"] = utcnow() - timedelta(minutes=minutes)
    booked = utcnow() - timedelta(hours=booked_h)
    with Session.begin() as writing:
        writing.execute(update(LastPosition).values(seen))
        writing.execute(update(Assignment).values(created_at=booked))

    answer = trip.tell(0, "arrival", trip.carrier)

    assert (answer.status, answer.body.get("flags", [])) == (200, kinds)


@pytest.mark.parametrize(
    ("hours_ago", "said", "kinds"),
    [
        (8, place(NEW_YORK), ["speed_implausible"]),
        (8, {}, ["far_from_stop"]),
        (2, place(NEW_YORK), []),
        (2, {}, []),
        (23, place(NEW_YORK), []),
    ],
)
def test_a_late_report_is_judged_by_the_fix_nearest_to_its_time(
    trip: Trip, world: World, hours_ago: int, said: dict[str, Any], kinds: list[str]
) -> None:
    """The truck was in Chicago eight hours ago, and has been in New York for three."""
    book_long_ago(trip)
    now = utcnow()
    for hours, at in ((8.01, CHICAGO), (3, NEW_YORK), (0, NEW_YORK)):
        world.locate(trip.driver, at, at=now - timedelta(hours=hours))
    vague = {"accuracy_m": 6_000.0}
    world.fix(trip.driver, DENVER, at=now - timedelta(hours=2), **vague)

    told = iso(now - timedelta(hours=hours_ago))
    answer = trip.tell(0, "arrival", occurred_at=told, **said)

    assert answer.body.get("flags", []) == kinds
