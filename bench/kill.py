"""Drops reported while web and worker are killed: `python -m bench.kill`."""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from random import Random
from typing import Any

import psycopg

from bench.crowd import Crowd
from bench.drops import Drop, Tally, complete, make_drops
from bench.idempotency import workers_of
from bench.patience import PATIENCE_S
from bench.queue import MINUTE_S, fetch_ms, time_passes, until_idle
from bench.report import Bar, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from bench.supervising import supervised
from local.processes import SETTLED_S, worker_argv

CLIENTS = 16
LONGEST_WAIT_S = 0.4
"""The longest time between the start of a batch of drops and its kill."""

VICTIMS = ("worker", "web worker", "worker", "worker", "web worker", "worker") * 3 + (
    "web",
)
"""The kinds of processes, in the order of the kills: job process, Granian worker, and
once in a round Granian itself."""

SETTINGS = {"OFFERS_PER_LOAD": "1000"}
"""High enough for every driver to be offered loads that others were offered before."""


@dataclass(frozen=True)
class Size:
    """How much is played, and how many kills."""

    drops: int
    loads: int
    kills: int
    workers: int
    future_jobs: int


FULL = Size(drops=2_000, loads=120, kills=50, workers=2, future_jobs=100_000)
QUICK = Size(drops=24, loads=12, kills=3, workers=1, future_jobs=1_000)


@dataclass
class Killer:
    """Kills with -9 the oldest process of each kind, by turns."""

    rig: Rig
    rng: Random
    settled_s: float
    kills: Counter[str] = field(default_factory=Counter)
    _born: dict[int, float] = field(default_factory=dict)
    _turns: Iterator[str] = field(default_factory=lambda: cycle(VICTIMS))

    def kill_one(self) -> None:
        """Wait until a process of the next kind is `settled_s` old, and kill it."""
        self._kill_a(next(self._turns))

    def _kill_a(self, kind: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (victim := self._eldest(kind)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"there is no {kind} to kill")
            time.sleep(0.05)
        time.sleep(self.rng.uniform(0, LONGEST_WAIT_S))
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            # It ended by itself meanwhile.
            self._kill_a(kind)
        else:
            self.kills[kind] += 1

    def _eldest(self, kind: str) -> int | None:
        now = time.monotonic()
        alive = {pid: self._born.setdefault(pid, now) for pid in self._of(kind)}
        pid = min(alive, key=lambda one: alive[one], default=None)
        return pid if pid and now - alive[pid] >= self.settled_s else None

    def _of(self, kind: str) -> list[int]:
        running = self.rig.processes.running
        if kind == "worker":
            found = [
                process
                for name, process in running.items()
                if name.startswith("worker")
            ]
            return [process.pid for process in found if process.poll() is None]
        web = running["web"]
        if web.poll() is not None:
            return []
        return workers_of(web.pid) if kind == "web worker" else [web.pid]


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Report all drops and kill processes meanwhile; return figures and bars."""
    url = rig.env["DATABASE_URL"]
    drops = make_drops(Crowd(rig, seed), size.drops, size.loads)
    is_quick = size.workers == 1
    killer = Killer(rig, Random(seed), 1.0 if is_quick else SETTLED_S)
    say(f"{size.drops} drivers have arrived; {size.kills} kills")
    tally, started = Tally(), time.monotonic()
    with supervised(rig.processes):
        _drop_and_kill(drops, size, killer, tally)
        killed_s = time.monotonic() - started
        until_idle(url, hurry=partial(time_passes, url, MINUTE_S) if is_quick else None)
        rig.processes.wait_for(f"{rig.web.url}/readyz")
    received = rig.fcm.need("GET", "/received").body["items"]
    counts = _kept(url, received)
    slow_ms = fetch_ms(url, size.future_jobs)
    figures = {
        "drops": len(drops),
        **counts,
        "kills": dict(killer.kills),
        "answers": dict(sorted(tally.seen.items())),
        "seconds_of_kills": round(killed_s, 1),
        "seconds": round(time.monotonic() - started, 1),
        "fetch_ms_p95_with_future_jobs": slow_ms,
        "future_jobs": size.future_jobs,
    }
    twice = counts["pushes_received_twice"] / max(counts["pushes"], 1)
    bars = [
        Bar("searches_lost_or_doubled", 0, counts["searches_wrong"], is_ceiling=True),
        Bar("offers_lost", 0, counts["offers_lost"], is_ceiling=True),
        Bar("pushes_lost", 0, counts["pushes_lost"], is_ceiling=True),
        Bar("push_duplicates_share", 0.02, round(twice, 4), is_ceiling=True),
        Bar("process_kills", size.kills, killer.kills.total()),
        Bar("fetch_ms_p95", 20.0, slow_ms, is_ceiling=True),
    ]
    return figures, bars


def _drop_and_kill(
    drops: Sequence[Drop], size: Size, killer: Killer, tally: Tally
) -> None:
    """Complete the drops in batches, and kill one process during each but the last."""
    batches = size.kills + 1
    with ThreadPoolExecutor(CLIENTS) as pool:
        for number in range(batches):
            mine = drops[number::batches]
            asked: list[Future[Any]] = [
                pool.submit(complete, drop, tally) for drop in mine
            ]
            if number < size.kills:
                killer.kill_one()
            for each in asked:
                answer = each.result()
                assert answer.status == 200, answer.body
            if number % 10 == 0:
                say(f"{number} of {size.kills} kills, answers {dict(tally.seen)}")


def _kept(url: str, received: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Compare the database with what the phones got."""
    with psycopg.connect(url) as connection:
        one = connection.execute(
            "select (select count(*) from stops where status = 'completed'"
            " and kind = 'delivery'),"
            " (select count(*) from backhaul_searches where outcome = 'offered'),"
            " (select count(*) from (select from offers group by driver_id"
            "  having count(*) <> 3) as odd),"
            " (select count(*) from pushes),"
            " (select count(*) from pushes where status <> 'accepted'),"
            " (select count(*) from procrastinate_jobs where status = 'failed')"
        ).fetchone()
        offers = {str(row[0]) for row in connection.execute("select id from offers")}
    assert one is not None
    stops, searches, odd, pushes, unsent, failed = one
    got = Counter(
        (push["target"], push["message"]["data"].get("offer_id")) for push in received
    )
    reached = {offer_id for _, offer_id in got}
    return {
        "searches": searches,
        "searches_wrong": abs(stops - searches) + odd,
        "offers": len(offers),
        "offers_lost": len(offers - reached),
        "pushes": pushes,
        "pushes_lost": unsent,
        "pushes_received_twice": sum(times > 1 for times in got.values()),
        "requests_received": got.total(),
        "jobs_failed": failed,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `bench.running.run` for the exit code."""
    options = parser_of("kill", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up(SETTINGS) as rig:
            for number in range(2, size.workers + 1):
                name = f"worker{number}"
                rig.processes.start(name, worker_argv(), rig.env)
            figures, bars = play(rig, size, options.seed)
            return line_of(rig, options, figures, bars, workers=size.workers)

    return run("kill", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
