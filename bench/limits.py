"""One caller far over the limit, and others beside them: `python -m bench.limits`."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil

from bench.client import Client
from bench.crowd import Crowd
from bench.report import Bar
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from freight.roles import Role
from models.people.organisations import OrganisationKind

QUOTA = 60
"""Requests per minute: one more is allowed each second."""

PEOPLE = 8
EACH, EACH_QUICK = 40, 8
PAUSE_S = 0.25
HANDS = 4
"""Connections of the caller who is over the limit; each asks without a pause."""

MOST_P99_FACTOR = 2.0
"""How many times longer the others' slowest answers may take beside that caller."""


@dataclass
class Asked:
    """The statuses that some callers got, and how long each answer took."""

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
    """Play and print the line; see `running.run`."""
    options = parser_of("limits", __doc__, has_seed=False).parse_args(argv)

    def play_on_rig() -> Line:
        with set_up({"LIMIT_PERSON_PER_MIN": str(QUOTA)}) as rig:
            figures, bars = play(rig, EACH_QUICK if options.quick else EACH)
            params = {"quota_per_min": QUOTA, "people": PEOPLE, "hands": HANDS}
            return line_of(rig, options, figures, bars, **params)

    return run("limits", play_on_rig)


def play(rig: Rig, each: int) -> tuple[dict[str, object], list[Bar]]:
    """Ask alone, then beside a caller over the limit; return figures and bars."""
    crowd = Crowd(rig)
    # Warm-up: the first requests open the connections to the database.
    _others(_people(crowd), each)
    alone = _others(_people(crowd), each)
    beside, greedy, played_s = _beside(rig, _people(crowd), each)
    expected = QUOTA + int(played_s * QUOTA / 60)
    figures: dict[str, object] = {
        "others_alone_ms_p50": alone.p(50),
        "others_alone_ms_p99": alone.p(99),
        "others_beside_ms_p50": beside.p(50),
        "others_beside_ms_p99": beside.p(99),
        "greedy_requests": greedy.statuses.total(),
        "greedy_allowed": greedy.statuses[200],
        "greedy_expected": expected,
        "greedy_ms_p50": greedy.p(50),
    }
    wrong = (alone.statuses + beside.statuses).total() - 2 * PEOPLE * each
    wrong += sum(n for s, n in beside.statuses.items() if s != 200)
    factor = round(beside.p(99) / alone.p(99), 2)
    return figures, [
        Bar("others_refused", 0, abs(wrong), is_ceiling=True),
        Bar("others_p99_factor", MOST_P99_FACTOR, factor, is_ceiling=True),
        Bar("quota_error", 1, abs(greedy.statuses[200] - expected), is_ceiling=True),
    ]


def _people(crowd: Crowd) -> list[Client]:
    company = crowd.company(OrganisationKind.CARRIER)
    people = [crowd.person(company.id, [Role.DISPATCHER]) for _ in range(PEOPLE)]
    crowd.settle()
    return [person.client for person in people]


def _others(people: Sequence[Client], each: int) -> Asked:
    """Let each person ask `each` times with pauses, well below the limit."""
    asked = Asked()

    def one(client: Client) -> None:
        for _ in range(each):
            asked.ask(client)
            time.sleep(PAUSE_S)

    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(one, people))
    return asked


def _beside(
    rig: Rig, people: Sequence[Client], each: int
) -> tuple[Asked, Asked, float]:
    """Do the same beside a caller who asks without a pause.

    Returns the answers of the others and of that caller, and the seconds it took.
    """
    hog = rig.create_company("shipper", 0, "shipper")
    greedy = Asked()
    is_over = False

    def grab(_: int) -> None:
        while not is_over:
            greedy.ask(hog)

    started = time.monotonic()
    with ThreadPoolExecutor(HANDS) as pool:
        hands = [pool.submit(grab, number) for number in range(HANDS)]
        try:
            asked = _others(people, each)
        finally:
            is_over = True
        for hand in hands:
            hand.result()
    return asked, greedy, time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
