"""The reference's trips on cases computed by hand: rests, docks, borders, windows."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bench.reference_records import Opening, Organisation, Stop
from bench.reference_trip import (
    begins,
    crew_elapsed_s,
    elapsed_s,
    next_weekly,
    open_spans,
)
from tests.bench.square import (
    HOUR,
    NOON,
    SECOND,
    H,
    hours,
    judged,
    load,
    square,
    stop,
    why,
    worth,
)

OFFICE = (Opening(("mon", "tue", "wed", "thu", "fri"), "08:00", "16:00"),)


class TestElapsed:
    @pytest.mark.parametrize(
        ("driving_h", "elapsed_h"),
        [
            (0, 0),
            (8, 8),
            (8.5, 9),
            (11, 11.5),
            (12, 22.5),
            (19, 29.5),
            (20, 31),
            (22, 33),
            (70, 70 + 6 * 10.5),
            (71, 70 + 6 * 10.5 + 34 + 1),
        ],
    )
    def test_rests_fall_where_the_law_requires_them(self, driving_h, elapsed_h):
        assert elapsed_s(driving_h * H) == elapsed_h * H


class TestTrip:
    def test_driving_docks_and_home_add_up(self):
        found = worth(load())

        # 1 h to the pickup, 1 h there, 6 h loaded, 1 h there, 1 h home: 8 h driven.
        arrived = [hours(v.arrived_at) for v in found.trip.visits]
        assert arrived == [1, 8]
        assert found.hours_away == 10

    def test_access_is_driven_at_its_own_speed(self):
        def slow(a, b):
            metres, _ = square(a, b)
            return metres, 72_000.0 if (a, b) == ((0.0, 0.0), (0.0, 0.5)) else 0.0

        assert worth(load(), way=slow).hours_away == 10 + 1.5

    def test_a_wait_of_ten_hours_is_a_rest_and_a_shorter_one_is_not(self):
        far = stop("delivery", 5.5)
        short = load(1, stop("pickup", 0.5, 10.9), far)
        long = load(1, stop("pickup", 0.5, 11), far)

        # 1 h + 10 h loaded + 3 h home at most 11 h a day; begun at 10.9 and 11.
        rested = worth(long, settings={"max_detour_m": 9e5})
        tired = worth(short, settings={"max_detour_m": 9e5})
        assert hours(tired.trip.visits[1].arrived_at) == pytest.approx(10.9 + 1 + 10.5)
        assert tired.hours_away == pytest.approx(22.4 + 1 + 10 + 3)
        assert rested.hours_away == 11 + 1 + 10.5 + 1 + 10 + 3

    def test_every_stop_is_waited_for(self):
        middle = stop("delivery", 2.0, 30, 40)
        found = worth(load(1, stop("pickup", 0.5), middle, stop("delivery", 3.5)))

        visits = [hours(visit.begun_at) for visit in found.trip.visits]
        assert visits == [1, 30, 30 + 1 + 3]

    def test_a_border_costs_its_time_on_every_leg(self):
        stops = (
            stop("pickup", 0.5, country="US"),
            stop("delivery", 3.5, country="CA"),
        )
        both = frozenset({"US", "CA"})
        who = {
            "driver": {"countries": both},
            "organisation": Organisation(countries=both),
        }
        border = {"settings": {"border_s": 2 * H}, **who}

        assert worth(load(1, *stops), **border).hours_away == 12
        assert worth(load(1, *stops), country="CA", **border).hours_away == 14
        assert worth(load(1, *stops), home_country="US", **border).hours_away == 14

    def test_a_border_is_where_the_country_is_not_the_last_known_one(self):
        stops = (
            stop("pickup", 0.5, country="US"),
            stop("delivery", 2.0),
            stop("delivery", 3.5, country="CA"),
        )
        both = frozenset({"US", "CA"})
        who = {
            "driver": {"countries": both},
            "organisation": Organisation(countries=both),
        }
        border = {"settings": {"border_s": 2 * H}, **who}

        assert worth(load(1, *stops), **border).hours_away == 13

    def test_a_crew_rests_after_140_hours_only(self):
        assert crew_elapsed_s(140 * H) == 140 * H
        assert crew_elapsed_s(141 * H) == (141 + 34) * H

    def test_a_crew_drives_without_daily_rests(self):
        far = load(1, stop("pickup", 0.5), stop("delivery", 10.0), price_cents=900_000)
        settings = {"max_detour_m": 9e6}
        crew = worth(far, driver={"is_crew": True}, settings=settings)

        # 1 + 19 + 12 h of driving and two docks.
        assert crew.hours_away == 34
        assert worth(far, settings=settings).hours_away == 34 + 2 * 10.5 + 0.5


class TestWindows:
    def test_the_last_moment_is_in_time(self):
        late = stop("pickup", 0.5, closes_h=1 - 1 / 3600), stop("delivery", 3.5)

        worth(load(1, stop("pickup", 0.5, closes_h=1), stop("delivery", 3.5)))
        assert why(load(1, *late)) == ("pickup_window", "pickup_closed_before_arrival")

    def test_the_first_late_stop_is_the_reason(self):
        stops = (
            stop("pickup", 0.5),
            stop("delivery", 2.0, closes_h=4),
            stop("pickup", 2.5, closes_h=1),
            stop("delivery", 3.5),
        )
        refused = judged(load(1, *stops))

        assert refused.stage == "delivery_window"
        assert refused.stop == 1

    def test_a_dock_opens_again_on_monday(self):
        friday = NOON + 2 * 24 * HOUR
        dock = replace(stop("delivery", 0.0, closes_h=240), openings=OFFICE)

        assert begins(dock, (friday + 4 * HOUR).timestamp()) == (
            (friday + 4 * HOUR).timestamp()
        )
        assert begins(dock, (friday + 4 * HOUR + SECOND).timestamp()) == (
            (friday + 68 * HOUR).timestamp()
        )

    def test_a_window_that_ends_before_the_dock_opens_is_closed(self):
        dock = replace(stop("delivery", 3.5, 30, 60), openings=OFFICE)
        weekend = replace(
            dock, window_from=NOON + 60 * HOUR, window_until=NOON + 100 * HOUR
        )

        worth(load(1, stop("pickup", 0.5), dock))
        assert why(load(1, stop("pickup", 0.5), weekend)) == (
            "delivery_window",
            "delivery_closed_before_arrival",
        )

    def test_a_dock_may_be_open_over_midnight(self):
        night = (Opening(("wed",), "22:00", "06:00"),)
        dock = replace(stop("delivery", 0.0), openings=night)

        assert begins(dock, NOON.timestamp()) == (NOON + 10 * HOUR).timestamp()
        assert begins(dock, (NOON + 17 * HOUR).timestamp()) is not None
        assert begins(dock, (NOON + 19 * HOUR).timestamp()) is None

    @pytest.mark.parametrize(("day", "utc_hour"), [(6, 14), (9, 13)])
    def test_local_hours_follow_summer_time(self, day, utc_hour):
        # Summer time begins on Sunday, 8 March 2026.
        morning = datetime(2026, 3, day, tzinfo=UTC)
        dock = replace(
            stop("pickup", 0.0, closes_h=400), zone="America/Chicago", openings=OFFICE
        )

        assert begins(dock, morning.timestamp() + 7 * H) == (
            morning.timestamp() + utc_hour * H
        )

    def test_an_hour_that_comes_twice_is_open_by_the_clock(self):
        # Summer time ends on Sunday, 1 November 2026, at 06:00 UTC in New York.
        sunday = datetime(2026, 11, 1, tzinfo=UTC)
        dock = Stop(
            "pickup",
            (0.0, 0.0),
            sunday,
            sunday + 24 * HOUR,
            "America/New_York",
            (Opening(("sun",), "01:30", "10:00"),),
        )

        spans = [
            tuple((at - sunday.timestamp()) / H for at in span)
            for span in open_spans(dock)
        ]
        assert spans == [(5.5, 6), (6.5, 15)]


def test_home_every_week_is_the_next_such_moment():
    zone = "America/Chicago"
    friday = datetime(2026, 3, 6, 18, tzinfo=ZoneInfo(zone))

    assert next_weekly("fri", "18:00", zone, NOON) == friday
    assert next_weekly("fri", "18:00", zone, friday) == friday
    # Summer time begins meanwhile: it stays 18:00 on the clock.
    later = next_weekly("fri", "18:00", zone, friday + SECOND)
    assert later.astimezone(UTC) == datetime(2026, 3, 13, 23, tzinfo=UTC)
