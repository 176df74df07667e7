"""A day of a real load board, played through the API: `python -m bench.replay`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from http.client import HTTPException
from math import ceil
from pathlib import Path

from bench.board import BoardLoad, DropAt, NotABoard, Trip, read_loads, read_trips
from bench.cast import at_once, hire
from bench.client import Refused
from bench.day import NeverCame, play_all, play_online
from bench.report import print_line, say, versions_of
from bench.stage import CannotStage, Stage, staged
from bench.verdict import Played, Rules, bars_of, figures_of, reference_shares
from embedded import EmbeddedServerError
from processes import ProcessEnded, stop_on_signals

MAX_DETOUR_MI = 300
FLEETS = 4
TRUCKS_A_FLEET = 40
OTHER_SEEDS = range(100)
"""Random homes judged by the reference only, to see how much they matter."""
QUICK_TRUCKS = 20
EXPECTED = (
    *(NotABoard, CannotStage, Refused, NeverCame, ProcessEnded),
    *(EmbeddedServerError, OSError, HTTPException),
)


class Mode(StrEnum):
    """ALL: every load is posted before the first drop. ONLINE: in time order."""

    ALL = "all"
    ONLINE = "online"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench.replay", description=__doc__)
    parser.add_argument("--loads", type=Path, required=True, help="loads.csv")
    parser.add_argument("--trucks", type=Path, required=True, help="trucks.csv")
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=Mode.ALL)
    parser.add_argument("--radius-mi", type=float, default=100.0)
    parser.add_argument("--seed", type=int, default=1, help="of the random homes")
    parser.add_argument(
        "--drop-at",
        type=DropAt,
        choices=list(DropAt),
        default=DropAt.REPORT,
        help="the truck's first report, or where the load ended that it came with",
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"the first {QUICK_TRUCKS} trucks"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Play the day and print its line; return 1 if a bar is not met, 2 if it broke."""
    options = arguments(argv)
    stop_on_signals()
    busy = os.getloadavg()[0]
    try:
        loads = read_loads(options.loads)
        trips = _trips(options, loads, options.seed)
        settings = {
            "SEARCH_RADII_MI": f"{options.radius_mi:g}",
            "MAX_DETOUR_MI": str(MAX_DETOUR_MI),
        }
        with staged(settings) as stage:
            played = _play(stage, options.mode, loads, trips)
            versions = versions_of(stage.env["DATABASE_URL"])
    except KeyboardInterrupt:
        return 130
    except EXPECTED as error:
        say(f"The replay broke: {error}")
        return 2
    rules = Rules(options.radius_mi, MAX_DETOUR_MI)
    figures = figures_of(loads, trips, played, rules)
    figures["load_average_before"] = round(busy, 2)
    if played.is_all_posted:
        others = (_trips(options, loads, seed) for seed in OTHER_SEEDS)
        figures |= reference_shares(loads, others, rules)
    bars = bars_of(figures, is_all_posted=played.is_all_posted)
    params = {
        "mode": options.mode,
        "drop_at": options.drop_at,
        "radius_mi": options.radius_mi,
        "max_detour_mi": MAX_DETOUR_MI,
        "seed": options.seed,
        "is_quick": options.quick,
    }
    print_line("replay", params, figures, bars, versions=versions)
    return 0 if all(bar.met for bar in bars) else 1


def _trips(
    options: argparse.Namespace, loads: Sequence[BoardLoad], seed: int
) -> list[Trip]:
    trips = read_trips(options.trucks, loads, seed=seed, drop_at=options.drop_at)
    return trips[:QUICK_TRUCKS] if options.quick else trips


def _play(
    stage: Stage, mode: Mode, loads: Sequence[BoardLoad], trips: Sequence[Trip]
) -> Played:
    started = time.monotonic()
    say("web, worker and fake FCM are up")
    broker = stage.create_company("broker", 0, "broker")
    fleets = at_once(
        lambda number: stage.create_company(
            "private_fleet", number, "dispatcher", "shipper"
        ),
        range(min(FLEETS, ceil(len(trips) / TRUCKS_A_FLEET))),
    )
    drivers = hire(stage, fleets, trips)
    setup_s = time.monotonic() - started
    say(f"{len(drivers)} drivers stand at their drops after {setup_s:.0f} s")
    play = play_all if mode is Mode.ALL else play_online
    day, phones = play(stage, broker, loads, drivers)
    play_s = time.monotonic() - started - setup_s
    return Played(mode is Mode.ALL, day, phones, drivers, setup_s, play_s)


if __name__ == "__main__":
    sys.exit(main())
