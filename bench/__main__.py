"""Runs every bench, prints one JSON line each, renews README.md: `python -m bench`."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.report import say

ROOT = Path(__file__).parent.parent
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
HEADER = (
    "| date | machine | bench | bar | limit | figure | met | what limits it |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
)
SEEDS = (1, 2, 3)
BY_NAME = (
    *("idempotency", "fuzz", "refresh", "tenants", "exits", "overhead", "limits"),
    *("slow", "roads", "naive", "weeks"),
    *("freshness", "search", "drop_to_push", "what_if", "wake"),
    *("accept_race", "http"),
    *("kill", "restart", "fcm_storm", "soak"),
)
"""Every bench but the replay, which has arguments of its own."""


LIMITED_BY = {
    "share_with_ranked": "the sample: 500 loads for 322 trucks on one day",
    "pairs_that_differ": "nothing: the formula is implemented twice",
    "effects_lost_or_doubled": "nothing: key, effect and answer commit together",
    "repeats_that_differ": "nothing: the first answer is stored byte for byte",
    "kills": "how much the bench disturbs, not how well the server does",
    "cuts": "how much the bench disturbs, not how well the server does",
    "searches_lost_or_doubled": "nothing: one row for a drop, one job in its"
    " transaction",
    "offers_lost": "nothing: offer, push and job commit together",
    "pushes_lost": "nothing: a push without an outcome is sent again",
    "push_duplicates_share": "kills after FCM got a push and before we committed that",
    "process_kills": "how much the bench disturbs, not how well the server does",
    "fetch_ms_p95": "the queue's order of priorities; an index on the waiting ones",
    "acknowledged_writes_lost": "nothing: the server commits before it answers",
    "back_s": "the recovery of PostgreSQL, and the 5 s timeout to connect",
    "retry_after_undercut": "nothing: the time to wait is stored with the push",
    "requests_per_offer": "how often the fake FCM fails",
    "rss_growth": "the noise of the allocator",
    "cases": "how long it plays",
    "others_p99_factor": "the database connections of the caller over the limit",
    "healthz_ms_p99": "the processors, which the attack and the client use too",
    "offers_ms_p99": "the processors, which the attack and the client use too",
    "honest_failures": "nothing: slow connections hold no thread",
    "slow_rss_growth": "the noise of the allocator",
    "back_after_attack_s": "nothing: the server answers all along",
    "flood_p99_factor": "the processors: a company that asks without a pause gets its"
    " share of threads, and these compute",
    "foreign_ids": "nothing: the queries and row security both exclude them",
    "refusals_that_differ": "nothing: both get the same answer",
    "median_difference": "the noise of the machine",
    "rank_test_p": "chance: 1 in 100 runs misses it without a cause",
    "worst_route_p": "a foreign row costs the look-ups of its policy: at most 0.8 % of"
    " the answer's time",
    "forced_log_outs": "nothing, as long as phones wait before they ask again",
    "thefts_found": "nothing: a token of an older generation is a copy",
    "ratio_driver_offers": "the policies of offers and loads, and the noise of the"
    " machine",
    "ratio_dispatcher_offers": "the policies of fifty offers and loads",
    "ratio_accept": "policies with sub-queries: each statement that has them takes"
    " longer to begin",
    "states": "how many drivers and pickups are played",
    "dead_ends": "nothing: each party has an act of its own in every state",
    "answer_ms_p95": "a completion's round trips, and the worker on the same cores",
    "push_ms_p95": "the job of a search: its statements, and its market by the"
    " hundred thousand loads in a large city's circle",
    "crowd_push_ms_p95": "both cores: a drop takes 0.085 s of them in the workers,"
    " 0.03 s in PostgreSQL, 0.015 s in web and clients",
    "filled_ms_p95": "drops before them in the queue, and what relaxations try",
    "what_ifs_refused": "nothing: a limit of 60 a minute for each member",
    "gain_share_of_optimum": "online, nobody knows what comes: trucks take a load"
    " before a better one is posted",
    "rings_most": "nothing: a phone that rang six times is left alone",
    "seeding_s": "Python generates loads on one core, PostgreSQL writes on another",
    "loading_s": "PostgreSQL, which writes 1,000,000 rows in binary form",
    "ranked_ms_p50": "85,000 loads in the circle, of 1,000,000",
    "ranked_ms_p95": "200,000 loads in the circle, of 1,000,000",
    "uncached_ms_p50": "one Dijkstra from home over 42,000 crossings",
    "job_ms_p50": "35 statements, and the entities of those that write",
    "worker_rss_mb": "190 MB of columns, 170 MB of Python, modules and roads, and what"
    " one search needs",
    "error_percent_mean": "no road but motorways and trunk roads, and the shortest way"
    " where trucks take the quickest",
    "error_percent_worst": "the same",
    "one_to_all_all_ms_p50": "one Dijkstra of scipy over 42,000 crossings",
    "memory_mb": "the import of scipy: half of it",
    "orders_that_differ": "nothing: the search is written twice",
    "gains_that_differ": "nothing: the same",
    "counts_that_differ": "nothing: the same",
    **dict.fromkeys(
        ("contribution_factor_own_0.76", "contribution_factor_own_1.56"),
        "one price of an hour for cheap and for dear miles",
    ),
    **dict.fromkeys(
        ("contribution_factor_soon_0.76", "contribution_factor_soon_1.56"),
        "the hours that the first search wastes: there it waits 10 h at a pickup, on"
        " the other market 29",
    ),
    **dict.fromkeys(
        (f"triggers_factor_{m}_{usd}" for m in ("own", "soon") for usd in (0.76, 1.56)),
        "how often loads are lost: nearly every truck finds a load at its drop",
    ),
    "changes": "how long it plays",
    "changes_missed": "nothing: rows and place come from one snapshot",
    "suspended_seen": "nothing: suspensions are read at each refresh",
    "restarts_noticed": "how often the bench restarts the database",
    "worker_peak_mb": "the columns, and Python with its modules",
    "drops_lost": "nothing: each step's job commits with the step before it",
    "wrong_loads": "nothing: the load's lock and the unique indexes decide",
    "postings_lost": "nothing: the job that looks for drivers commits with the load",
    "wake.push_ms_p95": "a look at who waits, for up to ten loads at once, and the"
    " search of one driver",
    "wake.drop_push_ms_p95": "the requests and jobs of the import, on the same cores",
    "flood_drop_push_ms_p95": "web, workers, database and the clients, which leave no"
    " core idle",
    "wake_ups_lost": "nothing: a driver begins to wait before their search reads",
    "rung_twice_for_a_load": "nothing: a load is offered once to a driver",
    "rung_twice_in_a_minute": "nothing: a search is put off until the minute is over",
    "accept_ms_p99": "the winner's 16 round trips under the load's lock; the worker on"
    " the same cores",
    "offers_to_plain": "Flask, psycopg and two round trips",
    "unchanged_to_plain": "the same, without a body",
}


def main() -> int:
    """Run all benches; return 1 if a bar is not met, 2 if a bench broke."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small; keeps the table")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="only these; other rows stay"
    )
    options = parser.parse_args()
    is_quick, only = options.quick, options.only
    worst, rows = 0, []
    for argv in benches(is_quick):
        if only and argv[0].removeprefix("bench.") not in only:
            continue
        say(f"== python -m {' '.join(argv)}")
        ended = subprocess.run(
            [sys.executable, "-m", *argv], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        worst = max(worst, abs(ended.returncode))
        if ended.stdout:
            sys.stdout.write(ended.stdout)
            sys.stdout.flush()
            rows += table_rows(json.loads(ended.stdout))
    if rows and not is_quick:
        write_table(rows, is_whole=not only)
        say(f"{README.name} has the new table")
    return worst


def benches(is_quick: bool) -> Iterator[list[str]]:
    """Yield the command of each bench that can run here; say why one cannot."""
    for name in BY_NAME:
        yield [*f"bench.{name}".split(), *(["--quick"] if is_quick else [])]
    board = data_dir() / "loadboard"
    files = [board / "loads.csv", board / "trucks.csv"]
    if not all(file.is_file() for file in files):
        say(
            f"bench.replay is skipped: there is no board day in {board}; set"
            " BACKHAUL_DATA to the folder that contains loadboard/."
        )
        return
    replay = ["bench.replay", "--loads", str(files[0]), "--trucks", str(files[1])]
    online = [*replay, "--mode", "online"]
    if is_quick:
        yield from ([*replay, "--quick"], [*online, "--quick"])
        return
    for each in (replay, online):
        for seed in SEEDS:
            yield [*each, "--seed", str(seed)]


def data_dir() -> Path:
    """Return the folder of the board data: BACKHAUL_DATA, or beside the project."""
    given = os.environ.get("BACKHAUL_DATA")
    return Path(given) if given else ROOT.parent / "shared" / "data"


def table_rows(line: dict[str, Any]) -> list[str]:
    """Return a row of the table for each bar of a bench's line."""
    params = line["params"]
    name = " ".join([line["bench"], *([params["mode"]] if "mode" in params else [])])
    if "seed" in params:
        name += f", seed {params['seed']}"
    return [
        f"| {line['date']} | {line['machine']} | {name} | {bar['name']} |"
        f" {bar['limit']} | {bar['value']} | {'yes' if bar['met'] else 'no'} |"
        f" {_limit_of(line['bench'], bar['name'])} |\n"
        for bar in line["bars"]
    ]


def _limit_of(bench: str, bar: str) -> str:
    return LIMITED_BY.get(f"{bench}.{bar}", LIMITED_BY.get(bar, ""))


def write_table(rows: Sequence[str], *, is_whole: bool = True) -> None:
    """Put the rows between the marks of README.md; the rest stays.

    is_whole: False leaves the rows of benches that are not among these.
    """
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    if not is_whole:
        new = {_bench_of(row) for row in rows}
        kept = [row for row in old.splitlines(keepends=True) if row[:3] == "| 2"]
        rows = [*(row for row in kept if _bench_of(row) not in new), *rows]
    table = HEADER + "".join(rows)
    README.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}", encoding="utf-8")


def _bench_of(row: str) -> str:
    return row.split("|")[3].strip().partition(",")[0]


if __name__ == "__main__":
    sys.exit(main())
