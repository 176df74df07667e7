"""A small `make demo`: it plays to its end and leaves no process and no database."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.waiting import LONGEST_S, wait_until

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
SMALL = {"DEMO_LOADS": "120", "DEMO_TRUCKS": "4", "DEMO_SECONDS": "1"}
DROPS_OF_SCENES = 11
COMMAND = [sys.executable, "-m", "demo.run"]


def environment(**changes):
    ours = {k: v for k, v in os.environ.items() if k not in {"ONCE", "PORT"}}
    return ours | SMALL | changes


def run(**changes):
    return subprocess.run(
        COMMAND,
        cwd=ROOT,
        env=environment(ONCE="1", **changes),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )


@pytest.fixture(scope="module")
def played(server_url):
    return run()


@pytest.fixture(scope="module")
def figures(played):
    return json.loads(played.stdout.splitlines()[-1])


def told(played):
    """Return the story on one line."""
    return " ".join(played.stdout.split())


def connections_of_demos(server_url):
    """Return the number of connections to the demos' databases."""
    with psycopg.connect(server_url) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where datname like 'backhaul_demo%'"
        ).fetchone()
    return row[0]


class TestTheDay:
    def test_it_exits_with_0_and_every_promise_is_kept(self, played):
        assert "BROKEN" not in played.stdout
        assert played.stderr == ""
        assert played.returncode == 0

    def test_its_last_line_contains_the_figures(self, figures):
        assert figures["demo"] == "ok"
        assert figures["drops"] == DROPS_OF_SCENES + int(SMALL["DEMO_TRUCKS"])
        assert figures["offers"] >= figures["accepted"] >= 4
        assert figures["overridden"] == 2
        assert figures["pickups_confirmed"] > figures["drops"]
        assert 0 < figures["empty_km_after"] < figures["empty_km_before"]
        assert figures["driven_km_before"] == figures["empty_km_before"]
        assert figures["driven_km_after"] > figures["empty_km_after"]
        assert (
            0 < figures["hours_until_home_before"] < figures["hours_until_home_after"]
        )
        assert figures["dollars_a_week_before"] < figures["dollars_a_week_after"]
        latency = figures["completion_to_push_ms"]
        assert 0 < latency["p50"] <= latency["p95"] < 30_000

    def test_it_says_what_is_saved_at_least_and_at_most(self, figures, played):
        empty_km = figures["empty_km_before"] - figures["empty_km_after"]
        strict = figures["co2_avoided_strict_kg"]

        assert strict == pytest.approx(empty_km / 1.609344 / 6.5 * 10.21, abs=0.2)
        assert figures["co2_avoided_conservative_kg"] > strict
        assert "if the trucks that would have hauled" in told(played)
        assert "16.7% of their miles empty" in told(played)

    def test_it_drives_round_a_lake_and_minds_the_stop_in_the_middle(self, played):
        story = told(played)

        assert "The server answers: beyond max deadhead." in story
        assert "Its route goes round the lake: 123 mi from the drop" in story
        assert "delivery closed before arrival, at stop 2." in story

    def test_drivers_read_their_offer_in_one_sentence(self, played):
        when = r"home \w+ \d\d:\d\d, \d+ h later than empty"

        assert re.search(rf'"Pays \$950, 123 empty miles, {when}\."', told(played))

    def test_the_founding_case_is_told_first(self, played):
        chicago = played.stdout.index("A truck from Chicago delivers in New York")

        assert chicago < played.stdout.index("Two drivers, one load")
        assert "and wins it" in told(played)


class TestStopping:
    def test_a_signal_ends_everything_it_started(self, server_url):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=environment(PORT=str(port)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in process.stdout:
            if "fake FCM run" in line:
                break

        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=LONGEST_S)

        assert process.returncode == 130
        assert output.endswith("Stopped.\n")
        assert errors == ""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=LONGEST_S).close()
        wait_until(
            lambda: connections_of_demos(server_url) == 0,
            "the end of the demo's connections",
        )


class TestStarting:
    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"DEMO_LOADS": "many"}, "DEMO_LOADS is 'many': give a whole number."),
            (
                {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
                "No PostgreSQL answers at DATABASE_URL",
            ),
        ],
    )
    def test_a_start_that_must_fail_prints_one_sentence(self, changes, sentence):
        failed = run(**changes)

        assert failed.returncode == 2
        assert failed.stderr.startswith(sentence)
        assert failed.stderr.count("\n") == 1
