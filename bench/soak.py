"""The demo's day again and again, to see what grows: `python -m bench.soak`."""

import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from math import ceil
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, LiteralString

import psycopg

from bench.idempotency import workers_of
from bench.queue import jobs_left, until_idle
from bench.report import Bar, say, versions_of
from bench.running import BREAKS, Line, parser_of, run
from demo.client import Unexpected
from demo.day import AT_ONCE, Day, Ready
from demo.phones import Phones
from demo.play import Play
from demo.rig import Rig, database, running
from demo.road import utcnow
from demo.seeding import Trucker, due_now, found_companies, hire_trucker, post_all
from demo.telling import Teller
from local.processes import Processes
from market import fleet, headhaul, market
from runtime.config import Settings
from runtime.errors import CannotStart

ROUND_S = 20.0
"""Seconds in which the demo plays one day of its trucks."""

MOST_OPEN_S = 60.0
MOST_GROWTH = 0.05
SAMPLES_AT_LEAST = 8
TOKENS_LIVE_S = "86400"
PAGE = os.sysconf("SC_PAGE_SIZE")

LOOK: LiteralString = """
    select (select coalesce(max(extract(epoch from now() - xact_start)), 0)::float8
              from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()),
           (select coalesce(max(extract(epoch from now()
                     - greatest(j.scheduled_at, e.at))), 0)::float8
              from procrastinate_jobs j
              join procrastinate_events e on e.job_id = j.id and e.type = 'deferred'
             where j.status = 'todo'
               and (j.scheduled_at is null or j.scheduled_at <= now())),
           (select count(*) from procrastinate_jobs where status = 'succeeded'),
           (select count(*) from procrastinate_jobs where status = 'failed'),
           (select count(*) from procrastinate_jobs)
"""


@dataclass(frozen=True)
class Size:
    """How large the market is, and how often processes and database are sampled.

    most_job_growth_s: how much older the oldest job that is due may become. A quick
        form runs beside other work, so its jobs may wait longer.
    """

    loads: int
    trucks: int
    look_every_s: float
    most_job_growth_s: float


FULL = Size(loads=1_500, trucks=24, look_every_s=5.0, most_job_growth_s=1.0)
QUICK = Size(loads=60, trucks=3, look_every_s=0.3, most_job_growth_s=60.0)


class Silent(Teller):
    """Prints nothing of the demo's, as the bench prints its own progress."""

    def _print(self, margin: str, text: str) -> None:
        return


@dataclass
class Samples:
    """The values of each look: resident MiB by process, seconds, counts."""

    rss_mib: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    open_s: list[float] = field(default_factory=list)
    oldest_job_s: list[float] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    failed: int = 0
    jobs: list[int] = field(default_factory=list)

    def growth(self, values: Sequence[float]) -> float:
        """Return the median of the last quarter less that of the third quarter."""
        quarter = len(values) // 4
        third, last = values[2 * quarter : 3 * quarter], values[3 * quarter :]
        return median(last) - median(third)

    def rss_growth(self) -> dict[str, float]:
        return {
            name: round(self.growth(values) / median(values), 4)
            for name, values in self.rss_mib.items()
        }


def rss_mib(processes: Processes) -> dict[str, float]:
    """Return the resident MiB of Granian, its workers and the job process."""
    web = processes.running["web"].pid
    pids = {"granian": web, "worker": processes.running["worker"].pid}
    pids |= {f"web {n}": pid for n, pid in enumerate(sorted(workers_of(web)), 1)}
    return {
        name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20
        for name, pid in pids.items()
    }


@contextmanager
def looking(rig: Rig, url: str, every_s: float) -> Iterator[Samples]:
    """Sample processes and database every `every_s` seconds, until the block ends."""
    samples, stopping = Samples(), threading.Event()

    def look() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stopping.wait(every_s):
                for name, mib in rss_mib(rig.processes).items():
                    samples.rss_mib[name].append(mib)
                row = connection.execute(LOOK).fetchone()
                assert row is not None
                samples.open_s.append(row[0])
                samples.oldest_job_s.append(row[1])
                samples.finished.append(row[2])
                samples.failed = row[3]
                samples.jobs.append(row[4])

    looker = threading.Thread(target=look, name="looker")
    looker.start()
    try:
        yield samples
    finally:
        stopping.set()
        looker.join()


def hire(play: Play, trucks: int, seed: int) -> list[Trucker]:
    """Hire all truckers beforehand, as hashing passwords takes memory of its own."""

    def one(numbered: tuple[int, Any]) -> Trucker:
        number, truck = numbered
        return hire_trucker(play.carriers[number % len(play.carriers)], truck)

    numbers = count(10_001)
    made = [
        replace(truck, unit_number=str(next(numbers)))
        for truck in fleet(trucks, seed=seed)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, enumerate(made)))


def play_round(play: Play, truckers: Sequence[Trucker], size: Size, seed: int) -> None:
    """Post new loads, give each truck its first load, and play their day."""
    for posted in post_all(play.shippers, market(size.trucks, seed=seed, now=utcnow())):
        play.posted[posted.id] = posted
    ready = []
    for number, trucker in enumerate(truckers):
        now = utcnow()
        haul = due_now(headhaul(trucker.truck, seed, now), now)
        posted = play.dispatch(trucker, number % len(play.shippers), haul)
        ready.append(Ready(trucker, posted, Random(f"soak {seed} {number}")))
    Day(play, ready, ROUND_S if size is FULL else 1.0).run()


def soak(
    rig: Rig, url: str, size: Size, minutes: float, seed: int
) -> tuple[dict[str, Any], list[Bar]]:
    """Play rounds for `minutes`; return figures and bars."""
    carriers, shippers = found_companies(rig)
    with Phones(rig.fcm_url) as phones:
        play = Play(rig, phones, Silent(), carriers, shippers)
        for posted in post_all(shippers, market(size.loads, seed=seed, now=utcnow())):
            play.posted[posted.id] = posted
        is_full = size is FULL
        rounds = ceil(minutes * 60 / ROUND_S) if is_full else 3
        hired = hire(play, rounds * size.trucks, seed)
        say(f"{size.loads} loads, {len(hired)} trucks, {minutes:g} minutes")
        ends_at, played = time.monotonic() + minutes * 60, 0
        with looking(rig, url, size.look_every_s) as samples:
            # A quick form plays its rounds, however long they take.
            while played < rounds and (time.monotonic() < ends_at or not is_full):
                mine = hired[played * size.trucks : (played + 1) * size.trucks]
                play_round(play, mine, size, seed + played + 1)
                played += 1
                if played % 6 == 0:
                    say(f"{played} rounds, {len(play.ledger.wins)} wins")
        until_idle(url)
        return _conclude(play, samples, size, played, jobs_left(url))


def _conclude(
    play: Play, samples: Samples, size: Size, rounds: int, left: int
) -> tuple[dict[str, Any], list[Bar]]:
    grown = samples.rss_growth()
    figures = {
        "rounds": rounds,
        "drops": len(play.ledger.drops),
        "wins": len(play.ledger.wins),
        "fixes": play.ledger.fixes_kept,
        "looks": len(samples.open_s),
        "rss_mib_median_of_last_quarter": {
            name: round(median(values[-(len(values) // 4) :]), 1)
            for name, values in samples.rss_mib.items()
        },
        "rss_growth": grown,
        "oldest_job_s_max": round(max(samples.oldest_job_s), 2),
        "jobs_failed": samples.failed,
        "jobs_kept_at_most": max(samples.jobs),
        "jobs_left": left,
    }
    bars = [
        Bar("rss_growth", MOST_GROWTH, max(grown.values()), is_ceiling=True),
        Bar(
            "oldest_job_growth_s",
            size.most_job_growth_s,
            round(samples.growth(samples.oldest_job_s), 2),
            is_ceiling=True,
        ),
        Bar(
            "open_transaction_s",
            MOST_OPEN_S,
            round(max(samples.open_s), 1),
            is_ceiling=True,
        ),
        Bar("finished_jobs_kept", 0, max(samples.finished), is_ceiling=True),
        Bar("looks", SAMPLES_AT_LEAST, len(samples.open_s)),
    ]
    return figures, bars


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `bench.running.run` for the exit code."""
    parser = parser_of("soak", __doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    options = parser.parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        # The demo's people do not refresh their tokens.
        os.environ["ACCESS_TOKEN_TTL_S"] = TOKENS_LIVE_S
        settings = Settings.from_env(os.environ)
        with (
            database(settings) as (name, url),
            running(settings, name, url) as rig,
        ):
            minutes = 1.0 if options.quick else options.minutes
            figures, bars = soak(rig, url, size, minutes, options.seed)
            params = {"seed": options.seed, "is_quick": options.quick}
            given = params | {"minutes": minutes}
            return Line(given, figures, bars, versions_of(url))

    return run("soak", play_on_rig, breaks=(*BREAKS, Unexpected, CannotStart))


if __name__ == "__main__":
    sys.exit(main())
