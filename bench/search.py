"""The search for a way home on markets of several sizes: `python -m bench.search`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import mean, median
from time import perf_counter, sleep
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Engine, event

from bench import naive
from bench.crowd import Crowd
from bench.hauls import Truck, complete_steadily, hire
from bench.patience import PATIENCE_S
from bench.report import Bar, percentiles, say
from bench.rig import Rig, set_up
from bench.running import BREAKS, Line, line_of, parser_of, run
from bench.usage import rss_mb
from edges.start import connect
from geo.roads import EstimatedRoads
from local.processes import worker_argv
from market.board import write_board
from runtime.config import Settings
from runtime.db import Hand, Session
from runtime.telemetry import start_logging
from services.people.passwords import NOBODY
from services.search.run import SearchRules, search_home

RADIUS_MI = 100
ORGS = 200
COMPLETIONS_PER_S = 40.0
MOST_MS_P50, MOST_MS_P95, MOST_FACTOR, MOST_RSS_MB = 30.0, 120.0, 3.0, 300.0
MOST_SEEDING_S = 120.0
LEAST_BY_FULL_SCAN, LEAST_BY_ONE_END = 20.0, 3.0


class TookTooLong(Exception):
    """The worker did not finish its jobs in PATIENCE_S."""


@dataclass(frozen=True)
class Size:
    """How much is played.

    loads: of each market.
    searches: on each market.
    naive: loads and situations of each market for the comparison with naive ways.
    """

    loads: tuple[int, ...]
    searches: int
    naive: tuple[tuple[int, int], ...]


FULL = Size(
    loads=(10_000, 100_000, 1_000_000),
    searches=300,
    naive=((100_000, 200), (1_000_000, 25)),
)
QUICK = Size(loads=(500, 2_000), searches=8, naive=((1_000, 4), (2_000, 4)))


@dataclass
class Spent:
    """Milliseconds of one job. `python_ms` is the time outside of statements."""

    whole_ms: float = 0.0
    sql_ms: float = 0.0
    writing_ms: float = 0.0

    @property
    def python_ms(self) -> float:
        return self.whole_ms - self.sql_ms - self.writing_ms


@dataclass
class Clock:
    """Measures the time spent in statements: reads, and writes with the commit."""

    now: Spent = field(default_factory=Spent)
    statements: int = 0
    _since: float = 0.0

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "commit", self._committing)

    @contextmanager
    def job(self) -> Iterator[Spent]:
        """Measure a block that ends with a commit; yield its times."""
        self.now, self._since = Spent(), 0.0
        started = perf_counter()
        yield self.now
        ended = perf_counter()
        self.now.whole_ms = (ended - started) * 1000
        if self._since:
            self.now.writing_ms += (ended - self._since) * 1000

    def _before(self, *_: object) -> None:
        self._since = perf_counter()

    def _after(self, _: object, __: object, statement: str, *___: object) -> None:
        took_ms = (perf_counter() - self._since) * 1000
        self._since = 0.0
        self.statements += 1
        word = statement.split(None, 1)[0].lower()
        if word in {"insert", "update", "delete"}:
            self.now.writing_ms += took_ms
        else:
            self.now.sql_ms += took_ms

    def _committing(self, _: object) -> None:
        self._since = perf_counter()


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    options = arguments(argv)
    size = QUICK if options.quick else FULL
    settings = {"SEARCH_RADII_MI": str(RADIUS_MI)}

    def play_on_rig() -> Line:
        with set_up(settings, has_worker=False) as rig:
            play = compare if options.naive else measure
            figures, bars = play(rig, size, options.seed)
            params = {
                "radius_mi": RADIUS_MI,
                "mode": "naive" if options.naive else "all",
            }
            return line_of(rig, options, figures, bars, **params)

    return run("search", play_on_rig, breaks=(*BREAKS, TookTooLong))


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("search", __doc__)
    parser.add_argument(
        "--naive", action="store_true", help="compare with a full scan and one index"
    )
    return parser.parse_args(argv)


def measure(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Search on one market after the other; return figures and bars."""
    now = datetime.now(UTC)
    crowd = Crowd(rig)
    wanted = size.searches * (len(size.loads) + 1)
    trucks = hire(crowd, wanted, seed=seed, now=now)
    rules, clock = _as_the_worker(rig)
    figures: dict[str, Any] = {}
    before = 0
    for loads in size.loads:
        say(f"{loads:,} loads ...")
        started = perf_counter()
        _grow(rig, loads - before, loads, now)
        before = loads
        figures[f"loads_{loads}"] = {"seeding_s": round(perf_counter() - started, 1)}
        some, trucks = trucks[: size.searches], trucks[size.searches :]
        _complete(rig, some)
        figures[f"loads_{loads}"] |= _search(rules, clock, some)
    figures["worker"] = _by_the_worker(rig, trucks)
    return figures, _bars(figures, size)


def _bars(figures: dict[str, Any], size: Size) -> list[Bar]:
    least, most = (figures[f"loads_{n}"] for n in (size.loads[0], size.loads[-1]))
    seeding_s = sum(figures[f"loads_{n}"]["seeding_s"] for n in size.loads)
    p50, p95 = (f"search_and_rank_ms_{p}" for p in ("p50", "p95"))
    factor = round(most[p50] / least[p50], 2)
    return [
        Bar("seeding_s", MOST_SEEDING_S, round(seeding_s, 1), is_ceiling=True),
        Bar(p50, MOST_MS_P50, most[p50], is_ceiling=True),
        Bar(p95, MOST_MS_P95, most[p95], is_ceiling=True),
        Bar("p50_factor", MOST_FACTOR, factor, is_ceiling=True),
        Bar("worker_rss_mb", MOST_RSS_MB, figures["worker"]["rss_mb"], is_ceiling=True),
    ]


def compare(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Search in our way, by a full scan and by one end; return figures and bars.

    Answers are compared on all markets. On the largest one there are fewer situations,
    as judging all loads that a scan finds takes long. The speed-ups are from there.
    """
    database_url, now = rig.env["DATABASE_URL"], datetime.now(UTC)
    rules, _ = _as_the_worker(rig)
    compared: list[naive.Compared] = []
    before = 0
    for loads, situations in size.naive:
        say(f"{loads:,} loads ...")
        _grow(rig, loads - before, loads, now)
        before = loads
        compared.append(naive.compare(database_url, rules, situations, seed=seed))
    figures = {
        f"loads_{loads}": each.figures | {"situations": situations}
        for (loads, situations), each in zip(size.naive, compared, strict=True)
    }
    differ = sum(each.differ for each in compared)
    speed_up = compared[-1].speed_up
    return figures, [
        Bar("answers_that_differ", 0, differ, is_ceiling=True),
        Bar("speed_up_to_full_scan", LEAST_BY_FULL_SCAN, speed_up["full_scan"]),
        Bar("speed_up_to_one_end", LEAST_BY_ONE_END, speed_up["one_end"]),
    ]


def _as_the_worker(rig: Rig) -> tuple[SearchRules, Clock]:
    """Bind this process's database sessions as in a worker; return rules and clock."""
    settings = Settings.from_env(rig.env)
    start_logging(settings.LOG_LEVEL, is_readable=False)
    clock = Clock()
    clock.watch(connect(settings, hand=Hand.SERVER))
    return SearchRules.of(settings, EstimatedRoads()), clock


def _grow(rig: Rig, loads: int, seed: int, now: datetime) -> None:
    write_board(
        rig.env["DATABASE_URL"],
        loads=loads,
        trucks=0,
        orgs=ORGS,
        seed=seed,
        now=now,
        password_hash=NOBODY,
    )


def _complete(rig: Rig, trucks: Sequence[Truck]) -> None:
    """Complete the drops over HTTP, and delete the jobs that this enqueued."""
    complete_steadily(trucks, COMPLETIONS_PER_S)
    with psycopg.connect(rig.env["DATABASE_URL"]) as connection:
        connection.execute("delete from procrastinate_jobs where status = 'todo'")


def _search(
    rules: SearchRules, clock: Clock, trucks: Sequence[Truck]
) -> dict[str, Any]:
    """Do the search of each drop in this process, as the worker does it."""
    spent, considered, search_ms, made = [], [], [], 0
    clock.statements = 0
    for truck in trucks:
        assert truck.person.driver is not None
        with clock.job() as of_job, Session.begin() as session:
            search = search_home(
                session,
                rules,
                stop_id=UUID(truck.stop_id),
                driver_id=truck.person.driver["id"],
                now=datetime.now(UTC),
            )
        spent.append(of_job)
        if search is not None and search.counts:
            considered.append(search.counts["considered"])
            search_ms.append(search.timings["search_ms"])
            made += search.outcome == "offered"
    return {
        **percentiles("ms", [job.whole_ms for job in spent]),
        **percentiles("search_and_rank_ms", search_ms),
        "sql_ms_mean": round(mean(job.sql_ms for job in spent), 2),
        "writing_ms_mean": round(mean(job.writing_ms for job in spent), 2),
        "python_ms_mean": round(mean(job.python_ms for job in spent), 2),
        "statements_mean": round(clock.statements / len(spent), 1),
        "considered_p50": median(considered) if considered else 0,
        "searches": len(spent),
        "offered": made,
    }


def _by_the_worker(rig: Rig, trucks: Sequence[Truck]) -> dict[str, Any]:
    """Let a real worker do the searches of the last drops; return its memory."""
    complete_steadily(trucks, COMPLETIONS_PER_S)
    rig.processes.start("worker", worker_argv(), rig.env)
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:
        deadline = perf_counter() + PATIENCE_S
        while _waiting(connection):
            if perf_counter() > deadline:
                raise TookTooLong(f"{len(trucks)} drops in {PATIENCE_S:.0f} s")
            rig.processes.check()
            sleep(0.1)
    return {"searches": len(trucks), "rss_mb": rss_mb(rig, "worker")}


def _waiting(connection: psycopg.Connection[Any]) -> bool:
    found = connection.execute(
        "select count(*) from procrastinate_jobs where status in ('todo', 'doing')"
        " and queue_name <> 'maint' and scheduled_at is null"
    ).fetchone()
    return bool(found and found[0])


if __name__ == "__main__":
    sys.exit(main())
