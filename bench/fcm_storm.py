"""Thousands of offers while FCM misbehaves: `python -m bench.fcm_storm`."""

import json
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session

from bench.crowd import Crowd, Person
from bench.queue import time_passes, until_idle
from bench.report import Bar, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from bench.supervising import supervised
from local.processes import SETTLED_S
from models.people.organisations import OrganisationKind
from notifications import outbox
from notifications.gateway import QUOTA_WAIT_S, SOONEST_RETRY_S
from notifications.messages import MessageKind

DRIVERS_EACH = 100
BATCH = 500
STEP_S = 10.0
"""Less than any Retry-After, so that a request that comes too early is noticed."""

ON_ITS_WAY_S = 2.0
"""A worker asks whether a push has expired, then sends it: so long after the expiry a
request may come in. Less than any wait, so that a request too many is noticed."""

HASTY = "unavail9-"
HASTY_LIFE_S = 40
GONE = "unreg-"
TROUBLES = (
    *(HASTY, GONE, "quota1-12-", "quota1-", "quotadate1-15-", "unavail1-", "unavail2-"),
    *("slow-2-", "reset1-", "html1-", "cut1-", "cutok1-"),
)
"""Beginnings of push targets that make the fake FCM fail; see `demo/fcm/answers.py`.
HASTY offers expire while FCM still answers 503."""

TROUBLED_SHARE = 0.25


@dataclass(frozen=True)
class Size:
    """How many offers, and how often the worker is killed while they are sent."""

    offers: int
    kills: int


FULL = Size(offers=6_000, kills=5)
QUICK = Size(offers=48, kills=0)


@dataclass(frozen=True)
class Owed:
    """One offer, of which one phone must get a push."""

    driver: Person
    offer_id: UUID
    target: str
    life_s: float


@dataclass
class Hours:
    """The bench's clock: the machine's time and the steps that a quick form skipped."""

    url: str
    skipped_at: list[float] = field(default_factory=list)

    def skip(self) -> None:
        if (at := time_passes(self.url, STEP_S)) is not None:
            self.skipped_at.append(at)

    def of(self, at: float) -> float:
        return at + STEP_S * sum(skipped <= at for skipped in self.skipped_at)


def make_offers(crowd: Crowd, number: int) -> list[Owed]:
    """Make drivers with an offer and a phone each; FCM fails for a quarter of these."""
    broker = crowd.company(OrganisationKind.BROKER)
    load, _ = crowd.load(broker.desk)
    troubled = round(number * TROUBLED_SHARE)
    owed: list[Owed] = []
    while len(owed) < number:
        size = min(DRIVERS_EACH, number - len(owed))
        carrier = crowd.company(OrganisationKind.CARRIER, drivers=size)
        for person in carrier.drivers:
            assert person.driver is not None
            search = crowd.carried(broker.desk, person.driver)
            offer = crowd.offer(search, load, 1, "created")
            offer["sent_at"] = None
            place = len(owed)
            trouble = TROUBLES[place % len(TROUBLES)] if place < troubled else "ok-"
            life_s = HASTY_LIFE_S if trouble == HASTY else 7200
            target = f"{trouble}{person.device_id}"
            owed.append(Owed(person, offer["id"], target, life_s))
    crowd.settle()
    with psycopg.connect(crowd.database_url) as connection:
        connection.cursor().executemany(
            "update devices set target = %s where id = %s",
            [(each.target, each.driver.device_id) for each in owed],
        )
    return owed


def enqueue_all(url: str, owed: Sequence[Owed], seed: int) -> dict[UUID, float]:
    """Put every push into the outbox as the product does, short-lived ones first.

    Returns when each offer expires, in seconds since the epoch.
    """
    ordered = list(owed)
    Random(seed).shuffle(ordered)
    ordered.sort(key=lambda each: each.life_s)
    expiries = {}
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    for first in range(0, len(ordered), BATCH):
        with Session(engine) as session, session.begin():
            for each in ordered[first : first + BATCH]:
                expires_at = datetime.now(UTC) + timedelta(seconds=each.life_s)
                expiries[each.offer_id] = expires_at.timestamp()
                outbox.put(
                    session,
                    [each.driver.member["id"]],
                    MessageKind.OFFER,
                    each.offer_id,
                    expires_at=expires_at,
                )
    engine.dispose()
    return expiries


def play(
    rig: Rig, size: Size, seed: int, log: Path
) -> tuple[dict[str, Any], list[Bar]]:
    """Send all pushes while FCM misbehaves; return figures and bars."""
    url = rig.env["DATABASE_URL"]
    owed = make_offers(Crowd(rig, seed), size.offers)
    hours, started = Hours(url), time.monotonic()
    say(f"{len(owed)} offers; FCM fails for {TROUBLED_SHARE:.0%} of their phones")
    with supervised(rig.processes):
        expiries = enqueue_all(url, owed, seed)
        for _ in range(size.kills):
            time.sleep(SETTLED_S + 2)
            os.kill(rig.processes.running["worker"].pid, signal.SIGKILL)
        until_idle(url, hurry=None if size.kills else hours.skip)
    seconds = time.monotonic() - started
    requests = [json.loads(line) for line in log.read_text().splitlines()]
    figures = _judge(url, owed, expiries, requests, hours)
    figures["seconds"] = round(seconds, 1)
    bars = [
        Bar("pushes_lost", 0, figures["lost"], is_ceiling=True),
        Bar("retry_after_undercut", 0, figures["undercut"], is_ceiling=True),
        Bar("dead_devices_wrong", 0, figures["dead_wrong"], is_ceiling=True),
        Bar("sent_after_expiry", 0, figures["late"], is_ceiling=True),
        Bar("requests_per_offer", 1.3, figures["requests_per_offer"], is_ceiling=True),
    ]
    return figures, bars


def _judge(
    url: str,
    owed: Sequence[Owed],
    expiries: Mapping[UUID, float],
    requests: Sequence[dict[str, Any]],
    hours: Hours,
) -> dict[str, Any]:
    """Compare the fake FCM's log with the owed pushes and with the database."""
    by_target = defaultdict(list)
    for request in requests:
        by_target[request["target"]].append(request)
    with psycopg.connect(url) as connection:
        kept = {
            row[0]: row[1:]
            for row in connection.execute(
                "select p.subject_id, p.status, p.outcome, d.dead_at is not null"
                " from pushes p join devices d on d.id = p.device_id"
            )
        }
    lost = late = dead_wrong = waits = undercut = 0
    for each in owed:
        status, outcome, is_dead = kept[each.offer_id]
        mine = by_target[each.target]
        is_gone = each.target.startswith(GONE)
        ends = {"accepted"} if any(m["is_delivered"] for m in mine) else set()
        ends |= {"dead_device"} if is_gone else set()
        if each.target.startswith(HASTY) and outcome == "expired":
            ends |= {"dropped"}
        lost += status not in ends
        dead_wrong += is_dead != is_gone
        last_at = expiries[each.offer_id] + ON_ITS_WAY_S
        late += sum(hours.of(m["at"]) > last_at for m in mine)
        for before, after in pairwise(mine):
            waits += before["status"] == 429
            undercut += hours.of(after["at"]) < _not_before(before, hours)
    return {
        "offers": len(owed),
        "requests": len(requests),
        "requests_per_offer": round(len(requests) / len(owed), 3),
        "lost": lost,
        "late": late,
        "dead": sum(is_dead for _, _, is_dead in kept.values()),
        "dead_wrong": dead_wrong,
        "refused_with_429_and_tried_again": waits,
        "undercut": undercut,
        "expired": sum(outcome == "expired" for _, outcome, _ in kept.values()),
        "seconds_skipped": STEP_S * len(hours.skipped_at),
    }


def _not_before(request: dict[str, Any], hours: Hours) -> float:
    """Return the earliest time at which the next request to this phone is allowed."""
    answered_at = hours.of(request["answered_at"])
    asked: str | None = request["retry_after"]
    if asked is None:
        wait_s = QUOTA_WAIT_S if request["status"] == 429 else SOONEST_RETRY_S
    elif asked.isdigit():
        wait_s = max(float(asked), SOONEST_RETRY_S)
    else:
        until = parsedate_to_datetime(asked).timestamp()
        wait_s = max(until - request["answered_at"], SOONEST_RETRY_S)
    return answered_at + wait_s


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `bench.running.run` for the exit code."""
    options = parser_of("fcm_storm", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with TemporaryDirectory(prefix="backhaul-storm-") as folder:
            log = Path(folder) / "fcm.jsonl"
            with set_up({}, fcm_log=log) as rig:
                figures, bars = play(rig, size, options.seed, log)
                return line_of(rig, options, figures, bars, kills=size.kills)

    return run("fcm_storm", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
