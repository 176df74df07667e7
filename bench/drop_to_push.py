"""The time from a completed drop to the push, on a market of a million loads:
`python -m bench.drop_to_push`."""

import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg

from bench.crowd import Crowd
from bench.day import NeverCame, Phones
from bench.hauls import Drop, Truck, complete_steadily, hire
from bench.patience import PATIENCE_S
from bench.report import Bar, percentiles, say
from bench.rig import Rig, set_up
from bench.running import BREAKS, Line, line_of, parser_of, run
from bench.usage import rss_mb
from geo.roads import Highways
from jobs.work import slots
from local.processes import worker_argv
from market.board import write_board
from runtime.config import Settings
from services.people.passwords import NOBODY

ORGS = 200
PER_S = 5.0
MOST_ANSWER_MS_P95, MOST_PUSH_MS_P95 = 25.0, 150.0
CROWD_PER_S = 20.0
CROWD_WORKERS = 2
"""One for each core: a process runs Python on one core at a time."""

HIGHER, BETWEEN, LOWER = (40.0, 80.0), (15.0, 10.0), (3.0, 2.0, 1.0)
"""Rates per second, tried in this order: HIGHER, BETWEEN if `CROWD_PER_S` is too much,
LOWER if `PER_S` is."""

WARM_UP_S = 4.0
"""Played at `PER_S` and not counted: the first requests open connections and make
query plans."""

MOST_MS_IN_A_CROWD = 2000.0
LOST_AFTER_S = 120.0
"""How long the jobs of one play may take after its last completion. Jobs that are left
then count as lost, and nothing more is played. A bar counts them, so this limit is a
part of what is measured, unlike `bench.patience`."""

LOOK_EVERY_S = 0.1

WAITING: LiteralString = """
    select count(*) from procrastinate_jobs
    where task_name in ('search.run', 'push.send') and status in ('todo', 'doing')
"""
LISTENING: LiteralString = "select count(*) from procrastinate_workers"
SEARCHES: LiteralString = """
    select s.stop_id::text, s.outcome, extract(epoch from s.searched_at)::float,
        (s.timings->>'search_ms')::float, (s.timings->>'record_ms')::float,
        (s.counts->>'considered')::int,
        (select count(*) from offers o where o.search_id = s.id)
    from backhaul_searches s where s.stop_id = any(%s::uuid[])
"""


OF_A_STEP = (
    *("answer_ms_p95", "search_began_ms_p95", "push_ms_p50", "push_ms_p95"),
    *("client_late_ms_max", "lost"),
)


@dataclass(frozen=True)
class Size:
    """How much is played.

    loads: on the market.
    seconds: at `PER_S`, and then at `CROWD_PER_S`.
    rate_s: seconds at each other rate; 0 tries none.
    """

    loads: int
    seconds: float
    rate_s: float

    @property
    def trucks(self) -> int:
        tried = sum(HIGHER) * self.rate_s
        steady = (PER_S + CROWD_PER_S) * self.seconds
        return round(PER_S * WARM_UP_S + steady + tried)


FULL = Size(loads=1_000_000, seconds=60.0, rate_s=15.0)
QUICK = Size(loads=2_000, seconds=4.0, rate_s=0.0)


@dataclass(frozen=True)
class Search:
    """The server's record of a drop's search."""

    outcome: str
    searched_at: float
    search_ms: float | None
    record_ms: float | None
    considered: int | None
    offers: int


@dataclass(frozen=True)
class Played:
    """Completions at one rate, and what followed.

    searches: by the id of the drop.
    rang_at: when each phone got its first offer, by target.
    ended_at: when the bench stopped waiting for pushes.
    jobs_left: how many jobs were not done then.
    """

    drops: Sequence[Drop]
    searches: dict[str, Search]
    rang_at: dict[str, float]
    ended_at: float
    jobs_left: int = 0

    @property
    def push_ms(self) -> list[float]:
        """Milliseconds from each completion's due time to its first push at FCM's fake.

        For a lost drop, the time until `ended_at`, as the true time is longer.
        """
        return [
            (self.rang_at.get(drop.truck.target, self.ended_at) - drop.due_at) * 1000
            for drop in self.drops
            if drop.truck.target in self.rang_at or self._is_lost(drop)
        ]

    @property
    def lost(self) -> int:
        """The number of lost drops."""
        return sum(self._is_lost(drop) for drop in self.drops)

    def _is_lost(self, drop: Drop) -> bool:
        """Say whether the drop was refused, not searched, or has offers but no push."""
        found = self.searches.get(drop.truck.stop_id)
        is_told = drop.truck.target in self.rang_at
        return drop.status != 200 or found is None or (found.offers > 0 and not is_told)

    def figures(self) -> dict[str, Any]:
        found = list(self.searches.values())
        of_stop = {drop.truck.stop_id: drop for drop in self.drops}
        begun = [
            (each.searched_at - of_stop[stop_id].due_at) * 1000
            for stop_id, each in self.searches.items()
        ]
        search_ms = [
            search.search_ms for search in found if search.search_ms is not None
        ]
        record_ms = [
            search.record_ms for search in found if search.record_ms is not None
        ]
        considered = [
            search.considered for search in found if search.considered is not None
        ]
        late = [drop.sent_at - drop.due_at for drop in self.drops]
        answers = [drop.answer_ms for drop in self.drops]
        with_offers = sum(search.offers > 0 for search in found)
        return {
            "drops": len(self.drops),
            "share_with_offers": round(with_offers / len(self.drops), 3),
            "outcomes": dict(Counter(search.outcome for search in found)),
            **percentiles("answer_ms", answers, (50, 95, 99)),
            **percentiles("push_ms", self.push_ms, (50, 95, 99)),
            **percentiles("search_began_ms", begun),
            **percentiles("search_ms", search_ms),
            **percentiles("record_ms", record_ms),
            **percentiles("considered", considered),
            "client_late_ms_max": round(max(late) * 1000, 1),
            "jobs_left": self.jobs_left,
        }


class Street:
    """Plays completions on a rig, and reads what followed from them."""

    def __init__(self, rig: Rig, trucks: Sequence[Truck]) -> None:
        self.rig = rig
        self.phones = Phones(rig.fcm)
        self._trucks = iter(trucks)

    def play(self, per_s: float, seconds: float) -> Played:
        """Let `per_s` trucks a second complete their drops; wait for the jobs of that.

        Waits for LOST_AFTER_S at most.
        """
        trucks = [next(self._trucks) for _ in range(round(per_s * seconds))]
        drops = complete_steadily(trucks, per_s)
        with psycopg.connect(
            self.rig.env["DATABASE_URL"], autocommit=True
        ) as connection:
            jobs_left = self._wait(connection)
            stops = [truck.stop_id for truck in trucks]
            searches = {
                row[0]: Search(*row[1:])
                for row in connection.execute(SEARCHES, [stops])
            }
        self.phones.look()
        return Played(
            drops, searches, dict(self.phones.offers_at), time.time(), jobs_left
        )

    def _wait(self, connection: psycopg.Connection[Any]) -> int:
        until = time.monotonic() + LOST_AFTER_S
        while True:
            (left,) = connection.execute(WAITING).fetchone() or (0,)
            if not left or time.monotonic() > until:
                return int(left)
            time.sleep(LOOK_EVERY_S)


def furnish(rig: Rig, size: Size, seed: int, *, more: int = 0) -> list[Truck]:
    """Write the market and the trucks, with so many more; return the trucks."""
    now = datetime.now(UTC)
    trucks = hire(Crowd(rig, seed), size.trucks + more, seed=seed, now=now)
    say(f"{len(trucks)} trucks stand at their last delivery")
    started = time.monotonic()
    write_market(rig, size.loads, seed, now)
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:
        # Done here, so that no autovacuum begins while the bench measures.
        connection.execute("vacuum (analyze) loads, stops")
        connection.execute("checkpoint")
    say(f"the market took {time.monotonic() - started:.0f} s")
    return trucks


def write_market(rig: Rig, loads: int, seed: int, now: datetime) -> None:
    """Write so many loads of many companies on the market."""
    write_board(
        rig.env["DATABASE_URL"],
        loads=loads,
        trucks=0,
        orgs=ORGS,
        seed=seed,
        now=now,
        password_hash=NOBODY,
        roads=Highways.read(cache_mb=Settings.ROADS_CACHE_MB),
        tell=lambda written: say(f"{written:,} loads are posted"),
    )


def add_workers(rig: Rig, number: int) -> None:
    """Start more workers, and wait until they take jobs."""
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:
        (before,) = connection.execute(LISTENING).fetchone() or (0,)
        queues = len(slots(Settings.WORKER_CONCURRENCY))
        for each in range(number):
            name = f"worker {before // queues + each + 1}"
            rig.processes.start(name, worker_argv(), rig.env)
        deadline = time.monotonic() + PATIENCE_S
        now = before
        while now < before + number * queues:
            if time.monotonic() > deadline:
                raise NeverCame("the other workers do not begin")
            time.sleep(LOOK_EVERY_S)
            (now,) = connection.execute(LISTENING).fetchone() or (0,)


def is_in_time(played: Played) -> bool:
    """Say whether 95 of 100 phones rang within 2 s, and nothing was lost."""
    p95 = percentiles("ms", played.push_ms)["ms_p95"]
    return p95 is not None and p95 < MOST_MS_IN_A_CROWD and not played.lost


def highest_rate(
    street: Street, size: Size, steady: Played, crowd: Played
) -> dict[str, Any]:
    """Return the highest rate at which pushes are in time, and each rate's figures.

    After `PER_S` and `CROWD_PER_S`: tries higher rates until one is too high or, if one
    of those was, lower ones until one is not. The highest rate is 0 if all were too
    high.
    """
    is_up, highest, rates = True, CROWD_PER_S, HIGHER
    if not is_in_time(steady):
        is_up, highest, rates = False, 0.0, LOWER
    elif not is_in_time(crowd):
        is_up, highest, rates = False, PER_S, BETWEEN
    steps = {}
    for rate in rates:
        played = street.play(rate, size.rate_s)
        figures = played.figures() | {"lost": played.lost}
        steps[f"{rate:g}_per_s"] = {name: figures[name] for name in OF_A_STEP}
        say(f"{rate:g} completions/s: {steps[f'{rate:g}_per_s']}")
        if is_in_time(played):
            highest = rate
        if is_in_time(played) is not is_up or played.jobs_left:
            break
    return {"highest_rate_per_s": highest, "rates": steps}


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Play the steady minute, the crowded one, and other rates; return figures, bars.

    Nothing more is played while jobs are left.
    """
    street = Street(rig, furnish(rig, size, seed))
    before = {f"{name}_rss_mb_before": rss_mb(rig, name) for name in ("web", "worker")}
    street.play(PER_S, WARM_UP_S)
    played = street.play(PER_S, size.seconds)
    figures = played.figures() | before
    figures |= {f"{name}_rss_mb": rss_mb(rig, name) for name in ("web", "worker")}
    say(f"{PER_S:g} completions/s: {figures}")
    crowd, crowd_ms = played, LOST_AFTER_S * 1000
    if not played.jobs_left:
        add_workers(rig, CROWD_WORKERS - 1)
        crowd = street.play(CROWD_PER_S, size.seconds)
        crowded = crowd.figures()
        figures |= {f"crowd_{name}": figure for name, figure in crowded.items()}
        crowd_ms = crowded["push_ms_p95"]
        say(f"{CROWD_PER_S:g} completions/s: {crowded}")
    if size.rate_s and not crowd.jobs_left:
        figures |= highest_rate(street, size, played, crowd)
    lost = played.lost + (crowd.lost if crowd is not played else 0)
    return figures, [
        _at_most("answer_ms_p95", MOST_ANSWER_MS_P95, figures["answer_ms_p95"]),
        _at_most("push_ms_p95", MOST_PUSH_MS_P95, figures["push_ms_p95"]),
        _at_most("crowd_push_ms_p95", MOST_MS_IN_A_CROWD, crowd_ms),
        _at_most("drops_lost", 0, lost),
    ]


def _at_most(name: str, limit: float, value: float | None) -> Bar:
    if value is None:
        raise NeverCame(f"there are no values for {name}")
    return Bar(name, limit, value, is_ceiling=True)


def sized(
    name: str, doc: str | None, argv: Sequence[str] | None
) -> tuple[Namespace, Size]:
    """Read the command line of a bench on this market; return it, and how much it
    plays."""
    parser = parser_of(name, doc)
    parser.add_argument("--loads", type=int, help=f"instead of {FULL.loads}")
    options = parser.parse_args(argv)
    size = QUICK if options.quick else FULL
    return options, replace(size, loads=options.loads or size.loads)


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    options, size = sized("drop_to_push", __doc__, argv)

    def play_on_rig() -> Line:
        with set_up({}) as rig:
            figures, bars = play(rig, size, options.seed)
            params = {"loads": size.loads, "per_s": PER_S, "seconds": size.seconds}
            return line_of(rig, options, figures, bars, **params)

    return run("drop_to_push", play_on_rig, breaks=(*BREAKS, NeverCame))


if __name__ == "__main__":
    sys.exit(main())
