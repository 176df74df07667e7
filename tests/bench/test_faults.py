"""The benches of faults in their quick forms: real processes are killed and cut off."""

from typing import Any

import pytest

from bench import __main__ as benches
from tests.bench.quick import line_of, play

TOLD_BY_THE_FULL_FORM = {"push_duplicates_share", "fetch_ms_p95"}
"""Bars for the full form only: two repeated pushes are more than 2 % of 72, and a
fetch is timed in milliseconds, which mean little beside other work."""


def quick(bench: str) -> dict[str, Any]:
    ended = play(bench)
    line = line_of(ended, bench)
    missed = {bar["name"] for bar in line["bars"] if not bar["met"]}
    assert missed <= TOLD_BY_THE_FULL_FORM, ended.stdout + ended.stderr
    figures: dict[str, Any] = line["figures"]
    return figures


@pytest.mark.bench
def test_nothing_is_lost_when_web_and_worker_are_killed() -> None:
    figures = quick("kill")

    assert figures["searches"] == figures["drops"] > 20
    assert figures["offers"] == 3 * figures["drops"]
    assert figures["kills"] == {"worker": 2, "web worker": 1}
    assert figures["answers"]["200"] == figures["drops"]


@pytest.mark.bench
def test_no_acknowledged_write_is_lost_when_the_database_is_restarted() -> None:
    figures = quick("restart")

    for noun in ("fixes", "drops", "accepts"):
        assert figures[f"acknowledged_{noun}"] > 5, noun
    assert len(figures["worker_back_s"]) == 2
    assert figures["answers"]["503"] > 0
    assert "500" not in figures["answers"]


@pytest.mark.bench
def test_no_push_comes_too_early_and_each_arrives_or_is_dropped_at_its_expiry() -> None:
    figures = quick("fcm_storm")

    assert figures["offers"] < figures["requests"] < 1.3 * figures["offers"]
    assert figures["dead"] == figures["expired"] == 1
    assert figures["refused_with_429_and_tried_again"] == 3


@pytest.mark.bench
def test_the_soak_samples_every_process_and_the_queue() -> None:
    figures = quick("soak")

    grown = figures["rss_growth"]
    assert set(grown) == {"granian", "worker", "web 1", "web 2"}
    assert figures["drops"] == 9
    assert figures["jobs_failed"] == 0
    assert figures["jobs_left"] == 0


@pytest.mark.parametrize("bench", ["kill", "restart", "fcm_storm", "soak"])
def test_make_bench_runs_each_of_them(bench: str) -> None:
    commands = [argv[0] for argv in benches.benches(is_quick=True)]

    assert f"bench.{bench}" in commands
