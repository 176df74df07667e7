"""Dozens of trucks: each delivers and is offered freight; the driver answers or not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

from demo.play import Play
from demo.road import (
    Drop,
    accept,
    decline,
    drive,
    drop,
    first_ring,
    inbox,
    pick_up,
    search_of,
    see,
    utcnow,
)
from demo.seeding import Posted, Trucker, due_now, hire_trucker
from demo.words import count, place
from market import MarketTruck, fleet, headhaul, transit

AT_ONCE = 10
"""Drivers on their phones at the same time."""

LOOKS_ANYWAY_AFTER_S = 10.0
"""A driver whose phone does not ring looks anyway: the offers may be taken already."""

# How often drivers do what: our own guess, no statistics behind it.
ANSWERS_AT_ALL = 0.88
TAKES_THE_BEST = 0.8
SENT_TWICE = 0.2
PIECES_MISSING = 0.08
REASONS = ("price", "distance", "time", "facility")


@dataclass(frozen=True)
class Ready:
    """A truck with its first load."""

    trucker: Trucker
    haul: Posted
    random: Random


def prepare(play: Play, trucks: int, *, seed: int) -> list[Ready]:
    """Hire the drivers and give each a load that takes them far from home."""

    def one(numbered: tuple[int, MarketTruck]) -> Ready:
        number, truck = numbered
        random = Random(f"day {seed} {number}")
        carrier = play.carriers[number % len(play.carriers)]
        trucker = hire_trucker(carrier, truck)
        now = utcnow()
        haul = due_now(headhaul(truck, seed, now), now)
        shipper = number % len(play.shippers)
        return Ready(trucker, play.dispatch(trucker, shipper, haul), random)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, enumerate(fleet(trucks, seed=seed))))


class Day:
    """Starts the trucks within `span_s`, a few at once, and counts those that ended."""

    def __init__(self, play: Play, ready: list[Ready], span_s: float) -> None:
        self._play = play
        self._ready = ready
        self._step_s = span_s / max(len(ready), 1)
        self._ended = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Play every truck's day; return when all are over, or raise when one fails."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = []
            try:
                for ready in self._ready:
                    futures.append(pool.submit(self._one, ready))
                    self._stopping.wait(self._step_s)
                for future in futures:
                    future.result()
            except BaseException:
                self._stopping.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, ready: Ready) -> None:
        trucker, load = ready.trucker, ready.haul.load
        left_at = utcnow() - transit(load.loaded_m)
        ledger = self._play.ledger
        is_short = load.pieces > 1 and ready.random.random() < PIECES_MISSING
        missing = int(is_short)
        pick_up(trucker, ready.haul, ledger, at=left_at, missing=missing)
        drive(trucker, load.pickup, load.delivery, ledger, left_at=left_at)
        repeats = int(ready.random.random() < SENT_TWICE)
        dropped = drop(trucker, ready.haul, ledger, repeats=repeats)
        self._say(ready, self._way_home(ready, dropped))

    def _say(self, ready: Ready, end: str) -> None:
        with self._lock:
            self._ended += 1
            so_far = f"{self._ended}/{len(self._ready)}"
        truck, load = ready.trucker.truck, ready.haul.load
        trailer = truck.equipment.value.replace("_", " ")
        self._play.teller.say(
            f"{so_far:>5}  {truck.driver_name}, {trailer}, home {place(truck.home)},"
            f" drops in {place(load.destination)}: {end}"
        )

    def _way_home(self, ready: Ready, dropped: Drop) -> str:
        """Answer the offers; return how it ended, in words."""
        search = search_of(dropped)
        if search["outcome"] != "offered":
            if search["outcome"] != "nothing_found":
                return f"not searched ({search['outcome'].replace('_', ' ')})"
            looked_at = search["counts"]["considered"]
            return f"no gain in {count(looked_at, 'load')} nearby, drives home empty"
        first_ring(dropped, self._play.phones, LOOKS_ANYWAY_AFTER_S)
        self._stopping.wait(ready.random.uniform(0.2, 1.0))
        offers = inbox(ready.trucker)
        if not offers:
            return "all offers were taken before the driver looked"
        see(ready.trucker, offers[0])
        story = count(len(offers), "offer")
        if ready.random.random() > ANSWERS_AT_ALL:
            return f"{story}, does not answer"
        if ready.random.random() > TAKES_THE_BEST:
            reason = ready.random.choice(REASONS)
            decline(ready.trucker, offers[0], reason, self._play.ledger)
            story += f", declines the best ({reason})"
            offers = offers[1:]
        return story + self._take(ready, offers[0] if offers else None)

    def _take(self, ready: Ready, offer: dict[str, Any] | None) -> str:
        late = ""
        while offer is not None:
            answer = accept(ready.trucker, offer, self._play.ledger)
            if answer.status == 200:
                return late + self._carry(ready, offer)
            late += ", is too late for one"
            offer = answer.body.get("next_offer")
        return f"{late}, drives home empty"

    def _carry(self, ready: Ready, offer: dict[str, Any]) -> str:
        won = self._play.posted[offer["load_id"]]
        pick_up(ready.trucker, won, self._play.ledger)
        return f", wins {self._play.lane(won.id)}. {offer['figures']['summary']}"
