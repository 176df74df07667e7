"""No place and no time that a phone claims stops the reports after it."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session as OrmSession

from tests.trips import Trip, forget_where, make_trip
from tests.world import NEW_YORK, World, utcnow

HERE: dict[str, Any] = {"lat": NEW_YORK.lat, "lon": NEW_YORK.lon}


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    return forget_where(make_trip(world, session))


NO_PLACES: dict[str, dict[str, Any]] = {
    "empty": {},
    "null": {"lat": None, "lon": None},
    "half": {"lat": 40.7},
    "beyond the pole": HERE | {"lat": 91},
    "below the pole": HERE | {"lat": -90.001},
    "around the earth": HERE | {"lon": 273},
    "nan": HERE | {"lat": float("nan")},
    "infinite": HERE | {"lon": float("-inf")},
    "huge": HERE | {"lat": 10**400},
    "of another form": {"latitude": 40.7, "longitude": -74.0},
}


@pytest.mark.parametrize("said", NO_PLACES.values(), ids=NO_PLACES)
def test_a_place_that_is_none_is_kept_as_no_position_with_a_flag(
    trip: Trip, said: dict[str, Any]
) -> None:
    for fact in ("arrival", "completion"):
        answer = trip.tell(0, fact, position=said)

        assert (answer.status, answer["flags"]) == (200, ["place_implausible"])
        assert "position" not in trip.events()[-1].body
    assert trip.confirm(0).status == 200
    left = trip.tell(0, "departure", position=said)
    assert (left.status, left["flags"]) == (200, ["place_implausible"])
    assert trip.status == "in_transit"


UNKNOWN: dict[str, dict[str, Any]] = {
    "accuracy of iOS": {"accuracy_m": -1},
    "speed of iOS": {"speed_mps": -1},
    "negative": {"accuracy_m": -0.5, "speed_mps": -0.1},
    "nan": {"accuracy_m": float("nan"), "speed_mps": float("nan")},
    "more than is asked": {"heading_deg": 7, "altitude_m": None, "source": ["gps"]},
}


@pytest.mark.parametrize("said", UNKNOWN.values(), ids=UNKNOWN)
def test_an_accuracy_or_speed_below_zero_is_unknown_and_the_place_is_kept(
    trip: Trip, said: dict[str, Any]
) -> None:
    answer = trip.tell(0, "arrival", position=HERE | said)

    assert (answer.status, "flags" in answer.body) == (200, False)
    kept = trip.events()[-1].body["position"]
    assert kept == HERE | {"accuracy_m": None, "from_stop_m": 0}


@pytest.mark.parametrize("metres", [2e9, 10**400, float("inf")])
def test_an_accuracy_beyond_all_limits_is_the_worst_there_is(
    trip: Trip, metres: float
) -> None:
    answer = trip.tell(0, "arrival", position=HERE | {"accuracy_m": metres})

    assert answer.status == 200
    assert trip.events()[-1].body["position"]["accuracy_m"] == 1e9


@pytest.mark.parametrize(
    "said", [[], [HERE], "here", 7, HERE | {"lat": "40.7"}, HERE | {"speed_mps": []}]
)
def test_what_is_no_place_by_its_form_is_refused(trip: Trip, said: object) -> None:
    answer = trip.tell(0, "arrival", position=said)

    assert (answer.status, answer.code) == (422, "invalid-request")


ZERO, BEFORE_ZERO = "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"
NO_TIMES = [
    *(ZERO, BEFORE_ZERO, "1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z"),
    *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"),
    *("0000-12-30T00:00:00Z", "-000001-01-01T00:00:00.000Z"),
    *("+010000-01-01T00:00:00.000Z", "2026-02-30T12:00:00Z"),
    "2016-12-31T23:59:60Z",
]


@pytest.mark.parametrize("said", NO_TIMES)
@pytest.mark.parametrize("names", [("occurred_at",), ("sent_at",), "both"])
def test_a_time_out_of_range_counts_at_its_receipt_with_a_flag(
    trip: Trip, said: str, names: tuple[str, ...]
) -> None:
    wrong = ("occurred_at", "sent_at") if names == "both" else names
    for fact in ("arrival", "completion"):
        answer = trip.tell(0, fact, **dict.fromkeys(wrong, said))

        assert (answer.status, answer["flags"]) == (200, ["clock_implausible"])
    arrived = datetime.fromisoformat(answer["arrived_at"])
    assert abs((arrived - utcnow()).total_seconds()) < 60


@pytest.mark.parametrize(
    "said", ["", "yesterday", "2026-07-01T12:00:00", "2026-07-01", 1_780_000_000, None]
)
def test_what_is_no_time_by_its_form_is_refused(trip: Trip, said: object) -> None:
    answer = trip.tell(0, "arrival", occurred_at=said)

    assert (answer.status, answer.code) == (422, "invalid-request")
