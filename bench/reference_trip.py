"""The reference's trip: how long ways take, when docks are open, when a truck is where.

Everything is computed step by step and one load at a time. See `bench.reference`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from math import ceil, floor, inf
from zoneinfo import ZoneInfo

from bench.reference_records import HOUR_S, Load, Opening, Place, Situation, Stop, WayOf

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY_REST_S = 10 * HOUR_S
DAY = timedelta(days=1)
MINUTE_S = 60.0


@dataclass(frozen=True)
class Leg:
    """A way with the borders on it."""

    metres: float
    access_m: float
    borders: int = 0


@dataclass(frozen=True)
class Ways:
    """The legs of a trip: to the first stop, between stops, home; and home empty."""

    deadhead: Leg
    between: tuple[Leg, ...]
    home: Leg
    empty: Leg

    @property
    def loaded_m(self) -> float:
        """Return the metres from the first stop to the last."""
        return sum(leg.metres for leg in self.between)

    @property
    def are_roads(self) -> bool:
        """Say whether a road leads everywhere."""
        legs = (self.deadhead, *self.between, self.home, self.empty)
        return all(leg.metres < inf for leg in legs)

    @property
    def detour_m(self) -> float:
        """Return the metres that the load adds to the empty way home, at least 0."""
        with_load_m = self.deadhead.metres + self.loaded_m + self.home.metres
        return max(with_load_m - self.empty.metres, 0.0)


@dataclass(frozen=True)
class Visit:
    """A stop as it is reached: arrival, and when the dock begins. Epoch seconds."""

    stop: Stop
    arrived_at: float
    begun_at: float


@dataclass(frozen=True)
class Trip:
    """The visits, until home or until the stop that is reached too late.

    late: the index of that stop; None if every stop is open. home_at: epoch seconds;
    infinite if a stop is late.
    """

    visits: tuple[Visit, ...]
    late: int | None
    home_at: float


class Clock:
    """A driver's time: driving with the rests that the law requires, docks, borders.

    The rests are those of 49 CFR 395.3 with fresh clocks at the start: half an hour
    after 8 hours of driving, 10 hours after 11, 34 hours after 70. A wait of 10 hours
    is a rest, and all begins anew. Docks and shorter waits are no rests.

    A crew of two takes turns in the berth: the truck rests 34 hours after 140 only.
    """

    def __init__(self, at: float, *, is_crew: bool) -> None:
        self.at = at
        self._is_crew = is_crew
        self._driven_s = 0.0

    def drive(self, driving_s: float) -> None:
        """Let `driving_s` of pure driving pass, with the rests that fall into it."""
        before_s = self._elapsed_s(self._driven_s)
        self._driven_s += driving_s
        self.at += self._elapsed_s(self._driven_s) - before_s

    def spend(self, seconds: float) -> None:
        """Let time pass that is no rest: at a dock or at a border."""
        self.at += seconds

    def wait_until(self, at: float) -> None:
        """Wait until `at`, if that is later than now."""
        if at - self.at >= DAILY_REST_S:
            self._driven_s = 0.0
        self.at = max(self.at, at)

    def _elapsed_s(self, driving_s: float) -> float:
        return crew_elapsed_s(driving_s) if self._is_crew else elapsed_s(driving_s)


def elapsed_s(driving_s: float) -> float:
    """Return how long one driver with fresh clocks takes for `driving_s`."""
    rest_s, left_s = 0.0, driving_s
    while left_s > 70 * HOUR_S:
        left_s -= 70 * HOUR_S
        rest_s += _rests_s(70 * HOUR_S) + 34 * HOUR_S
    return driving_s + rest_s + _rests_s(left_s)


def crew_elapsed_s(driving_s: float) -> float:
    """Return how long two drivers with fresh clocks take for `driving_s`."""
    rest_s, left_s = 0.0, driving_s
    while left_s > 140 * HOUR_S:
        left_s -= 140 * HOUR_S
        rest_s += 34 * HOUR_S
    return driving_s + rest_s


def _rests_s(driving_s: float) -> float:
    rest_s, left_s = 0.0, driving_s
    while left_s > 11 * HOUR_S:
        left_s -= 11 * HOUR_S
        rest_s += 0.5 * HOUR_S + DAILY_REST_S
    return rest_s + (0.5 * HOUR_S if left_s > 8 * HOUR_S else 0.0)


def leg_s(leg: Leg, situation: Situation) -> float:
    """Return the pure driving time of a leg."""
    settings = situation.settings
    fast_s = (leg.metres - leg.access_m) / settings.road_mps
    return fast_s + leg.access_m / settings.access_mps


def empty_s(empty: Leg, situation: Situation) -> float:
    """Return how long the empty way home takes, with rests and borders."""
    clock = Clock(0.0, is_crew=situation.driver.is_crew)
    _travel(clock, empty, situation)
    return clock.at


def ways_of(load: Load, situation: Situation, way: WayOf) -> Ways:
    """Return all ways of a trip with `load`."""
    start = situation.place, situation.country
    home = situation.driver.home, situation.home_country
    stops = [(stop.place, stop.country) for stop in load.stops]
    first, *between, last = _legs((start, *stops, home), way)
    return Ways(first, tuple(between), last, *_legs((start, home), way))


def _legs(route: Sequence[tuple[Place, str | None]], way: WayOf) -> Iterator[Leg]:
    """Yield the legs of places and their countries.

    A border lies on a leg that ends in another country than the last known one.
    """
    _, last = route[0]
    for (a, _), (b, country) in pairwise(route):
        is_border = None not in (last, country) and country != last
        yield Leg(*way(a, b), borders=int(is_border))
        last = last if country is None else country


def trip_of(load: Load, situation: Situation, ways: Ways) -> Trip:
    """Return the trip with `load`, stop after stop."""
    clock = Clock(situation.free_at.timestamp(), is_crew=situation.driver.is_crew)
    visits: list[Visit] = []
    for number, (stop, leg) in enumerate(
        zip(load.stops, (ways.deadhead, *ways.between), strict=True)
    ):
        _travel(clock, leg, situation)
        begun_at = begins(stop, clock.at)
        if begun_at is None:
            visits.append(Visit(stop, clock.at, inf))
            return Trip(tuple(visits), number, inf)
        visits.append(Visit(stop, clock.at, begun_at))
        clock.wait_until(begun_at)
        clock.spend(situation.settings.dwell_s)
    _travel(clock, ways.home, situation)
    return Trip(tuple(visits), None, clock.at)


def _travel(clock: Clock, leg: Leg, situation: Situation) -> None:
    clock.drive(leg_s(leg, situation))
    clock.spend(leg.borders * situation.settings.border_s)


def begins(stop: Stop, arrived_at: float) -> float | None:
    """Return the first moment from `arrived_at` on at which the dock is open.

    None if there is none. Its last moment counts as open.
    """
    for opens_at, closes_at in sorted(open_spans(stop)):
        if arrived_at <= closes_at:
            return max(arrived_at, opens_at)
    return None


def open_spans(stop: Stop) -> Iterator[tuple[float, float]]:
    """Yield when the stop is open within its window, epoch seconds.

    In whole seconds: the first is rounded down and the last one up; with hours, down.
    """
    first, last = floor(stop.window_from.timestamp()), stop.window_until.timestamp()
    if stop.openings is None:
        yield first, ceil(last)
        return
    last = floor(last)
    zone = ZoneInfo(stop.zone)
    # A day earlier: a dock may be open over midnight.
    day = stop.window_from.astimezone(zone).date() - DAY
    while day <= stop.window_until.astimezone(zone).date():
        for opening in stop.openings:
            if WEEK[day.weekday()] not in opening.days:
                continue
            for opens_at, closes_at in _open_on(day, opening, stop.zone):
                begin, end = max(opens_at, first), min(closes_at, last)
                # A window of one moment may be open; the end is not in the hours.
                if begin < end or (first == last and opens_at <= first < closes_at):
                    yield begin, end
        day += DAY


@cache
def _open_on(day: date, opening: Opening, zone_name: str) -> list[tuple[float, float]]:
    """Return the spans in which the clock shows a time of the opening of that day.

    Where the clock changes meanwhile, it is read minute by minute.
    """
    zone = ZoneInfo(zone_name)
    until = day + DAY if opening.closes <= opening.opens else day
    first = _moment(day, opening.opens, zone)
    last = _moment(until, opening.closes, zone).replace(fold=1)
    if first.utcoffset() == last.utcoffset():
        return [(first.timestamp(), last.timestamp())]
    opens, closes = (each.replace(tzinfo=None) for each in (first, last))
    found: list[tuple[float, float]] = []
    at = min(first.timestamp(), last.timestamp()) - HOUR_S
    while at <= last.timestamp() + HOUR_S:
        shown = datetime.fromtimestamp(at, zone).replace(tzinfo=None, fold=0)
        if opens <= shown < closes:
            begin = found.pop()[0] if found and found[-1][1] == at else at
            found.append((begin, at + MINUTE_S))
        at += MINUTE_S
    return found


def _moment(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """Return the moment at which clocks in the zone show `clock` on that day."""
    hours, minutes = map(int, clock.split(":"))
    if hours == 24:
        day, hours = day + DAY, 0
    return datetime.combine(day, time(hours, minutes), zone)


def next_weekly(weekday: str, clock: str, zone_name: str, start: datetime) -> datetime:
    """Return the first such moment of a week that is not before `start`."""
    zone = ZoneInfo(zone_name)
    day = start.astimezone(zone).date()
    while True:
        moment = _moment(day, clock, zone)
        if WEEK[day.weekday()] == weekday and moment.timestamp() >= start.timestamp():
            return moment
        day += DAY
