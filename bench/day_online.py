"""Plays the day in time order: loads come, trucks drop theirs, wait, and drive home."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from random import Random

from bench.arrivals import Driver, at_once, post
from bench.board import BoardLoad
from bench.client import Client
from bench.day import Day, Phones, accept_best, answer_at_once, fetch_offers
from bench.homeward import Homeward
from bench.leaps import Clock
from bench.report import say
from bench.rig import Rig
from geo.points import Point
from geo.roads import Roads

REPORT_EVERY_S = 15 * 60.0
"""How often the trucks on their way home say where they are, all together."""

ONE_RING_S = 5.0
"""Pushes that come closer together are one ring of the phone."""


@dataclass(frozen=True)
class Waiting:
    """A driver on the way home without a load, since `left_at` by the day's clock."""

    driver: Driver
    way: Homeward
    left_at: float

    def move_on(self, now: float) -> bool:
        """Note where the driver is by now; say whether that is home."""
        where = self.way.after(now - self.left_at)
        at_home = self.driver.trip.home
        self.driver.place = (where.lat, where.lon) if where else at_home
        return where is None


@dataclass(frozen=True, order=True)
class Event:
    """What happens next: a load is posted, a driver drops theirs, or those who are on
    the way home say where they are (None)."""

    at: float
    seq: int
    what: BoardLoad | Driver | None = field(compare=False, default=None)


class Online:
    """The day, with drivers who accept the best offer as soon as their phone rings.

    A driver without a load drives home, and may be rung until they are there. Those who
    are rung at once answer in a random order.
    """

    def __init__(
        self, rig: Rig, poster: Client, roads: Roads, clock: Clock, seed: int
    ) -> None:
        self.day, self.phones = Day(), Phones(rig.fcm)
        self._poster, self._roads, self._clock = poster, roads, clock
        self._random = Random(f"answers {seed}")
        self._market: set[int] = set()
        self._waiting: dict[str, Waiting] = {}
        self._home: list[Driver] = []

    def play(
        self, loads: Sequence[BoardLoad], drivers: Sequence[Driver]
    ) -> tuple[Day, Phones]:
        """Play all loads and drops, and what comes of them until the last one.

        Raises: Refused, NeverCame, TimeoutError.
        """
        events = [Event(load.at, load.seq, load) for load in loads]
        events += [Event(each.trip.at, each.trip.seq, each) for each in drivers]
        first, last = min(events).at, max(events).at
        ticks = range(1, int((last - first) / REPORT_EVERY_S) + 1)
        events += [Event(first + tick * REPORT_EVERY_S, 0) for tick in ticks]
        events.sort()
        for event in events:
            self._let_pass(event.at)
            self._happens(event)
            self._answer()
            if event.what is None:
                at = datetime.fromtimestamp(event.at, UTC)
                say(f"{at:%H:%M}: {len(self._waiting)} drivers are on the way home")
        self.day.rings = self._rings()
        return self.day, self.phones

    def _rings(self) -> Counter[str]:
        """Return how often each phone rang in the day."""
        counts, last = Counter[str](), dict[str, float]()
        for target, _, real in self.phones.rings:
            at = self._clock.at(real)
            counts[target] += at - last.get(target, -inf) > ONE_RING_S
            last[target] = at
        return counts

    def _let_pass(self, until: float) -> None:
        """Let time pass, and drivers answer when their phones ring meanwhile."""
        while self._clock.now() < until:
            self._clock.leap(until)
            self._answer()

    def _happens(self, event: Event) -> None:
        what = event.what
        if isinstance(what, BoardLoad):
            self.day.keep(what, post(self._poster, what))
            self._market.add(what.seq)
        elif what is not None:
            self.day.on_market.append(set(self._market))
            answer_at_once(what, self.phones)
            self._accept(what)
            if what.won is None:
                drop, home = Point(*what.trip.drop), Point(*what.trip.home)
                way = Homeward(self._roads, drop, home)
                waits = Waiting(what, way, self._clock.now())
                self._waiting[what.target] = waits
        else:
            self._report()

    def _report(self) -> None:
        """Let phones say where they are: of trucks on the way home, and of those that
        are home, which wait no more."""
        now = self._clock.now()
        for target, waits in list(self._waiting.items()):
            if waits.move_on(now):
                self._home.append(self._waiting.pop(target).driver)
        waiting = [waits.driver for waits in self._waiting.values()]
        at_once(Driver.locate, [*waiting, *self._home])

    def _answer(self) -> None:
        """Let the drivers answer whose phones rang, until nothing more comes of it."""
        self._clock.wait_until_idle()
        while rung := self.phones.take_rung() & self._waiting.keys():
            for target in self._random.sample(sorted(rung), len(rung)):
                waits = self._waiting[target]
                waits.move_on(self._clock.now())
                fetch_offers(waits.driver)
                self._accept(waits.driver)
            self._clock.wait_until_idle()

    def _accept(self, driver: Driver) -> None:
        self.day.lost_races += accept_best(driver)
        if driver.won is not None:
            self._market.remove(self.day.posted[driver.won["load_id"]].seq)
            self._waiting.pop(driver.target, None)
