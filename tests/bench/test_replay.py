"""The replay of a board day in its quick form, and the reference for its ranking."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from uuid import uuid4

import pytest
from sqlalchemy import text

from bench import __main__ as benches
from bench.board import BoardLoad, Trip
from bench.day_answers import answers
from bench.homeward import Homeward
from bench.leaps import Clock
from bench.matching import most_gain_usd
from bench.product import way_of
from bench.report import Bar
from geo.distance import haversine_m
from geo.points import Point
from geo.roads import EstimatedRoads
from jobs import Job, enqueue
from runtime.config import Settings
from runtime.db import Session
from tests.bench.quick import line_of, play

BOARD = benches.data_dir() / "loadboard"

CHICAGO, NEW_YORK, NEWARK = (41.88, -87.63), (40.71, -74.01), (40.74, -74.17)
NOON = datetime(2023, 11, 19, 12, tzinfo=UTC).timestamp()


def load(price_cents=250_000, equipment="van", origin=NEWARK, destination=CHICAGO):
    return BoardLoad(1, origin, destination, equipment, price_cents, 790.0, NOON)


def trip(equipment="van"):
    return Trip(2, "101", equipment, drop=NEW_YORK, home=CHICAGO, at=NOON)


def judged(*loads, radius_mi=100, max_detour_mi=300):
    limits = {"radius_mi": radius_mi, "max_detour_mi": max_detour_mi}
    return answers([trip()], loads, way_of(EstimatedRoads()), **limits)


def replay(*more):
    if not (BOARD / "loads.csv").is_file():
        # The data are not part of the project and may be missing.
        pytest.skip(f"there is no board day in {BOARD} (BACKHAUL_DATA names its place)")
    files = ["--loads", BOARD / "loads.csv", "--trucks", BOARD / "trucks.csv"]
    return play("replay", *files, *more)


@pytest.fixture(scope="module")
def quick():
    return replay()


@pytest.fixture(scope="module")
def online():
    return replay("--mode", "online")


@pytest.mark.bench
class TestTheReplay:
    def test_every_bar_is_met(self, quick):
        assert quick.returncode == 0, quick.stderr

    def test_it_prints_one_line_of_the_agreed_form(self, quick):
        line = line_of(quick, "replay")

        assert line["params"]["is_quick"] is True
        names = [bar["name"] for bar in line["bars"]]
        assert names == [
            *("share_with_ranked", "pairs_that_differ", "gain_share_of_optimum")
        ]

    def test_drivers_with_ranked_loads_get_offers_and_some_win_a_load(self, quick):
        figures = json.loads(quick.stdout)["figures"]

        assert figures["trucks_with_offer"] <= figures["trucks_with_ranked"]
        assert 0 < figures["matched"] <= figures["trucks_with_offer"]
        assert figures["empty_mi_after"] < figures["empty_mi_before"]
        assert 0 < figures["gain_share_of_optimum"] <= 1.001
        for name in ("completion_answer_ms", "completion_to_push_ms"):
            assert 0 < figures[f"{name}_p50"] <= figures[f"{name}_p95"]


@pytest.mark.bench
class TestTheReplayInTimeOrder:
    def test_it_prints_one_line_of_the_agreed_form(self, online):
        line = line_of(online, "replay")

        names = [bar["name"] for bar in line["bars"]]
        assert names == ["pairs_that_differ", "rings_most"]
        assert online.returncode == 0, online.stderr

    def test_drivers_who_wait_are_rung_for_loads_that_came_after_their_drops(
        self, online
    ):
        figures = json.loads(online.stdout)["figures"]

        assert figures["matched_at_drop"] < figures["matched"]
        assert figures["gain_usd_at_drop"] < figures["gain_usd"]
        assert figures["gain_share_of_optimum"] > 0.4
        assert 1 <= figures["rings_most"] <= 6


class TestHomeward:
    def test_a_truck_drives_the_way_home_at_the_speed_that_the_server_plans(self):
        way = Homeward(EstimatedRoads(), Point(*NEW_YORK), Point(*CHICAGO))

        after_5_h = way.after(5 * 3600)
        driven_mi = haversine_m(Point(*NEW_YORK), after_5_h) / 1609.344
        circuity = 840 / 711
        assert driven_mi * circuity == pytest.approx(5 * Settings.ROAD_MPH, rel=0.03)

    def test_it_rests_after_eleven_hours_and_is_home_in_the_end(self):
        way = Homeward(EstimatedRoads(), Point(*NEW_YORK), Point(*CHICAGO))
        miles = 840
        driving_h = miles / Settings.ROAD_MPH
        assert 11 < driving_h < 22

        before, rested = way.after(11.5 * 3600), way.after(21.4 * 3600)
        assert haversine_m(before, rested) < 2_000
        assert way.after((driving_h + 10.4) * 3600) is not None
        assert way.after((driving_h + 11.1) * 3600) is None


class TestTheClock:
    @pytest.fixture
    def clock(self, committed, database_url):
        with Session.begin() as session:
            later = datetime.now(UTC) + timedelta(minutes=1)
            enqueue(
                session,
                Job.SEARCH_WAKE,
                at=later,
                load_id=str(uuid4()),
                since=(later - timedelta(minutes=1)).isoformat(),
            )
        with Clock(database_url, NOON) as clock:
            yield clock

    def jobs(self):
        with Session() as session:
            query = "select scheduled_at, args->>'since' from procrastinate_jobs"
            return session.execute(text(query)).one()

    def test_leaps_no_farther_than_to_the_next_job(self, clock):
        clock.leap(NOON + 3600)

        assert clock.now() == pytest.approx(NOON + 60, abs=5)
        scheduled_at, since = self.jobs()
        assert scheduled_at <= datetime.now(UTC)
        ago = datetime.now(UTC) - datetime.fromisoformat(since)
        assert ago.total_seconds() == pytest.approx(60, abs=5)

    def test_leaps_no_farther_than_asked(self, clock):
        clock.leap(NOON + 30)

        assert clock.now() == pytest.approx(NOON + 30, abs=5)
        assert self.jobs().scheduled_at > datetime.now(UTC)

    def test_stands_still_while_a_job_runs(self, clock):
        with Session.begin() as session:
            session.execute(text("update procrastinate_jobs set status = 'doing'"))

        clock.leap(NOON + 30)

        assert clock.now() == pytest.approx(NOON, abs=5)


class TestAnswers:
    def test_a_load_home_from_near_the_drop_is_worth_taking(self):
        found = judged(load())

        assert found.share == 1
        # 711 miles by great circle; the load lies on the way and costs 4 h at docks.
        assert found.baseline_mi[0] == pytest.approx(840, abs=1)
        assert found.gains[0, 0] / 100 == pytest.approx(2_500 - 4 * 14, abs=10)

    @pytest.mark.parametrize(
        "bad",
        [
            load(equipment="reefer"),
            load(price_cents=100),
            load(origin=CHICAGO, destination=NEWARK),
        ],
        ids=["other equipment", "no gain", "outside the circle"],
    )
    def test_other_loads_are_not_worth_taking(self, bad):
        assert judged(bad).share == 0

    def test_a_detour_beyond_the_limit_is_refused(self):
        denver = load(destination=(39.74, -104.99), price_cents=10_000_00)

        assert judged(denver).share == 0
        assert judged(denver, max_detour_mi=3_000).share == 1


class TestMostGain:
    @pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
    @pytest.mark.parametrize("seed", range(5))
    def test_equals_trying_all_matchings(self, shape, seed):
        random, (trips, loads) = Random(seed), shape
        pairs = [(i, j) for i in range(trips) for j in range(loads)]
        gains = {pair: random.randint(-5_000, 10_000) for pair in pairs}
        gains = {pair: cents for pair, cents in gains.items() if cents > 0}

        # Each trip has a column of its own for staying without a load.
        columns = [*range(loads), *(-1 for _ in range(trips))]
        best = max(
            sum(gains.get(pair, 0) for pair in enumerate(chosen))
            for chosen in permutations(columns, trips)
        )
        assert most_gain_usd(gains) == pytest.approx(best / 100)

    def test_is_nothing_without_loads_worth_taking(self):
        assert most_gain_usd({}) == 0


class TestTheTable:
    def test_is_put_between_its_marks(self, tmp_path, monkeypatch):
        readme = tmp_path / "README.md"
        readme.write_text(f"before {benches.BEGIN}old{benches.END} after")
        monkeypatch.setattr(benches, "README", readme)
        line = {
            "bench": "replay",
            "params": {"mode": "all", "seed": 1},
            "bars": [Bar("share_with_ranked", 0.36, 0.54).to_record()],
            "machine": "two cores",
            "date": "2026-11-22",
        }

        benches.write_table(benches.table_rows(line))
        benches.write_table(benches.table_rows(line))

        text = readme.read_text()
        assert "old" not in text
        assert text.startswith("before ")
        assert text.endswith(" after")
        assert text.count("| 0.36 | 0.54 | yes |") == 1

    def test_running_some_benches_leaves_the_rows_of_the_others(
        self, tmp_path, monkeypatch
    ):
        readme = tmp_path / "README.md"
        readme.write_text(f"{benches.BEGIN}{benches.END}")
        monkeypatch.setattr(benches, "README", readme)
        rows = [f"| 2026-11-22 | here | {name} | x |\n" for name in ("a", "b, seed 1")]
        benches.write_table(rows)

        benches.write_table(["| 2026-11-23 | here | b, seed 2 | y |\n"], is_whole=False)

        text = readme.read_text()
        assert text.count("| a | x |") == text.count("| b, seed 2 | y |") == 1
        assert "seed 1" not in text

    def test_a_bench_without_its_data_is_skipped_with_a_message(
        self, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.setenv("BACKHAUL_DATA", str(tmp_path))

        assert list(benches.benches(is_quick=False)) == [
            *([f"bench.{name}"] for name in ("idempotency", "fuzz", "refresh")),
            *([f"bench.{name}"] for name in ("tenants", "exits", "overhead")),
            *(["bench.limits"], ["bench.slow"], ["bench.roads"]),
            *(["bench.naive"], ["bench.weeks"]),
            *([f"bench.{name}"] for name in ("freshness", "search", "drop_to_push")),
            *([f"bench.{name}"] for name in ("what_if", "wake", "accept_race", "http")),
            *([f"bench.{name}"] for name in ("kill", "restart", "fcm_storm", "soak")),
        ]
        assert "BACKHAUL_DATA" in capsys.readouterr().err
