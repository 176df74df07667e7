"""Hours by a place's clock, as spans of time: opening hours, weekly homes, quiet hours.

Hours are by the clock on the wall: a place is open at a moment if its clock then shows
a time within the hours. Where the clock goes forward, an hour does not exist, and the
place is not open in it. Where the clock goes back, an hour exists twice, and the place
is open in both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from freight.preferences import WEEKDAYS, Weekday

DAY_S = 86_400
WEEK_S = 7 * DAY_S
MONDAY_S = 4 * DAY_S
"""1970-01-05, the first Monday after the epoch."""

LONGEST_WINDOW = timedelta(days=30)
"""Opening hours are for windows of at most this: a longer one would be cut into
hundreds of spans, and no dock takes freight in one."""

Span = tuple[int, int]
"""From and until, seconds; the end is not in the span."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Open on these days from one time to another, which is later on the same day.

    from_s, until_s: seconds of the day by the place's clock; `until_s` may be 24:00.
    Over midnight are two of these.
    """

    days: frozenset[Weekday]
    from_s: int
    until_s: int

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Hours":
        """Return the hours of {"days": ["mon"], "from": "08:00", "until": "16:00"}."""
        days = frozenset(Weekday(day) for day in record["days"])
        begin, end = second_of_day(record["from"]), second_of_day(record["until"])
        return cls(days, begin, end)


def second_of_day(clock: str) -> int:
    """Return the seconds of the day of "HH:MM"; "24:00" is the end of the day."""
    hours, minutes = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60


def spans(
    hours: Sequence[Hours], zone: str, window_from: datetime, window_until: datetime
) -> list[int]:
    """Return when the place is open within the window, as UTC epoch seconds.

    The list is from, until, from, until and so on, in order, where each span ends
    before the next begins; empty if the place does not open within the window. A window
    of one moment has one span of no length if the place is open then.

    zone: an IANA zone, in which the hours are. The window's fractions of a second are
    left out.
    """
    opens, closes = int(window_from.timestamp()), int(window_until.timestamp())
    is_moment = opens == closes
    weekly = _week(hours)
    found: list[int] = []
    for start, end, offset_s in _offsets(zone, opens, closes + is_moment):
        for begin, until in _repeated(weekly, start + offset_s, end + offset_s):
            begin, until = begin - offset_s, until - offset_s
            if found and found[-1] == begin:
                found[-1] = until
            else:
                found += [begin, until]
    return [opens, opens] if found and is_moment else found


def _week(hours: Sequence[Hours]) -> list[Span]:
    """Return the spans of a week from Monday on, merged where they touch."""
    marks = sorted(
        (day * DAY_S + each.from_s, day * DAY_S + each.until_s)
        for each in hours
        for day, word in enumerate(WEEKDAYS)
        if word in each.days
    )
    merged: list[Span] = []
    for begin, until in marks:
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((begin, until))
    return merged


def _repeated(weekly: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    """Yield the weekly spans within [start, end), seconds by the place's clock.

    A span that goes on from Sunday to Monday is yielded in two, which touch.
    """
    monday = (start - MONDAY_S) // WEEK_S * WEEK_S + MONDAY_S
    while monday < end:
        for begin, until in weekly:
            cut = max(monday + begin, start), min(monday + until, end)
            if cut[0] < cut[1]:
                yield cut
        monday += WEEK_S


def _offsets(zone: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (from, until, seconds that the zone is ahead of UTC) for [start, end)."""
    place = ZoneInfo(zone)
    marks = [*range(start, end, DAY_S), end]
    begin, ahead_s = start, _ahead_s(place, start)
    for before, after in pairwise(marks):
        if _ahead_s(place, after) == ahead_s:
            continue
        # The last second with the old offset, and the first with the new one.
        while after - before > 1:
            middle = (before + after) // 2
            if _ahead_s(place, middle) == ahead_s:
                before = middle
            else:
                after = middle
        yield begin, after, ahead_s
        begin, ahead_s = after, _ahead_s(place, after)
    if begin < end:
        yield begin, end, ahead_s


def _ahead_s(place: ZoneInfo, at: int) -> int:
    ahead = datetime.fromtimestamp(at, place).utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds())


@dataclass(frozen=True, slots=True)
class HomeEvery:
    """When a driver wants to be home each week, by the clock of a zone."""

    weekday: Weekday
    at_s: int
    zone: str

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "HomeEvery":
        """Return that of {"weekday": "fri", "at": "18:00", "zone": ...}."""
        at_s = second_of_day(record["at"])
        return cls(Weekday(record["weekday"]), at_s, record["zone"])

    def next_at(self, after: datetime) -> datetime:
        """Return the first of these times that is not before `after`, in UTC.

        A time that the clock leaves out is told by the clock as it was before; of one
        that it shows twice, the first counts. Source: RFC 5545, 3.3.5.
        """
        place = ZoneInfo(self.zone)
        today = after.astimezone(place).date()
        days = (WEEKDAYS.index(self.weekday) - today.weekday()) % 7
        clock = time(self.at_s // 3600, self.at_s // 60 % 60)
        day = today + timedelta(days=days)
        found = datetime.combine(day, clock, place).astimezone(UTC)
        if found < after:
            day += timedelta(weeks=1)
            found = datetime.combine(day, clock, place).astimezone(UTC)
        return found


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When a driver is not rung each day, by the clock of a zone.

    From one time to another, over midnight if that is the earlier one; the end is not
    in them.
    """

    from_s: int
    until_s: int
    zone: str

    @classmethod
    def from_record(cls, record: Mapping[str, Any], zone: str) -> "QuietHours":
        """Return those of {"from": "22:00", "until": "06:00", "zone": ...}.

        zone: if the record names none.
        """
        begin, end = second_of_day(record["from"]), second_of_day(record["until"])
        return cls(begin, end, record["zone"] or zone)

    def until(self, now: datetime) -> datetime | None:
        """Return the end of the quiet hours that it is now, in UTC; else None."""
        days = frozenset(WEEKDAYS)
        if self.from_s < self.until_s:
            hours = [Hours(days, self.from_s, self.until_s)]
        else:
            hours = [Hours(days, self.from_s, DAY_S), Hours(days, 0, self.until_s)]
        found = spans(hours, self.zone, now, now + timedelta(days=2))
        if not found or found[0] > int(now.timestamp()):
            return None
        return datetime.fromtimestamp(found[1], UTC)
