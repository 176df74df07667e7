"""The trip that each load would mean: empty to the pickup, loaded, and empty home.

One trip for each load of a table, as arrays. Times are seconds after `columns.T0_S`.
"""

from dataclasses import dataclass, fields, replace
from math import inf
from typing import Self

import numpy as np

from freight.columns import NO_EXTRA, Array, Loads, Mask, Numbers, ranges, seconds_of
from freight.hours import DAILY_REST_S, elapsed_s
from freight.opening import DAY_S
from freight.situation import Parameters, Situation
from geo.roads import Roads


@dataclass(frozen=True, slots=True)
class WayHome:
    """The empty way home, the baseline every load is compared with.

    elapsed_s: with the rests that the law requires, and the border if there is one.
    Both are infinite if no road leads home.
    """

    distance_m: float
    elapsed_s: float


def way_home(situation: Situation, parameters: Parameters, roads: Roads) -> WayHome:
    """Return the baseline of a search: from the drop straight home, empty."""
    way = roads.way(situation.drop, situation.home)
    if way.metres == inf:
        return WayHome(inf, inf)
    driving_s = parameters.seconds(way.metres, way.access_m)
    crosses = _differ(situation.drop_country, situation.home_country)
    rested_s = elapsed_s(np.array(driving_s), is_crew=situation.is_crew)
    return WayHome(way.metres, float(rested_s) + crosses * parameters.border_s)


@dataclass(frozen=True, slots=True)
class Trips:
    """For each load: the ways, and after `timed` the times.

    deadhead_*: empty, drop to pickup; home_*: empty, delivery to home. Infinity where
        no road leads, or where the way is beyond the limit that was asked for.
    has_road: roads lead to the pickup, from stop to stop, and home.
    pickup_at, delivery_at, home_at: arrivals, before any wait for the stop to open.
    late_pickup, late_delivery: the number of the first stop of the kind that closes
        before the arrival, counted from 1; 0 if there is none.
    late_*_eta, late_*_until: of that stop; NaN if there is none.
    is_at_night: the truck arrives at a stop between 22:00 and 05:00 by the clock of the
        driver's home.
    """

    deadhead_m: Numbers
    deadhead_access_m: Numbers
    home_m: Numbers
    home_access_m: Numbers
    has_road: Mask
    pickup_at: Numbers
    delivery_at: Numbers
    home_at: Numbers
    late_pickup: Array
    late_delivery: Array
    late_pickup_eta: Numbers
    late_pickup_until: Numbers
    late_delivery_eta: Numbers
    late_delivery_until: Numbers
    is_at_night: Mask

    def take(self, picked: Array) -> Self:
        """Return the trips of the loads that `picked` selects."""
        return type(self)(*(getattr(self, f.name)[picked] for f in fields(self)))

    @classmethod
    def to(
        cls,
        loads: Loads,
        situation: Situation,
        roads: Roads,
        limit_m: float = inf,
        home_limit_m: float = inf,
    ) -> Self:
        """Return the trips with their ways; the times are not known yet.

        limit_m: pickups beyond it need no exact figure.
        home_limit_m: nor do the ways home that are longer than this.
        """
        out = roads.ways_from(situation.drop, loads.pickup, limit_m)
        home = roads.ways_from(situation.home, loads.delivery, home_limit_m)
        unknown = np.full(len(loads), np.nan)
        none, no_mask = np.zeros(len(loads), "i2"), np.zeros(len(loads), "?")
        return cls(
            deadhead_m=out.metres,
            deadhead_access_m=out.access_m,
            home_m=home.metres,
            home_access_m=home.access_m,
            has_road=out.has_road & home.has_road & np.isfinite(loads.loaded_m),
            pickup_at=unknown,
            delivery_at=unknown,
            home_at=unknown,
            late_pickup=none,
            late_delivery=none,
            late_pickup_eta=unknown,
            late_pickup_until=unknown,
            late_delivery_eta=unknown,
            late_delivery_until=unknown,
            is_at_night=no_mask,
        )

    def timed(
        self, loads: Loads, situation: Situation, parameters: Parameters
    ) -> "Trips":
        """Return the trips with their times. Every way must be known.

        Early at a stop means waiting until it opens. Rests are those of
        `hours.elapsed_s` over the driving since the start, or since a wait long enough
        to be a daily rest. Shorter waits and time at docks are not used as breaks, so
        that an estimate is late rather than early.
        """
        clock = _Clock(len(loads), situation, parameters)
        every = np.arange(len(loads))
        late = _Late(len(loads))
        clock.drive(self.deadhead_m, self.deadhead_access_m)
        clock.enter(loads.pickup_country, every)
        pickup_at, ends = clock.at.copy(), np.flatnonzero(loads.extra == NO_EXTRA)
        delivery_at = np.full(len(loads), np.nan)
        is_at_night = _is_night(clock.at, situation)
        walk = _Walk(loads, clock, late, situation, is_at_night)
        walk.two_ends(ends, delivery_at)
        walk.every_stop(delivery_at)
        clock.drive(self.home_m, self.home_access_m)
        home = np.full(len(loads), (situation.home_country or "").encode())
        clock.enter(home, every)
        return replace(
            self,
            pickup_at=pickup_at,
            delivery_at=delivery_at,
            home_at=clock.at,
            late_pickup=late.stop[0],
            late_delivery=late.stop[1],
            late_pickup_eta=late.eta[0],
            late_pickup_until=late.until[0],
            late_delivery_eta=late.eta[1],
            late_delivery_until=late.until[1],
            is_at_night=is_at_night,
        )


class _Clock:
    """The time at each truck, and its driving since the last daily rest."""

    def __init__(self, n: int, situation: Situation, parameters: Parameters) -> None:
        self.at = np.full(n, seconds_of(situation.free_at))
        self.driven_s = np.zeros(n)
        self.rested_s = np.zeros(n)
        self.country = np.full(n, (situation.drop_country or "").encode(), "S2")
        self.is_crew = situation.is_crew
        self.parameters = parameters

    def drive(
        self, metres: Numbers, access_m: Numbers, rows: Array | slice = slice(None)
    ) -> None:
        self.driven_s[rows] += self.parameters.seconds(metres, access_m)
        after_s = elapsed_s(self.driven_s[rows], is_crew=self.is_crew)
        self.at[rows] += after_s - self.rested_s[rows]
        self.rested_s[rows] = after_s

    def enter(self, country: Array, rows: Array) -> None:
        """Cross a border where the country is another one than the last known."""
        is_known = country != b""
        last = self.country[rows]
        crosses = is_known & (last != b"") & (last != country)
        self.at[rows] += crosses * self.parameters.border_s
        self.country[rows[is_known]] = country[is_known]

    def dock(self, opens_at: Numbers, rows: Array) -> None:
        """Wait until the stop opens, then load or unload."""
        eta = self.at[rows]
        starts_at = np.maximum(eta, opens_at)
        is_rest = starts_at - eta >= DAILY_REST_S
        self.driven_s[rows] = np.where(is_rest, 0.0, self.driven_s[rows])
        self.rested_s[rows] = np.where(is_rest, 0.0, self.rested_s[rows])
        self.at[rows] = starts_at + self.parameters.dwell_s


class _Late:
    """The first stop that closes too early, by its kind: [0] pickup, [1] delivery."""

    def __init__(self, n: int) -> None:
        self.stop = np.zeros(n, "i2"), np.zeros(n, "i2")
        self.eta = np.full(n, np.nan), np.full(n, np.nan)
        self.until = np.full(n, np.nan), np.full(n, np.nan)

    def note(
        self, kind: int, number: int, rows: Array, eta: Numbers, until: Numbers
    ) -> None:
        was_late = (self.stop[0][rows] > 0) | (self.stop[1][rows] > 0)
        is_late = (eta > until) & ~was_late
        at = rows[is_late]
        self.stop[kind][at] = number
        self.eta[kind][at] = eta[is_late]
        self.until[kind][at] = until[is_late]


class _Walk:
    """From the arrival at the pickup to the end of the delivery, stop by stop."""

    def __init__(
        self,
        loads: Loads,
        clock: _Clock,
        late: _Late,
        situation: Situation,
        is_at_night: Mask,
    ) -> None:
        self.loads, self.clock, self.late = loads, clock, late
        self.situation, self.is_at_night = situation, is_at_night

    def two_ends(self, rows: Array, delivery_at: Numbers) -> None:
        """Walk the loads whose ends say all."""
        loads, clock = self.loads, self.clock
        until = loads.pickup_until[rows].astype("f8")
        self.late.note(0, 1, rows, clock.at[rows], until)
        clock.dock(loads.pickup_from[rows].astype("f8"), rows)
        loaded = loads.loaded_m[rows].astype("f8")
        clock.drive(loaded, loads.loaded_access_m[rows].astype("f8"), rows)
        clock.enter(loads.delivery_country[rows], rows)
        delivery_at[rows] = clock.at[rows]
        self.is_at_night[rows] |= _is_night(clock.at[rows], self.situation)
        until = loads.delivery_until[rows].astype("f8")
        self.late.note(1, 2, rows, clock.at[rows], until)
        clock.dock(loads.delivery_from[rows].astype("f8"), rows)

    def every_stop(self, delivery_at: Numbers) -> None:
        """Walk the loads with more stops, or with opening hours: all of them at their
        first stop, then all that have a second one, and so on."""
        rows, stops = self.loads.has_extra(), self.loads.stops
        if not len(rows):
            return
        numbers = self.loads.extra[rows]
        first, end = stops.first[numbers], stops.first[numbers + 1]
        for place in range(int((end - first).max())):
            has = first + place < end
            rows, first, end = rows[has], first[has], end[has]
            at = first + place
            if place:
                metres, access_m = stops.leg_m[at], stops.leg_access_m[at]
                self.clock.drive(metres.astype("f8"), access_m.astype("f8"), rows)
                self.clock.enter(stops.country[at], rows)
            eta = self.clock.at[rows]
            self.is_at_night[rows] |= _is_night(eta, self.situation)
            opens_at, closes_at = self._open(at, eta)
            for kind, is_kind in ((0, stops.is_pickup[at]), (1, ~stops.is_pickup[at])):
                of = np.flatnonzero(is_kind)
                self.late.note(kind, place + 1, rows[of], eta[of], closes_at[of])
            is_last = at + 1 == end
            delivery_at[rows[is_last]] = eta[is_last]
            self.clock.dock(opens_at, rows)

    def _open(self, at: Array, eta: Numbers) -> tuple[Numbers, Numbers]:
        """Return when each stop next serves a truck that arrives at `eta`, and until
        when it does so at the latest.

        A truck that arrives while the dock is closed waits for it to open again.
        """
        stops = self.loads.stops
        opens_at = np.maximum(eta, stops.window_from[at])
        closes_at = stops.window_until[at].astype("f8")
        first, end = stops.spans_first[at], stops.spans_first[at + 1]
        hours = np.flatnonzero(end > first)
        if len(hours):
            first, end = first[hours], end[hours]
            spans, of = ranges(first, end)
            # One search for all stops: each span by its stop and the time it ends.
            ends = (of << 32) + stops.span_until[spans]
            arrivals = (np.arange(len(hours)) << 32) + np.ceil(opens_at[hours])
            found = np.searchsorted(ends, arrivals)
            is_there = found < np.cumsum(end - first)
            next_from = stops.span_from[spans[np.minimum(found, len(spans) - 1)]]
            is_later = is_there & (next_from > opens_at[hours])
            opens_at[hours[is_later]] = next_from[is_later]
            closes_at[hours] = stops.span_until[end - 1]
        return opens_at, closes_at


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


NIGHT_FROM_S, NIGHT_UNTIL_S = 22 * 3600.0, 5 * 3600.0


def _is_night(at: Numbers, situation: Situation) -> Mask:
    day_s = (at + situation.zone_offset_s) % DAY_S
    return (day_s >= NIGHT_FROM_S) | (day_s < NIGHT_UNTIL_S)
