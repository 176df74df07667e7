"""Trucks over weeks: they leave home with a load, and a search brings them back.

The truth of this world is the reference's: its roads, speeds, rests and docks. Every
search is played in a world of its own with the same loads, trucks and headhauls.

A truck leaves home with a headhaul that its desk planned: the windows of that load fit,
it takes the time that the law requires, and pays its price. At its drop the truck is
searched for, takes the best load at once, drives it, and is searched for at the next
drop. Without a load, or within 25 miles of home, it drives home, rests ten hours and
leaves with the next headhaul. Drivers have rested when they are searched for, as
searches assume.

With `Mishaps` a driver is offered three loads at once, may decline each of them, and
may find the load that was won cancelled at its pickup. With a search at the drop alone
the truck then drives home. With all triggers
- the next loads of the list are offered when those offers are over;
- a truck whose load was lost is searched for again, from where it is;
- a truck on the way home is woken: if a load is posted that is worth more to it than
  the rest of that way, it takes that load from where it is. Of several trucks the one
  takes it to which it is worth most and whose driver does not decline it.

A truck that comes too late to a pickup is turned away: it drove there for nothing, and
is searched for from there. One that comes too late to a delivery may unload at once,
but the load pays nothing. A load that was taken is gone, whatever comes of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from heapq import heapify, heappop, heappush
from math import inf
from random import Random
from typing import Protocol

from bench.homeward import Homeward
from bench.mishaps import Mishaps
from bench.reference_records import (
    HOUR_S,
    METRES_PER_MILE,
    Driver,
    Load,
    Organisation,
    Place,
    Situation,
    Truck,
    WayOf,
)
from bench.reference_trip import Clock, Leg, leg_s, trip_of, ways_of
from bench.weeks_market import START, Posted, Size, load_of, place_of
from geo.points import Point
from geo.roads import EstimatedRoads
from market import MarketTruck, fleet, headhaul
from runtime.config import Settings

ROADS = EstimatedRoads()
"""As the first search knew them, so that its promises are as good as ours."""

DAY_S = 24 * HOUR_S
NEAR_HOME_M = 25 * METRES_PER_MILE
AT_HOME_S = 10 * HOUR_S
TRUCKS_LEAVE_WITHIN_S = 3 * DAY_S


@dataclass(frozen=True)
class Costs:
    """What a carrier's search knows: cents for a kilometre and for an hour."""

    km_cents: float
    hour_cents: int


Event = tuple[float, int, int, Place | None, int]
"""When; what (a posting, a truck that is free, a closed pickup, a truck at home, one
that lost its load); of which load or truck; where; and how often the truck has left
home."""

OFFERED_AT_ONCE = Settings.OFFERS_PER_DRIVER


class Policy(Protocol):
    """A search that is tried: it is told of each load, and asked for the best ones."""

    has_all_triggers: bool
    """Whether more than a drop starts it."""

    def post(self, load: Load) -> None:
        """A load is on the market."""

    def gone(self, load_id: str) -> None:
        """A load was taken, or its pickup is over."""

    def ranked(self, situation: Situation, truck: MarketTruck) -> Sequence[str]:
        """Return the ids of the loads that are worth it, best first."""

    def takers(self, load: Load, waiting: Sequence[Situation]) -> Iterable[int]:
        """Return the places of the trucks on the way home to which a load that was
        posted just now is worth it, first that to which it is worth most."""


@dataclass
class Earned:
    """What the trucks earned in the measured weeks, each haul counted when it ends."""

    price_cents: int = 0
    metres: float = 0.0
    empty_m: float = 0.0
    headhauls: int = 0
    backhauls: int = 0
    late: int = 0
    searches: int = 0
    woken: int = 0
    lost: int = 0
    waits_h: list[float] = field(default_factory=list)

    def contribution_usd(self, km_cents: float, truck_weeks: float) -> float:
        """Return revenue less variable cost, USD a truck and week."""
        cents = self.price_cents - km_cents * self.metres / 1000
        return cents / 100 / truck_weeks


@dataclass(frozen=True)
class Homebound:
    """A truck on the way home without a load.

    way_m: of the whole way; home_at: when it is there.
    """

    place: Place
    home: Place
    left_at: float
    home_at: float
    way_m: float
    trips: int
    way: Homeward

    def place_at(self, at: float) -> Place:
        point = self.way.after(at - self.left_at)
        return self.home if point is None else place_of(point)


class World:
    """One policy's world: the same loads and trucks as in every other."""

    def __init__(
        self,
        size: Size,
        policy: Policy,
        costs: Costs,
        way: WayOf,
        mishaps: Mishaps | None = None,
    ) -> None:
        self.earned = Earned()
        self._mishaps = mishaps or Mishaps(0)
        self._size, self._policy, self._costs, self._way = size, policy, costs, way
        self._market: dict[str, Load] = {}
        self._homebound: dict[int, Homebound] = {}
        self._events: list[Event] = []
        self._measured_from = START.timestamp() + size.warm_up_days * DAY_S
        self._ends_at = START.timestamp() + size.days * DAY_S

    def play(self, loads: list[Posted], *, seed: int) -> Earned:
        """Let all weeks pass; return what was earned in the measured ones."""
        random = Random(f"leaving {seed}")
        start = START.timestamp()
        self._trucks = trucks = list(fleet(self._size.trucks, seed=seed))
        # At one moment posted loads come before trucks, and closed pickups last.
        events = self._events
        events += [(each.at, 0, number, None, 0) for number, each in enumerate(loads)]
        events += [
            (start + random.random() * TRUCKS_LEAVE_WITHIN_S, 1, number, None, 0)
            for number in range(len(trucks))
        ]
        heapify(events)
        while events and events[0][0] < self._ends_at:
            at, kind, number, place, trips = heappop(events)
            if kind == 0:
                self._post(loads[number].load, at)
                closes_at = loads[number].load.stops[0].window_until.timestamp()
                heappush(events, (closes_at, 2, number, None, 0))
            elif kind == 2:
                self._take(loads[number].load.id)
            elif kind == 3:
                self._come_home(number, at)
            elif place is None:
                place, at = self._leave(trucks[number], at, seed * 1_000 + trips)
                heappush(events, (at, 1, number, place, trips + 1))
            elif kind == 4 and not self._policy.has_all_triggers:
                self._drive_home(
                    number, self._situation(trucks[number], place, at), trips
                )
            else:
                self._from_drop(number, place, at, trips)
        return self.earned

    def _post(self, load: Load, at: float) -> None:
        self._market[load.id] = load
        self._policy.post(load)
        if not self._policy.has_all_triggers or not self._homebound:
            return
        waiting = [
            (number, self._situation(self._trucks[number], bound.place_at(at), at))
            for number, bound in self._homebound.items()
        ]
        for taker in self._policy.takers(load, [situation for _, situation in waiting]):
            number, situation = waiting[taker]
            if not self._mishaps.is_declined(load.id, number):
                self._wake(number, situation, load, at)
                return

    def _wake(self, number: int, situation: Situation, load: Load, at: float) -> None:
        bound = self._homebound.pop(number)
        left_m = self._way(situation.place, bound.home)[0]
        self._earn(at, 0, max(bound.way_m - left_m, 0.0), 0.0)
        self.earned.woken += self._is_measured(at)
        self._haul(number, load, situation, bound.trips)

    def _take(self, load_id: str) -> None:
        if self._market.pop(load_id, None) is not None:
            self._policy.gone(load_id)

    def _leave(self, truck: MarketTruck, at: float, seed: int) -> tuple[Place, float]:
        """Leave home with a headhaul; return its drop, and when the truck is free."""
        load = load_of(headhaul(truck, seed, START), "headhaul")
        situation = self._situation(truck, place_of(truck.home_point), at)
        ways = ways_of(load, situation, self._way)
        clock = Clock(at, is_crew=False)
        for leg in (ways.deadhead, *ways.between):
            clock.drive(leg_s(leg, situation))
            clock.spend(situation.settings.dwell_s)
        self._earn(clock.at, load.price_cents, ways.deadhead.metres, ways.loaded_m)
        if self._is_measured(clock.at):
            self.earned.headhauls += 1
        return load.stops[-1].place, clock.at

    def _from_drop(self, number: int, place: Place, at: float, trips: int) -> None:
        """Go on from a drop, with a load or on the way home."""
        truck = self._trucks[number]
        situation = self._situation(truck, place, at)
        home = Leg(*self._way(place, situation.driver.home))
        load_id = None
        if home.metres > NEAR_HOME_M:
            load_id = self._chosen(number, situation)
            self.earned.searches += self._is_measured(at)
        if load_id is None:
            self._drive_home(number, situation, trips)
        else:
            self._haul(number, self._market[load_id], situation, trips)

    def _chosen(self, number: int, situation: Situation) -> str | None:
        """Return the best load that the driver is offered and does not decline."""
        ranked = self._policy.ranked(situation, self._trucks[number])
        if not self._policy.has_all_triggers:
            ranked = ranked[:OFFERED_AT_ONCE]
        for load_id in ranked:
            if not self._mishaps.is_declined(load_id, number):
                return load_id
        return None

    def _drive_home(self, number: int, situation: Situation, trips: int) -> None:
        place, home = situation.place, situation.driver.home
        leg = Leg(*self._way(place, home))
        left_at = situation.free_at.timestamp()
        clock = Clock(left_at, is_crew=False)
        clock.drive(leg_s(leg, situation))
        way = Homeward(ROADS, Point(*place), Point(*home))
        self._homebound[number] = Homebound(
            *(place, home, left_at, clock.at, leg.metres, trips, way)
        )
        heappush(self._events, (clock.at, 3, number, None, trips))

    def _come_home(self, number: int, at: float) -> None:
        """End a way home, unless the truck was woken meanwhile."""
        bound = self._homebound.get(number)
        if bound is None or bound.home_at != at:
            return
        del self._homebound[number]
        self._earn(at, 0, bound.way_m, 0.0)
        heappush(self._events, (at + AT_HOME_S, 1, number, None, bound.trips))

    def _haul(self, number: int, load: Load, situation: Situation, trips: int) -> None:
        """Take the load; the truck is free at its delivery, or where that failed."""
        self._take(load.id)
        ways = ways_of(load, situation, self._way)
        trip = trip_of(load, situation, ways)
        pickup, delivery = load.stops[0], load.stops[-1]
        arrived = trip.visits[-1]
        self.earned.late += trip.late is not None and self._is_measured(
            arrived.arrived_at
        )
        is_lost = self._mishaps.is_lost(load.id)
        if trip.late == 0 or is_lost:
            at = trip.visits[0].arrived_at
            self._earn(at, 0, ways.deadhead.metres, 0.0)
            self.earned.lost += is_lost and self._is_measured(at)
            kind = 4 if is_lost else 1
            heappush(self._events, (at, kind, number, pickup.place, trips))
            return
        begun_at = arrived.begun_at if arrived.begun_at < inf else arrived.arrived_at
        free_at = begun_at + situation.settings.dwell_s
        price_cents = load.price_cents if trip.late is None else 0
        self._earn(free_at, price_cents, ways.deadhead.metres, ways.loaded_m)
        if self._is_measured(free_at):
            self.earned.backhauls += 1
            waited_s = trip.visits[0].begun_at - trip.visits[0].arrived_at
            self.earned.waits_h.append(waited_s / HOUR_S)
        heappush(self._events, (free_at, 1, number, delivery.place, trips))

    def _earn(self, at: float, price_cents: int, empty_m: float, m: float) -> None:
        if self._is_measured(at):
            self.earned.price_cents += price_cents
            self.earned.metres += empty_m + m
            self.earned.empty_m += empty_m

    def _is_measured(self, at: float) -> bool:
        return self._measured_from <= at < self._ends_at

    def _situation(self, truck: MarketTruck, place: Place, at: float) -> Situation:
        return Situation(
            place,
            datetime.fromtimestamp(at, UTC),
            Driver(place_of(truck.home_point)),
            Truck(
                str(truck.equipment),
                truck.payload_kg,
                truck.deck_length_m,
                truck.has_hazmat,
            ),
            Organisation(
                cost_cents_per_km=self._costs.km_cents,
                hour_cents=self._costs.hour_cents,
            ),
        )


def cached(way: WayOf) -> WayOf:
    """Return `way` with a memory: docks and homes repeat."""
    return lru_cache(maxsize=100_000)(way)
