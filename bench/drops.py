"""Drivers who have arrived at a drop far from home, loads to take home, and requests
that are sent until they are answered."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from uuid import UUID

from bench.client import Answer, Client, Refused
from bench.crowd import CHICAGO, NEW_YORK, Crowd, Person
from bench.patience import PATIENCE_S
from models.people.organisations import OrganisationKind

DRIVERS_EACH = 50
PAUSE_S = 0.1
AGAIN = {500, 503}


@dataclass(frozen=True)
class Drop:
    """A driver who has arrived at the drop of a load."""

    driver: Person
    stop_id: UUID


@dataclass
class Tally:
    """Counts the answers that the phones got. Safe to share between threads."""

    seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str) -> None:
        with self._lock:
            self.seen[what] += 1


def make_drops(crowd: Crowd, drivers: int, loads: int) -> list[Drop]:
    """Write drivers from Chicago who have arrived in New York, and posted loads back.

    The loads go from New York to Chicago.
    """
    shipper = crowd.company(OrganisationKind.SHIPPER)
    for _ in range(loads):
        crowd.load(shipper.desk)
    made: list[Drop] = []
    while len(made) < drivers:
        size = min(DRIVERS_EACH, drivers - len(made))
        carrier = crowd.company(OrganisationKind.CARRIER, size, at=NEW_YORK)
        for person in carrier.drivers:
            assert person.driver is not None
            load, (_, last) = crowd.load(
                shipper.desk,
                "at_delivery",
                stops=("departed", "arrived"),
                ends=(crowd.near(CHICAGO), crowd.near(NEW_YORK)),
            )
            crowd.assign(person.driver, load)
            person.driver["availability"] = "on_load"
            made.append(Drop(person, last["id"]))
    crowd.settle()
    return made


def complete(drop: Drop, tally: Tally) -> Answer:
    """Complete the drop; repeat the same request until it is answered.

    Raises: Refused.
    """
    body = {"occurred_at": datetime.now(UTC).isoformat()}
    path = f"/v1/stops/{drop.stop_id}/completion"
    return insist(drop.driver.client, tally, "PUT", path, body)


def insist(
    client: Client, tally: Tally, method: str, path: str, body: object = None
) -> Answer:
    """Send a repeatable request until it gets an answer whose status is not in AGAIN.

    Raises: Refused, if there is no such answer in PATIENCE_S.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            answer = client.call(method, path, body)
        except (OSError, HTTPException):
            tally.note("no answer")
        else:
            tally.note(str(answer.status))
            if answer.status not in AGAIN:
                return answer
        time.sleep(PAUSE_S)
    raise Refused(f"No answer to {method} {path} in {PATIENCE_S:.0f} s.")
