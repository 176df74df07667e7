"""Plays the day over HTTP: post the loads, complete the drops, accept the offers."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bench.arrivals import Driver, at_once, post
from bench.board import BoardLoad
from bench.client import Client, Refused
from bench.patience import PATIENCE_S
from bench.report import say
from bench.rig import Rig

DROPS_PER_S = 5.0
"""A steady rate below the server's limit, so that no drop waits for another."""

LOOK_EVERY_S = 0.01
PAGE = 200


class NeverCame(Exception):
    """A search or a push did not come in `PATIENCE_S`."""


class Ring(NamedTuple):
    """A push about an offer. target: the phone. at: seconds since the epoch."""

    target: str
    offer_id: str
    at: float


@dataclass
class Phones:
    """What the fake FCM delivered to the phones.

    offers_at: when each phone first got an offer, seconds since the epoch.
    offer_ids: every offer that a push was about.
    rings: every push about an offer.
    rung: the phones that rang and were not asked for by `take_rung` since.
    """

    fcm: Client
    offers_at: dict[str, float] = field(default_factory=dict)
    offer_ids: set[str] = field(default_factory=set)
    rings: list[Ring] = field(default_factory=list)
    rung: set[str] = field(default_factory=set)
    seen: int = 0

    def look(self) -> None:
        """Fetch the pushes that came since the last look."""
        came = self.fcm.need("GET", f"/received?since={self.seen}")
        self.seen = came["next"]
        for item in came["items"]:
            said = item["message"].get("data", {})
            if said.get("kind") in {"offer", "offer_renewed"}:
                self.offers_at.setdefault(item["target"], item["at"])
                self.offer_ids.add(said["offer_id"])
                ring = Ring(item["target"], said["offer_id"], item["at"])
                self.rings.append(ring)
                self.rung.add(item["target"])

    def take_rung(self) -> set[str]:
        """Look; return the phones that rang since this was asked last."""
        self.look()
        rung, self.rung = self.rung, set()
        return rung


@dataclass
class Day:
    """What happened in the day.

    posted: the board's loads by the server's load ids.
    on_market: for each trip, the loads that were posted and not taken at its drop.
    rings: how often each phone rang for offers, by its target, if time order is played.
    """

    posted: dict[str, BoardLoad] = field(default_factory=dict)
    estimated_m: dict[str, float] = field(default_factory=dict)
    on_market: list[set[int]] = field(default_factory=list)
    lost_races: int = 0
    rings: Mapping[str, int] = field(default_factory=dict)

    def keep(self, load: BoardLoad, answer: Mapping[str, Any]) -> None:
        """Note a load that was posted."""
        self.posted[answer["id"]] = load
        self.estimated_m[answer["id"]] = answer["loaded_m"]


def play_all(
    rig: Rig, poster: Client, loads: Sequence[BoardLoad], drivers: Sequence[Driver]
) -> tuple[Day, Phones]:
    """Post all loads, complete all drops, and only then let the drivers accept.

    Raises: Refused, NeverCame.
    """
    day, phones = Day(), Phones(rig.fcm)
    # In parallel: before the first drop the order of the loads does not matter.
    answers = at_once(lambda load: post(poster, load), loads)
    for load, answer in zip(loads, answers, strict=True):
        day.keep(load, answer)
    market = {load.seq for load in loads}
    day.on_market = [market for _ in drivers]
    say(f"{len(loads)} loads posted")
    _complete_steadily(drivers)
    say(f"{len(drivers)} drops completed")
    at_once(_fetch_search, drivers)
    at_once(fetch_offers, drivers)
    offered = {offer["id"] for driver in drivers for offer in driver.offers}
    _wait(lambda: _has_rung(phones, offered), "pushes")
    say(f"{len(offered)} offers pushed")
    for driver in drivers:
        day.lost_races += accept_best(driver)
    return day, phones


def _complete_steadily(drivers: Sequence[Driver]) -> None:
    started = time.monotonic()
    for number, driver in enumerate(drivers):
        time.sleep(max(started + number / DROPS_PER_S - time.monotonic(), 0))
        driver.complete()


def answer_at_once(driver: Driver, phones: Phones) -> None:
    """Complete the driver's drop; wait for its search, its offers and their pushes.

    Raises: Refused, NeverCame.
    """
    driver.complete()
    _fetch_search(driver)
    fetch_offers(driver)
    if driver.offers:
        first = {driver.offers[0]["id"]}
        _wait(lambda: _has_rung(phones, first), f"push for {driver.target}")


def _has_rung(phones: Phones, offer_ids: set[str]) -> bool:
    phones.look()
    return offer_ids <= phones.offer_ids


def _fetch_search(driver: Driver) -> None:
    """Wait for the search of this drop; note it and the loads it ranked."""

    def is_there() -> bool:
        # A load that was posted meanwhile may have woken a newer search.
        newest = driver.client.need("GET", "/v1/backhaul-searches?limit=9")["data"]
        of_drop = [each for each in newest if each["stop_id"] == driver.last_stop_id]
        driver.search = of_drop[0] if of_drop else {}
        return bool(of_drop)

    _wait(is_there, f"search for {driver.target}")
    if driver.search["counts"].get("ranked"):
        path = f"/v1/backhaul-searches/{driver.search['id']}"
        ranked = driver.client.need("GET", path)["ranked"]
        driver.ranked = {each["candidate"]["load_id"]: each for each in ranked}


def fetch_offers(driver: Driver) -> None:
    """Note the driver's open offers, best first."""
    path = f"/v1/offers?is_open=true&limit={PAGE}"
    offers = driver.client.need("GET", path)["data"]
    driver.offers = sorted(
        offers, key=lambda offer: (-offer["score_cents"], offer["rank"])
    )


def accept_best(driver: Driver) -> int:
    """Accept the best offer, or the next one the server names if a load is taken.

    Returns how many offers were taken by another driver.

    Raises: Refused if the answer is neither 200 nor 410 `offer-taken`.
    """
    offer, late = driver.offers[0] if driver.offers else None, 0
    if offer is not None:
        driver.locate()
    while offer is not None:
        path = f"/v1/offers/{offer['id']}/acceptance"
        answer = driver.client.call("PUT", path)
        if answer.status == 200:
            driver.won = offer
            return late
        if answer.status != 410 or answer["code"] != "offer-taken":
            raise Refused(f"PUT {path}: {answer.status} {answer.body}")
        offer, late = answer["next_offer"], late + 1
    return late


def _wait(is_there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_there():
        if time.monotonic() > deadline:
            raise NeverCame(f"no {what} in {PATIENCE_S:.0f} s")
        time.sleep(LOOK_EVERY_S)


def searched_after_ms(driver: Driver) -> tuple[float, float]:
    """Return when the driver's search began and when it was recorded.

    Both in ms since the completion was sent; all processes use this machine's clock.
    """
    began = datetime.fromisoformat(driver.search["searched_at"]).timestamp()
    began_ms = (began - driver.completed_at) * 1000
    return began_ms, began_ms + sum(driver.search["timings"].values())
