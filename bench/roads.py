"""Measures distances by road: `python -m bench.roads [--loads loads.csv] [--quick]`.

The truth are the posted miles of one day of a load board. The model's factor was set on
its even loads; the odd ones, of 50 miles and more, are measured here. The barriers are
those of `tests/geo/roads/barriers.csv`.
"""

import argparse
import csv
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from random import Random
from time import perf_counter
from typing import TypeVar

import numpy as np

from bench.__main__ import ROOT, data_dir
from bench.report import Bar, percentiles, print_line, say
from geo.distance import METRES_PER_MILE, haversine_m
from geo.points import Point
from geo.roads import Highways
from places.cities import cities

SHORTEST_MI = 50
BARRIERS = ROOT / "tests" / "geo" / "roads" / "barriers.csv"
NEAR_M = 400_000.0
MEMORY = """
import argon2, firebase_admin, flask_smorest, granian, phonenumbers, procrastinate
import psycopg, shapely, sqlalchemy, structlog
import runtime.memory, runtime.telemetry
def rss_kb():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if "VmRSS" in line).split()[1])
before = rss_kb()
from edges.roads import load_roads
roads = load_roads(cache_mb=0)
print(rss_kb() - before)
"""

Figures = dict[str, float | int | None]
Value = TypeVar("Value")


def main() -> int:
    """Print the line; return 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="bench.roads", description=__doc__)
    parser.add_argument(
        "--loads", type=Path, default=data_dir() / "loadboard/loads.csv"
    )
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    roads = Highways.read(cache_mb=64)
    pairs, starts = (1_000, 10) if options.quick else (20_000, 200)
    figures: Figures = {}
    bars: list[Bar] = []
    if options.loads.is_file():
        accuracy, more = _accuracy(roads, options.loads)
        figures |= accuracy
        bars += more
    else:
        say(f"The accuracy is skipped: there is no {options.loads}.")
    for part, more in (_barriers(roads), _cities(roads, pairs), _speed(roads, starts)):
        figures |= part
        bars += more
    print_line(
        "roads",
        {"pairs": pairs, "starts": starts, "version": roads.version},
        figures,
        bars,
        versions={"python": platform.python_version()}
        | {name: version(name) for name in ("numpy", "scipy")},
    )
    return int(not all(bar.met for bar in bars))


def _accuracy(roads: Highways, path: Path) -> tuple[Figures, list[Bar]]:
    """Return how far the model is from the posted miles of the odd loads, percent."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["type"] == "Load"]
    errors = []
    for row in rows[1::2]:
        posted_m = float(row["mileage"]) * METRES_PER_MILE
        if posted_m <= SHORTEST_MI * METRES_PER_MILE:
            continue
        ends = [
            Point(float(row[f"{end}Latitude"]), float(row[f"{end}Longitude"]))
            for end in ("origin", "destination")
        ]
        errors.append(100 * (roads.distance_m(*ends) / posted_m - 1))
    away = [abs(error) for error in errors]
    figures: Figures = {
        "held_out_loads": len(errors),
        "bias_percent": round(float(np.mean(errors)), 2),
        "error_percent_mean": round(float(np.mean(away)), 2),
        "error_percent_p50": round(float(np.percentile(away, 50)), 2),
        "error_percent_p90": round(float(np.percentile(away, 90)), 2),
        "error_percent_p99": round(float(np.percentile(away, 99)), 2),
        "error_percent_worst": round(max(away), 2),
    }
    limits = {"mean": 3.0, "p90": 6.5, "worst": 20.0}
    return figures, [
        Bar(name, limit, float(figures[name] or 0), is_ceiling=True)
        for name, limit in (
            (f"error_percent_{which}", most) for which, most in limits.items()
        )
    ]


def _barriers(roads: Highways) -> tuple[Figures, list[Bar]]:
    with BARRIERS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    outside = 0
    for row in rows:
        a, b = (Point(float(row[f"lat{n}"]), float(row[f"lon{n}"])) for n in "12")
        miles = roads.distance_m(a, b) / METRES_PER_MILE
        low, high = (float(row[name] or inf) for name in ("low", "high"))
        outside += not (low - 0.5 <= miles <= high + 0.5)
    return {"barriers": len(rows)}, [
        Bar("barriers_out_of_range", 0, outside, is_ceiling=True)
    ]


def _cities(roads: Highways, number: int) -> tuple[Figures, list[Bar]]:
    """Return what is wrong with ways between random cities; there should be nothing."""
    random = Random(11)
    towns = [city.point for city in cities()]
    places = roads.places(towns)
    endless = unequal = short = made = 0
    detours: list[float] = []
    while made < number:
        start, third = random.sample(range(len(towns)), 2)
        rows = np.array(random.sample(range(len(towns)), 50))
        there = roads.ways_from(towns[start], places.take(rows)).metres
        over = roads.ways_from(towns[third], places.take(rows)).metres
        first_m = roads.distance_m(towns[start], towns[third])
        for row, metres, rest in zip(rows.tolist(), there, over, strict=True):
            endless += not isfinite(metres)
            short += bool(metres < haversine_m(towns[start], towns[row]))
            detours.append(float(first_m + rest - metres))
        back = random.choice(rows.tolist())
        at = rows.tolist().index(back)
        unequal += roads.distance_m(towns[back], towns[start]) != there[at]
        made += len(rows)
    return {
        "negative_detours_share": round(float(np.mean(np.array(detours) < 0)), 5),
        "most_negative_detour_m": round(min(0.0, *detours)),
    }, [
        Bar("city_pairs_without_road", 0, endless, is_ceiling=True),
        Bar("city_pairs_not_symmetric", 0, int(unequal), is_ceiling=True),
        Bar("city_pairs_below_great_circle", 0, short, is_ceiling=True),
    ]


def _speed(roads: Highways, starts: int) -> tuple[Figures, list[Bar]]:
    random = Random(7)
    points = [
        Point(random.uniform(32, 45), random.uniform(-105, -80)) for _ in range(starts)
    ]
    ends = roads.places([point for point in points for _ in range(20)])
    figures: Figures = {}
    began = perf_counter()
    roads.places(points)
    figures["snap_ms_each"] = round((perf_counter() - began) * 1000 / starts, 3)
    near = _times_ms(lambda point: roads.ways_from(point, ends, NEAR_M), points)
    figures |= percentiles("one_to_all_near_ms", near)
    whole = _times_ms(lambda point: roads.ways_from(point, ends), points)
    figures |= percentiles("one_to_all_all_ms", whole)
    both = list(pairwise(points))
    pair_ms = _times_ms(lambda pair: roads.line(*pair), both)
    figures |= percentiles("line_ms", pair_ms)
    memory_mb = _memory_mb()
    figures["memory_mb"] = memory_mb
    return figures, [
        Bar("memory_mb", 60, memory_mb, is_ceiling=True),
        Bar(
            "one_to_all_near_ms_p50",
            4,
            float(figures["one_to_all_near_ms_p50"] or 0),
            is_ceiling=True,
        ),
        Bar(
            "one_to_all_all_ms_p50",
            30,
            float(figures["one_to_all_all_ms_p50"] or 0),
            is_ceiling=True,
        ),
    ]


def _times_ms(act: Callable[[Value], object], values: Sequence[Value]) -> list[float]:
    times = []
    for value in values:
        began = perf_counter()
        act(value)
        times.append((perf_counter() - began) * 1000)
    return times


def _memory_mb() -> float:
    """Return what the roads add to a process that has the libraries of web already."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return round(int(done.stdout) / 1024, 1)


if __name__ == "__main__":
    sys.exit(main())
