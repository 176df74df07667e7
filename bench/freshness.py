"""Whether a search misses what was committed before it: `python -m bench.freshness`.

Writers change loads in all ways while searches begin five times a second. Each search
must find every load as the last change made it that was committed `SETTLED_S` before.
"""

import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event
from time import perf_counter
from typing import Any, LiteralString
from uuid import UUID

import numpy as np
import psycopg
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from bench.patience import PATIENCE_S
from bench.report import Bar, percentiles, say
from bench.restart import restartable
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from edges.start import connect
from geo.roads import EstimatedRoads
from local.processes import worker_argv
from market.board import write_board
from runtime.config import Settings
from runtime.db import Hand
from runtime.telemetry import MARKET_RELOADS, start_logging
from services.market.market import Listed, Market
from services.people.passwords import NOBODY

SETTLED_S = 0.3
SEARCHES_PER_S = 5
WRITERS = 4
ORGS = 200
AT_ONCE = 10_000
RESTART_CHANGES = 20
MOST_RSS_MB = 450.0
STRANGER = UUID(int=1)

COPY_LOAD: LiteralString = """
insert into loads select (jsonb_populate_record(l, jsonb_build_object(
    'id', %(new)s::text, 'load_number', %(new)s::text, 'price_cents', %(price)s::int
))).* from loads l where id = %(id)s
"""
COPY_STOPS: LiteralString = """
insert into stops select (jsonb_populate_record(s, jsonb_build_object(
    'id', gen_random_uuid(), 'load_id', %(new)s::text))).*
from stops s where load_id = %(id)s
"""
ACTS: dict[str, LiteralString] = {
    "edit": "update loads set price_cents = %(price)s where id = %(id)s",
    "withdraw": "update loads set status = 'draft' where id = %(id)s",
    "return": "update loads set status = 'posted', price_cents = %(price)s"
    " where id = %(id)s",
    "delete": "delete from loads where id = %(id)s",
}


@dataclass(frozen=True)
class Size:
    """How much is played. open_s: how long one writer stays open meanwhile."""

    loads: int
    changes: int
    changing: int
    open_s: float
    restarts: int


FULL = Size(loads=1_000_000, changes=10_000, changing=400, open_s=150.0, restarts=2)
QUICK = Size(loads=2_000, changes=200, changing=40, open_s=3.0, restarts=1)


@dataclass
class History:
    """What became of one load: its price after each change, None while it is away."""

    prices: list[int | None]
    since: list[float] = field(default_factory=lambda: [-float("inf")])

    def allowed(self, began: float) -> list[int | None]:
        """Return what a search that began then may find."""
        # A change is noted before its commit, with a time that never comes.
        return self.prices[bisect_right(self.since, began - SETTLED_S) - 1 :]


@dataclass
class Played:
    """What the searches saw."""

    searches: int = 0
    failed: int = 0
    missed: int = 0
    refresh_ms: list[float] = field(default_factory=list)


class Writer:
    """Changes its own loads, one transaction after the other.

    template: a load that nobody changes; what it posts is a copy.
    """

    def __init__(
        self, url: str, load_ids: Sequence[UUID], template: UUID, number: int
    ) -> None:
        self._url, self._template = url, template
        self.histories = {load_id: History([0]) for load_id in load_ids}
        # 0 stands for the price from before the bench.
        self._changing = list(load_ids)
        self._random = Random(number)
        self._prices = iter(range(number * 10_000_000, 2**31))

    def work(self, changes: int, pause_s: float) -> None:
        with psycopg.connect(self._url) as connection:
            for _ in range(changes):
                self._change(connection)
                time.sleep(pause_s)

    def _change(self, connection: psycopg.Connection[Any]) -> None:
        price = next(self._prices)
        load_id = self._random.choice(self._changing)
        history = self.histories[load_id]
        act = self._random.choice(["edit", "edit", "withdraw", "delete", "post"])
        if act == "post":
            load_id, history = uuid7(), History([None])
            self.histories[load_id] = history
            given = {"new": load_id, "id": self._template, "price": price}
            connection.execute(COPY_LOAD, given)
            connection.execute(COPY_STOPS, given)
            self._changing.append(load_id)
        else:
            if history.prices[-1] is None:
                act = "return"
            connection.execute(ACTS[act], {"id": load_id, "price": price})
        if act == "delete":
            self._changing.remove(load_id)
        history.prices.append(price if act in {"post", "edit", "return"} else None)
        history.since.append(float("inf"))
        connection.commit()
        history.since[-1] = perf_counter()


class Searcher:
    """Looks at the market as a search does, and compares it with the histories."""

    def __init__(self, market: Market, writers: Sequence[Writer]) -> None:
        self.market, self._writers = market, writers

    def search(self, played: Played) -> None:
        began = perf_counter()
        try:
            listed = self.market.refresh()
        except DBAPIError:
            played.failed += 1
            return
        played.refresh_ms.append((perf_counter() - began) * 1000)
        played.searches += 1
        played.missed += self._missed(listed, began)

    def keep_searching(self, played: Played, until: Event) -> None:
        due = perf_counter()
        while not until.is_set():
            self.search(played)
            due += 1 / SEARCHES_PER_S
            time.sleep(max(due - perf_counter(), 0))

    def _missed(self, listed: Listed, began: float) -> int:
        followed = {
            load_id: history
            for writer in self._writers
            for load_id, history in list(writer.histories.items())
        }
        lows = np.array([load_id.int & (2**64 - 1) for load_id in followed], "u8")
        near = np.flatnonzero(np.isin(listed.loads["id_low"], lows))
        rows = near[listed.visible(STRANGER, datetime.now(UTC), near)]
        prices = listed.loads["price_cents"][rows].tolist()
        found = dict(zip(listed.those(rows).ids, prices, strict=True))
        return sum(
            not _is_right(found.get(load_id), history.allowed(began))
            for load_id, history in followed.items()
        )


def _is_right(found: int | None, allowed: Sequence[int | None]) -> bool:
    return found in allowed or (found is not None and 0 in allowed)


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `bench.running.run` for the exit code."""
    options = parser_of("freshness", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with (
            restartable() as (url, restart),
            set_up({}, has_worker=False, server_url=url) as rig,
        ):
            figures, bars = play(rig, size, options.seed, restart)
            return line_of(rig, options, figures, bars)

    return run("freshness", play_on_rig)


def play(
    rig: Rig, size: Size, seed: int, restart: Callable[[], None]
) -> tuple[dict[str, Any], list[Bar]]:
    """Change loads while searches look at them; return figures and bars."""
    url = rig.env["DATABASE_URL"]
    say(f"{size.loads:,} loads ...")
    write_board(
        url,
        loads=size.loads,
        trucks=0,
        orgs=ORGS,
        seed=seed,
        now=datetime.now(UTC),
        password_hash=NOBODY,
    )
    settings = Settings.from_env(rig.env)
    start_logging(settings.LOG_LEVEL, is_readable=False)
    connect(settings, hand=Hand.SERVER)
    market, writers = Market(EstimatedRoads()), _writers(url, size)
    searcher = Searcher(market, writers)
    first = Played()
    searcher.search(first)
    figures: dict[str, Any] = {
        "rows": len(market.refresh()),
        "load_s": round(first.refresh_ms[0] / 1000, 2),
        "mb_a_million": round(_bytes(market) / size.loads, 1),
    }
    beside = Played()
    with _meanwhile(searcher, beside):
        _write_beside_an_open_writer(url, writers, size)
    say(f"{beside.searches} searches, {beside.missed} wrong")
    figures |= {**percentiles("refresh_ms", beside.refresh_ms, (50, 95, 100))}
    figures["many_changes_ms"] = _change_many(url, size, market)
    wrong_suspended = _suspend(url, market)
    after = _restart(searcher, writers, size, restart)
    figures["worker_peak_mb"] = _peak_mb_of_a_worker(rig)
    made = sum(len(h.prices) - 1 for w in writers for h in w.histories.values())
    reloads = sum(
        sample.value
        for family in MARKET_RELOADS.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["why"] == "server"
    )
    figures |= {"changes": made, "searches": beside.searches + after.searches}
    figures |= {"reloads_after_restarts": reloads, "failed_searches": after.failed}
    return figures, [
        Bar("changes", size.changes, made),
        Bar("changes_missed", 0, beside.missed + after.missed, is_ceiling=True),
        Bar("suspended_seen", 0, wrong_suspended, is_ceiling=True),
        Bar("restarts_noticed", size.restarts, reloads),
        Bar("worker_peak_mb", MOST_RSS_MB, figures["worker_peak_mb"], is_ceiling=True),
    ]


def _bytes(market: Market) -> float:
    found = {reading.name: reading.values[""] for reading in market.readings()}
    return found["backhaul_market_bytes"]


def _writers(url: str, size: Size) -> list[Writer]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select id from loads where visibility = 'network' order by id limit %s",
            [size.changing + 1],
        )
        template, *load_ids = [load_id for (load_id,) in found]
    return [
        Writer(url, load_ids[number::WRITERS], template, number + 1)
        for number in range(WRITERS)
    ]


@contextmanager
def _meanwhile(searcher: Searcher, played: Played) -> Iterator[None]:
    """Let one thread search during the block, and once after it."""
    stopping = Event()
    with ThreadPoolExecutor(1) as pool:
        searching = pool.submit(searcher.keep_searching, played, stopping)
        try:
            yield
            time.sleep(SETTLED_S)
        finally:
            stopping.set()
        searching.result()
    searcher.search(played)


def _write_beside_an_open_writer(
    url: str, writers: Sequence[Writer], size: Size
) -> None:
    """Make the changes while one transaction with a change of its own stays open."""
    each = size.changes // WRITERS
    history = writers[0].histories
    late = writers[0]._changing.pop()
    with psycopg.connect(url) as slow, ThreadPoolExecutor(WRITERS) as pool:
        slow.execute(ACTS["edit"], {"id": late, "price": 1})
        pause_s = size.open_s / each
        working = [pool.submit(writer.work, each, pause_s) for writer in writers]
        for working_one in working:
            working_one.result()
        history[late].prices.append(1)
        history[late].since.append(float("inf"))
        slow.commit()
        history[late].since[-1] = perf_counter()


def _change_many(url: str, size: Size, market: Market) -> float:
    """Change many loads at once; return how long the next refresh takes."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "with chosen as materialized"
            " (select id from loads where status = 'posted' limit %s)"
            " update loads set pieces = 7 where id in (select id from chosen)",
            [min(AT_ONCE, size.loads // 2)],
        )
    began = perf_counter()
    market.refresh()
    return round((perf_counter() - began) * 1000, 1)


def _suspend(url: str, market: Market) -> int:
    """Suspend a company and reinstate it; return how many loads were wrongly seen."""
    change: LiteralString = "update organisations set suspended_at = {} where id = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "select org_id, count(*) from loads where status = 'posted'"
            " and visibility = 'network' and least(pickup_until, lease_expires_at)"
            " > now() + interval '1 hour' group by org_id limit 1"
        ).fetchone()
        assert found is not None
        org_id, its_loads = found
        before = _seen(market)
        connection.execute(change.format("now()"), [org_id])
        during = _seen(market)
        connection.execute(change.format("null"), [org_id])
    return abs(before - its_loads - during) + abs(before - _seen(market))


def _seen(market: Market) -> int:
    """Return how many loads are on the market in an hour."""
    later = datetime.now(UTC) + timedelta(hours=1)
    return int(np.count_nonzero(market.refresh().visible(STRANGER, later)))


def _restart(
    searcher: Searcher,
    writers: Sequence[Writer],
    size: Size,
    restart: Callable[[], None],
) -> Played:
    """Restart the database between changes, while searches go on."""
    played = Played()
    with _meanwhile(searcher, played):
        for _ in range(size.restarts):
            for writer in writers:
                writer.work(RESTART_CHANGES, 0.0)
            restart()
            done, deadline = played.searches, perf_counter() + PATIENCE_S
            while played.searches == done:
                if perf_counter() > deadline:
                    raise TimeoutError("no search after the restart")
                time.sleep(0.05)
    return played


def _peak_mb_of_a_worker(rig: Rig) -> float:
    """Start a worker, which reads the market; return the most memory it took."""
    rig.processes.start("worker", worker_argv(), rig.env)
    deadline = perf_counter() + PATIENCE_S
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:
        # It reads the market before it works.
        while connection.execute(
            "select exists(select from procrastinate_workers)"
        ).fetchone() == (False,):
            if perf_counter() > deadline:
                raise TimeoutError("the worker did not start")
            rig.processes.check()
            time.sleep(0.1)
    status = Path(f"/proc/{rig.processes.running['worker'].pid}/status").read_text()
    (peak_kb,) = (line.split()[1] for line in status.splitlines() if "VmHWM" in line)
    return round(int(peak_kb) * 1024 / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
