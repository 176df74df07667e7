"""One caller far over his limit, others beside him: `python -m bench.limits`."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from math import ceil

from bench.client import Client, Refused
from bench.report import Bar, print_line, say, versions_of
from bench.stage import PASSWORD, CannotStage, Stage, staged
from embedded import EmbeddedServerError
from processes import ProcessEnded, stop_on_signals

QUOTA = 60
"""In a minute: one comes back each second."""

PEOPLE = 8
EACH = 40
PAUSE_S = 0.25
HANDS = 4
"""Connections of the one who is over his limit; each asks without a pause."""

MOST_P99_FACTOR = 2.0
"""How much longer the others' slowest answers may take beside him than alone."""

EXPECTED = (
    *(CannotStage, Refused, ProcessEnded, EmbeddedServerError),
    *(OSError, HTTPException),
)


@dataclass
class Asked:
    """What some callers heard, and how long each answer took."""

    statuses: Counter[int] = field(default_factory=Counter)
    ms: list[float] = field(default_factory=list)

    def ask(self, client: Client) -> None:
        started = time.perf_counter()
        status = client.call("GET", "/v1/me").status
        self.ms.append((time.perf_counter() - started) * 1000)
        self.statuses[status] += 1

    def p(self, percent: int) -> float:
        ordered = sorted(self.ms)
        return round(ordered[max(ceil(percent / 100 * len(ordered)) - 1, 0)], 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; return 1 if a bar is not met, 2 if it broke."""
    parser = argparse.ArgumentParser(prog="bench.limits", description=__doc__)
    parser.parse_args(argv)
    stop_on_signals()
    try:
        with staged({"LIMIT_PERSON_PER_MIN": str(QUOTA)}) as stage:
            # The first answers wait for connections to the database.
            _others(_people(stage, 0))
            alone = _others(_people(stage, 1))
            beside, greedy, played_s = _beside(stage, _people(stage, 2))
            versions = versions_of(stage.env["DATABASE_URL"])
    except KeyboardInterrupt:
        return 130
    except EXPECTED as error:
        say(f"The bench broke: {error}")
        return 2
    expected = QUOTA + int(played_s * QUOTA / 60)
    figures = {
        "others_alone_ms_p50": alone.p(50),
        "others_alone_ms_p99": alone.p(99),
        "others_beside_ms_p50": beside.p(50),
        "others_beside_ms_p99": beside.p(99),
        "greedy_requests": greedy.statuses.total(),
        "greedy_allowed": greedy.statuses[200],
        "greedy_expected": expected,
        "greedy_ms_p50": greedy.p(50),
    }
    wrong = (alone.statuses + beside.statuses).total() - 2 * PEOPLE * EACH
    wrong += sum(n for s, n in beside.statuses.items() if s != 200)
    factor = round(beside.p(99) / alone.p(99), 2)
    bars = [
        Bar("others_refused", 0, abs(wrong), is_ceiling=True),
        Bar("others_p99_factor", MOST_P99_FACTOR, factor, is_ceiling=True),
        Bar("quota_error", 1, abs(greedy.statuses[200] - expected), is_ceiling=True),
    ]
    params = {"quota_per_min": QUOTA, "people": PEOPLE, "hands": HANDS, "seed": 1}
    print_line("limits", params, figures, bars, versions=versions)
    return 0 if all(bar.met for bar in bars) else 1


def _people(stage: Stage, number: int) -> list[Client]:
    boss = stage.create_company("carrier", number, "dispatcher")
    people = []
    for index in range(PEOPLE):
        email = f"person{number}-{index}@example.com"
        member = {"name": email, "email": email, "password": PASSWORD}
        boss.need("POST", "/v1/members", member | {"roles": ["dispatcher"]})
        people.append(stage.web.signed_in(email, PASSWORD))
    return people


def _others(people: Sequence[Client]) -> Asked:
    """Let everybody ask now and then, well below his limit."""
    asked = Asked()

    def one(client: Client) -> None:
        for _ in range(EACH):
            asked.ask(client)
            time.sleep(PAUSE_S)

    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(one, people))
    return asked


def _beside(stage: Stage, people: Sequence[Client]) -> tuple[Asked, Asked, float]:
    """Do the same beside somebody who never stops; return what both heard."""
    hog = stage.create_company("shipper", 0, "shipper")
    greedy = Asked()
    is_over = False

    def grab(_: int) -> None:
        while not is_over:
            greedy.ask(hog)

    started = time.monotonic()
    with ThreadPoolExecutor(HANDS) as pool:
        hands = [pool.submit(grab, number) for number in range(HANDS)]
        try:
            asked = _others(people)
        finally:
            is_over = True
        for hand in hands:
            hand.result()
    return asked, greedy, time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
