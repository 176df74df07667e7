"""Opening hours against a minute-by-minute reading of the clock, over clock changes."""

from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freight.opening import (
    LONGEST_WINDOW,
    WEEKDAYS,
    HomeEvery,
    Hours,
    QuietHours,
    Weekday,
    second_of_day,
    spans,
)

CHICAGO = "America/Chicago"
WEEKS = [
    # Forward and back: at 2:00, by half an hour, at midnight, in the south; and none.
    *((CHICAGO, datetime(2026, 3, 5, tzinfo=UTC)),),
    *((CHICAGO, datetime(2026, 10, 29, tzinfo=UTC)),),
    *(("America/St_Johns", datetime(2026, 3, 5, tzinfo=UTC)),),
    *(("Australia/Lord_Howe", datetime(2026, 4, 2, tzinfo=UTC)),),
    *(("America/Santiago", datetime(2026, 9, 3, tzinfo=UTC)),),
    *(("America/Havana", datetime(2026, 10, 29, tzinfo=UTC)),),
    *(("America/Hermosillo", datetime(2026, 3, 5, tzinfo=UTC)),),
    *(("Asia/Kathmandu", datetime(2026, 3, 5, tzinfo=UTC)),),
]
MINUTE = timedelta(minutes=1)
ALL_DAYS = frozenset(WEEKDAYS)


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    days = draw(st.frozensets(st.sampled_from(WEEKDAYS), min_size=1))
    begin = draw(st.integers(0, 24 * 60 - 1))
    until = draw(st.integers(begin + 1, 24 * 60))
    return Hours(days, begin * 60, until * 60)


def by_the_minute(
    weekly: list[Hours], zone: str, window_from: datetime, window_until: datetime
) -> list[int]:
    """The reference: what the clock on the wall shows, one minute after the other."""
    found: list[int] = []
    place, at = ZoneInfo(zone), window_from
    while at < window_until:
        shown = at.astimezone(place)
        second = (shown.hour * 60 + shown.minute) * 60
        day = WEEKDAYS[shown.weekday()]
        is_open = any(
            day in each.days and each.from_s <= second < each.until_s for each in weekly
        )
        now = int(at.timestamp())
        if is_open and found and found[-1] == now:
            found[-1] = now + 60
        elif is_open:
            found += [now, now + 60]
        at += MINUTE
    return found


def on(days: str, begin: str, until: str) -> Hours:
    record = {"days": days.split(), "from": begin, "until": until}
    return Hours.from_record(record)


def local(zone: str, *when: int, fold: int = 0) -> int:
    return int(datetime(*when, tzinfo=ZoneInfo(zone), fold=fold).timestamp())  # type: ignore[arg-type,misc]


class TestSpans:
    @settings(max_examples=60)
    @given(
        week=st.sampled_from(WEEKS),
        weekly=st.lists(hours(), min_size=1, max_size=4),
        starts=st.integers(0, 5 * 24 * 60),
        lasts=st.integers(1, 6 * 24 * 60),
    )
    def test_are_what_the_clock_on_the_wall_shows(
        self, week: tuple[str, datetime], weekly: list[Hours], starts: int, lasts: int
    ) -> None:
        zone, monday = week
        begin = monday + starts * MINUTE
        until = begin + lasts * MINUTE

        found = spans(weekly, zone, begin, until)

        assert found == by_the_minute(weekly, zone, begin, until)
        assert found == sorted(set(found))

    def test_are_cut_to_the_window(self) -> None:
        begin = datetime(2026, 7, 6, 14, 30, tzinfo=UTC)  # Monday, 9:30 in Chicago
        until = datetime(2026, 7, 7, 14, 0, tzinfo=UTC)

        found = spans([on("mon tue", "08:00", "16:00")], CHICAGO, begin, until)

        assert found == [
            *(int(begin.timestamp()), local(CHICAGO, 2026, 7, 6, 16)),
            *(local(CHICAGO, 2026, 7, 7, 8), int(until.timestamp())),
        ]

    def test_that_touch_at_midnight_are_one(self) -> None:
        """Also from Sunday to Monday."""
        weekly = [on("sun", "22:00", "24:00"), on("mon", "00:00", "06:00")]
        begin = datetime(2026, 7, 4, tzinfo=UTC)

        found = spans(weekly, CHICAGO, begin, begin + timedelta(days=5))

        assert found == [local(CHICAGO, 2026, 7, 5, 22), local(CHICAGO, 2026, 7, 6, 6)]

    def test_leave_out_an_hour_that_does_not_exist(self) -> None:
        begin = datetime(2026, 3, 8, tzinfo=UTC)
        until = begin + timedelta(days=1)

        assert spans([on("sun", "02:00", "03:00")], CHICAGO, begin, until) == []
        (start, end) = spans([on("sun", "01:00", "04:00")], CHICAGO, begin, until)
        assert end - start == 2 * 3600

    def test_have_both_hours_of_one_that_exists_twice(self) -> None:
        begin = datetime(2026, 11, 1, tzinfo=UTC)
        until = begin + timedelta(days=1)

        (start, end) = spans([on("sun", "01:00", "02:00")], CHICAGO, begin, until)
        apart = spans([on("sun", "01:30", "02:00")], CHICAGO, begin, until)

        assert end - start == 2 * 3600
        assert apart == [
            *(
                local(CHICAGO, 2026, 11, 1, 1, 30),
                local(CHICAGO, 2026, 11, 1, 1, 59) + 60,
            ),
            *(local(CHICAGO, 2026, 11, 1, 1, 30, fold=1), start + 2 * 3600),
        ]

    def test_are_none_where_the_place_stays_closed(self) -> None:
        saturday = datetime(2026, 7, 4, 15, tzinfo=UTC)

        found = spans(
            [on("mon", "08:00", "16:00")],
            CHICAGO,
            saturday,
            saturday + timedelta(hours=20),
        )

        assert found == []

    @pytest.mark.parametrize(("hour", "is_open"), [(14, True), (6, False)])
    def test_of_an_appointment_are_a_moment(self, hour: int, is_open: bool) -> None:
        at = datetime(2026, 7, 6, hour, 15, tzinfo=UTC)

        found = spans([on("mon", "08:00", "16:00")], CHICAGO, at, at)

        assert found == [int(at.timestamp())] * 2 * is_open

    def test_of_the_longest_window_with_the_most_hours_are_quickly_made(self) -> None:
        weekly = [
            Hours(ALL_DAYS, hour * 3600, hour * 3600 + 1800) for hour in range(14)
        ]
        begin = datetime(2026, 10, 20, tzinfo=UTC)

        before = perf_counter()
        found = spans(weekly, CHICAGO, begin, begin + LONGEST_WINDOW)

        assert perf_counter() - before < 0.1
        assert len(found) // 2 <= 31 * 14

    def test_of_a_window_of_a_year_are_quickly_made_too(self) -> None:
        begin = datetime(2026, 1, 1, tzinfo=UTC)

        found = spans(
            [on("mon wed", "08:00", "16:00")],
            CHICAGO,
            begin,
            begin + timedelta(days=365),
        )

        assert len(found) // 2 == 104


class TestHomeEvery:
    def every(self, at: str, weekday: Weekday = Weekday.FRI) -> HomeEvery:
        record = {"weekday": weekday, "at": at, "zone": CHICAGO}
        return HomeEvery.from_record(record)

    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            ((2026, 7, 6, 12), (2026, 7, 10, 18)),
            ((2026, 7, 10, 17, 59), (2026, 7, 10, 18)),
            ((2026, 7, 10, 18), (2026, 7, 10, 18)),
            ((2026, 7, 10, 18, 1), (2026, 7, 17, 18)),
            # Over the end of summer time.
            ((2026, 10, 30, 19), (2026, 11, 6, 18)),
        ],
    )
    def test_is_the_next_of_its_times(
        self, after: tuple[int, ...], expected: tuple[int, ...]
    ) -> None:
        start = datetime.fromtimestamp(local(CHICAGO, *after), UTC)

        found = self.every("18:00").next_at(start)

        assert int(found.timestamp()) == local(CHICAGO, *expected)

    def test_that_the_clock_leaves_out_is_told_by_the_clock_before(self) -> None:
        saturday = datetime(2026, 3, 7, tzinfo=UTC)

        found = self.every("02:30", Weekday.SUN).next_at(saturday)

        assert found == datetime(2026, 3, 8, 8, 30, tzinfo=UTC)

    def test_that_the_clock_shows_twice_is_the_first(self) -> None:
        saturday = datetime(2026, 10, 31, tzinfo=UTC)

        found = self.every("01:30", Weekday.SUN).next_at(saturday)

        assert found == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_seconds_of_a_day() -> None:
    assert [second_of_day(clock) for clock in ("00:00", "08:30", "24:00")] == [
        *(0, 30_600, 86_400)
    ]


NIGHT = {"from": "22:00", "until": "06:00", "zone": None}


class TestQuietHours:
    @pytest.mark.parametrize(
        ("at", "until"),
        [
            # Chicago is six hours behind UTC in winter.
            ("2026-01-15T03:59:59.999999", None),
            ("2026-01-15T04:00:00", "2026-01-15T12:00:00"),
            ("2026-01-15T06:00:00", "2026-01-15T12:00:00"),
            ("2026-01-15T11:59:59.999999", "2026-01-15T12:00:00"),
            ("2026-01-15T12:00:00", None),
            # From Sunday to Monday.
            ("2026-01-19T05:30:00", "2026-01-19T12:00:00"),
            # The clock goes forward in this night, and back in that one.
            ("2026-03-08T04:30:00", "2026-03-08T11:00:00"),
            ("2026-11-01T03:30:00", "2026-11-01T12:00:00"),
        ],
    )
    def test_go_over_midnight_by_the_clock_on_the_wall(self, at, until) -> None:
        assert end_of(NIGHT, at) == until

    @pytest.mark.parametrize(
        ("at", "until"),
        [
            # 2:30 is left out: they end when the clock goes on at 3:00.
            ("2026-03-08T07:30:00", "2026-03-08T08:00:00"),
            ("2026-03-08T08:00:00", None),
        ],
    )
    def test_that_end_in_an_hour_left_out_end_with_it(self, at, until) -> None:
        assert end_of(NIGHT | {"until": "02:30"}, at) == until

    @pytest.mark.parametrize(
        ("at", "until"),
        [
            # 1:15 twice, and between them from 1:30 until 2:00, which is 1:00 again.
            ("2026-11-01T06:15:00", "2026-11-01T06:30:00"),
            ("2026-11-01T06:45:00", None),
            ("2026-11-01T07:15:00", "2026-11-01T07:30:00"),
        ],
    )
    def test_in_an_hour_shown_twice_are_twice(self, at, until) -> None:
        assert end_of(NIGHT | {"until": "01:30"}, at) == until

    @pytest.mark.parametrize(
        ("at", "until"),
        [
            ("2026-01-15T17:59:59", None),
            ("2026-01-15T18:00:00", "2026-01-15T19:00:00"),
            ("2026-01-15T19:00:00", None),
        ],
    )
    def test_of_one_day(self, at, until) -> None:
        assert end_of({"from": "12:00", "until": "13:00", "zone": None}, at) == until

    def test_are_by_the_zone_that_they_name(self) -> None:
        there = NIGHT | {"zone": "Asia/Kathmandu"}
        assert end_of(there, "2026-01-15T16:14:59") is None
        assert end_of(there, "2026-01-15T16:15:00") == "2026-01-16T00:15:00"


def end_of(record: dict[str, str | None], at: str) -> str | None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    until = QuietHours.from_record(record, CHICAGO).until(now)
    return None if until is None else until.replace(tzinfo=None).isoformat()
