"""The search for a way home on markets of several sizes: `python -m bench.search`."""

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

from bench.crowd import Crowd
from bench.hauls import Truck, complete_steadily, hire
from bench.patience import PATIENCE_S
from bench.report import Bar, percentiles, say
from bench.rig import Rig, set_up
from bench.running import BREAKS, Line, line_of, parser_of, run
from bench.usage import rss_mb
from edges.start import connect
from freight.ranking import asked_of, screen
from geo.roads import Highways
from local.processes import worker_argv
from market.board import write_board
from models.search.searches import BackhaulSearch
from runtime.config import Settings
from runtime.db import Hand, Session
from runtime.telemetry import start_logging
from services.judging.judge import asked_in
from services.market.market import Market
from services.people.passwords import NOBODY
from services.search.run import KEPT, SearchRules, search_home

ORGS = 200
COMPLETIONS_PER_S = 40.0
MOST_MS_P50, MOST_MS_P95, MOST_UNCACHED_MS_P50 = 25.0, 60.0, 40.0
MOST_JOB_MS_P50, MOST_RSS_MB = 40.0, 450.0
MOST_SEEDING_S = 240.0
MOST_LOADING_S = 20.0


class TookTooLong(Exception):
    """The worker did not finish its jobs in PATIENCE_S."""


@dataclass(frozen=True)
class Size:
    """How much is played.

    loads: of each market.
    searches: on each market.
    """

    loads: tuple[int, ...]
    searches: int


FULL = Size(loads=(10_000, 100_000, 1_000_000), searches=200)
QUICK = Size(loads=(500, 2_000), searches=8)


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
    options = parser_of("search", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up({}, has_worker=False) as rig:
            figures, bars = measure(rig, size, options.seed)
            return line_of(rig, options, figures, bars)

    return run("search", play_on_rig, breaks=(*BREAKS, TookTooLong))


def measure(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Search on one market after the other; return figures and bars."""
    now = datetime.now(UTC)
    crowd = Crowd(rig)
    wanted = size.searches * (len(size.loads) + 1)
    trucks = hire(crowd, wanted, seed=seed, now=now)
    roads = Highways.read(cache_mb=Settings.ROADS_CACHE_MB)
    rules, clock = _as_the_worker(rig, roads)
    figures: dict[str, Any] = {}
    before = 0
    for loads in size.loads:
        say(f"{loads:,} loads ...")
        started = perf_counter()
        _grow(rig, loads - before, loads, now, roads)
        before = loads
        seeded = perf_counter()
        rules.market.refresh()
        some, trucks = trucks[: size.searches], trucks[size.searches :]
        figures[f"loads_{loads}"] = {
            "seeding_s": round(seeded - started, 1),
            "loading_s": round(perf_counter() - seeded, 1),
        }
        _complete(rig, some)
        figures[f"loads_{loads}"] |= _search(rules, clock, some)
    figures["worker"] = _by_the_worker(rig, trucks)
    return figures, _bars(figures, size)


def _bars(figures: dict[str, Any], size: Size) -> list[Bar]:
    most = figures[f"loads_{size.loads[-1]}"]
    seeding_s = sum(figures[f"loads_{n}"]["seeding_s"] for n in size.loads)
    ceilings = {
        "seeding_s": (MOST_SEEDING_S, round(seeding_s, 1)),
        "loading_s": (MOST_LOADING_S, most["loading_s"]),
        "ranked_ms_p50": (MOST_MS_P50, most["ranked_ms_p50"]),
        "ranked_ms_p95": (MOST_MS_P95, most["ranked_ms_p95"]),
        "uncached_ms_p50": (MOST_UNCACHED_MS_P50, most["uncached_ms_p50"]),
        "job_ms_p50": (MOST_JOB_MS_P50, most["job_ms_p50"]),
        "worker_rss_mb": (MOST_RSS_MB, figures["worker"]["rss_mb"]),
    }
    return [
        Bar(name, bar, figure, is_ceiling=True)
        for name, (bar, figure) in ceilings.items()
    ]


def _as_the_worker(rig: Rig, roads: Highways) -> tuple[SearchRules, Clock]:
    """Bind this process's database sessions as in a worker; return rules and clock."""
    settings = Settings.from_env(rig.env)
    start_logging(settings.LOG_LEVEL, is_readable=False)
    clock = Clock()
    clock.watch(connect(settings, hand=Hand.SERVER))
    return SearchRules.of(settings, roads, Market(roads)), clock


def _grow(rig: Rig, loads: int, seed: int, now: datetime, roads: Highways) -> None:
    write_board(
        rig.env["DATABASE_URL"],
        loads=loads,
        trucks=0,
        orgs=ORGS,
        seed=seed,
        now=now,
        password_hash=NOBODY,
        roads=roads,
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
    spent, records, again_ms = [], [], []
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
            records.append(search)
            # Homes are seldom repeated here, so nearly every search is uncached. What a
            # known home saves is measured by searching once more at once.
            again_ms.append(_screened_ms(rules, search))
    ranked_ms = [search.timings["search_ms"] for search in records]
    considered = [search.counts["considered"] for search in records]
    left = [search.counts["ranked"] for search in records]
    homes = {tuple(search.situation["home"].values()) for search in records}
    return {
        **percentiles("job_ms", [job.whole_ms for job in spent]),
        **percentiles("uncached_ms", ranked_ms),
        **percentiles("ranked_ms", again_ms),
        "sql_ms_mean": round(mean(job.sql_ms for job in spent), 2),
        "writing_ms_mean": round(mean(job.writing_ms for job in spent), 2),
        "python_ms_mean": round(mean(job.python_ms for job in spent), 2),
        "statements_mean": round(clock.statements / len(spent), 1),
        "considered_p50": median(considered) if considered else 0,
        "worth_taking_p50": median(left) if left else 0,
        "searches": len(spent),
        "homes_again_share": round(1 - len(homes) / len(records), 3) if records else 0,
        "offered": sum(search.outcome == "offered" for search in records),
    }


def _screened_ms(rules: SearchRules, search: BackhaulSearch) -> float:
    """Return how long the search takes until its best loads are known, once more."""
    began = perf_counter()
    asked = asked_of(*asked_in(search), rules.roads)
    with rules.market.lend() as listed:
        near = listed.near(asked.area.circle, search.org_id, search.searched_at)
        screen(near, asked).best(asked, KEPT)
    return (perf_counter() - began) * 1000


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
