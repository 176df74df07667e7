"""A phone reports late, after hours in a dead zone, or with a wrong clock."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session as OrmSession

from tests.trips import KNOWN_FOR, Trip, book_long_ago, forget_where, make_trip
from tests.world import World, iso, utcnow

SECOND = timedelta(seconds=1)


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return forget_where(book_long_ago(make_trip(world, session)))


def at(answer: object) -> datetime:
    return datetime.fromisoformat(str(answer))


def test_a_day_without_signal_is_reported_at_once_in_order(
    trip: Trip, run_jobs: Callable[..., list[str]]
) -> None:
    start = utcnow() - timedelta(hours=20)
    trip.confirm(0, confirmed_at=iso(start + timedelta(hours=1)))
    facts = [(stop, f) for stop in (0, 1) for f in ("arrival", "completion")]
    facts.insert(2, (0, "departure"))

    for hour, (stop, fact) in enumerate(facts):
        happened = start + timedelta(hours=hour)
        answer = trip.tell(stop, fact, occurred_at=iso(happened))
        assert answer.status == 200, answer.body

    assert trip.status == "delivered"
    first, last = trip.stop(0), trip.stop(1)
    told = [first["arrived_at"], first["completed_at"], first["departed_at"]]
    told += [last["arrived_at"], last["completed_at"]]
    assert [round((at(t) - start) / timedelta(hours=1), 3) for t in told] == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert all(
        event.received_at - event.occurred_at > timedelta(hours=15)
        for event in trip.events()
        if event.source == "phone"
    )
    assert run_jobs().count("search.run") == 1


@pytest.mark.parametrize("wrong_by_h", [-26, -2, 2, 26])
def test_a_wrong_clock_is_corrected_by_its_time_of_sending(
    trip: Trip, wrong_by_h: int
) -> None:
    wrong_by = timedelta(hours=wrong_by_h)
    happened = utcnow() - timedelta(hours=3)

    answer = trip.tell(
        0,
        "arrival",
        occurred_at=iso(happened + wrong_by),
        sent_at=iso(utcnow() + wrong_by),
    )

    assert answer.status == 200
    assert abs(at(answer["arrived_at"]) - happened) < 30 * SECOND
    event = trip.events()[-1]
    assert event.body["phone_time"] == iso(happened + wrong_by)
    assert abs(event.occurred_at - happened) < 30 * SECOND


@pytest.mark.parametrize(
    "body",
    [
        {"occurred_at": iso(utcnow() + timedelta(hours=2))},
        {"occurred_at": "1970-01-01T00:00:00Z"},
        {
            "occurred_at": iso(utcnow() + timedelta(hours=2)),
            "sent_at": iso(utcnow() + timedelta(hours=1)),
        },
        {"occurred_at": "2199-12-31T23:59:59Z", "sent_at": "1900-01-01T00:00:00Z"},
        {"occurred_at": "1900-01-01T00:00:00Z", "sent_at": "2199-12-31T23:59:59Z"},
    ],
)
def test_a_time_that_cannot_be_true_is_kept_with_a_flag_and_counts_at_its_receipt(
    trip: Trip, body: dict[str, str]
) -> None:
    answer = trip.tell(0, "arrival", **body)

    assert (answer.status, answer["flags"]) == (200, ["clock_implausible"])
    assert abs(at(answer["arrived_at"]) - utcnow()) < 60 * SECOND
    assert trip.status == "at_pickup"
    event = trip.events()[-1]
    assert at(event.body["phone_time"]) == at(body["occurred_at"])
    # The reports after it are not held up, and the first answer stands.
    again = trip.tell(0, "arrival")
    assert (again["flags"], again["arrived_at"]) == (
        answer["flags"],
        answer["arrived_at"],
    )
    done = trip.tell(0, "completion")
    assert (done.status, "flags" in done.body) == (200, False)


def test_a_report_from_before_the_load_existed_counts_at_its_receipt(
    trip: Trip,
) -> None:
    before = utcnow() - KNOWN_FOR - timedelta(hours=1)

    answer = trip.tell(0, "arrival", occurred_at=iso(before))

    assert answer["flags"] == ["clock_implausible"]
    assert abs(at(answer["arrived_at"]) - utcnow()) < 60 * SECOND


def test_a_pickup_confirmed_before_its_reports_keeps_the_phones_times(
    trip: Trip,
) -> None:
    arrived = utcnow() - timedelta(hours=5)
    trip.confirm(0)

    trip.tell(0, "arrival", occurred_at=iso(arrived))
    trip.tell(0, "completion", occurred_at=iso(arrived + timedelta(hours=1)))
    left = trip.tell(0, "departure", occurred_at=iso(arrived + timedelta(hours=2)))

    assert (left.status, trip.status) == (200, "in_transit")
    assert abs(at(left["arrived_at"]) - arrived) < SECOND
    assert abs(at(left["departed_at"]) - arrived - timedelta(hours=2)) < SECOND
