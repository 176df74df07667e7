"""A day of a real load board, played through the API: `python -m bench.replay`."""

import argparse
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from bench.arrivals import hire
from bench.board import BoardLoad, DropAt, NotABoard, Trip, read_loads, read_trips
from bench.crowd import Crowd
from bench.day import NeverCame, play_all
from bench.day_answers import ways_between
from bench.day_figures import Played, Rules, bars_of, figures_of, reference_shares
from bench.day_online import Online
from bench.leaps import Clock
from bench.report import say
from bench.rig import Rig, set_up
from bench.running import BREAKS, Line, line_of, parser_of, run
from geo.roads import Highways
from runtime.config import Settings

MAX_DETOUR_MI = 300
OTHER_SEEDS = range(100)
"""More random homes, for the reference only, to see how much the homes matter."""
QUICK_TRUCKS = 20


class Mode(StrEnum):
    """ALL: every load is posted before the first drop. ONLINE: loads and drops come in
    time order, and trucks may be rung until they are home."""

    ALL = "all"
    ONLINE = "online"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("replay", __doc__)
    parser.add_argument("--loads", type=Path, required=True, help="loads.csv")
    parser.add_argument("--trucks", type=Path, required=True, help="trucks.csv")
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=Mode.ALL)
    parser.add_argument("--radius-mi", type=float, default=100.0)
    parser.add_argument(
        "--drop-at",
        type=DropAt,
        choices=list(DropAt),
        default=DropAt.REPORT,
        help="the truck's first report, or the destination of the load it came with",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Play the day and print its line; see `running.run`."""
    options = arguments(argv)
    settings = {
        "MAX_DEADHEAD_MI": f"{options.radius_mi:g}",
        "MAX_DETOUR_MI": str(MAX_DETOUR_MI),
    }
    if options.mode is Mode.ONLINE:
        # Its time passes as in a real day.
        settings["OFFER_TTL_S"] = str(Settings.OFFER_TTL_S)

    def play_on_rig() -> Line:
        loads = read_loads(options.loads)
        trips = _trips(options, loads, options.seed)
        with set_up(settings) as rig:
            roads = Highways.read(cache_mb=Settings.ROADS_CACHE_MB)
            day = _play(rig, options, loads, trips, roads)
            rules = Rules(options.radius_mi, MAX_DETOUR_MI)
            way = ways_between(roads, loads, trips)
            figures = figures_of(loads, trips, day, rules, way)
            if day.is_all_posted:
                others = (_trips(options, loads, seed) for seed in OTHER_SEEDS)
                figures |= reference_shares(loads, others, rules, way)
            bars = bars_of(
                figures, is_all_posted=day.is_all_posted, is_whole=not options.quick
            )
            params = {
                "mode": options.mode,
                "drop_at": options.drop_at,
                "radius_mi": options.radius_mi,
                "max_detour_mi": MAX_DETOUR_MI,
            }
            return line_of(rig, options, figures, bars, **params)

    return run("replay", play_on_rig, breaks=(*BREAKS, NotABoard, NeverCame))


def _trips(
    options: argparse.Namespace, loads: Sequence[BoardLoad], seed: int
) -> list[Trip]:
    trips = read_trips(options.trucks, loads, seed=seed, drop_at=options.drop_at)
    return trips[:QUICK_TRUCKS] if options.quick else trips


def _play(
    rig: Rig,
    options: argparse.Namespace,
    loads: Sequence[BoardLoad],
    trips: Sequence[Trip],
    roads: Highways,
) -> Played:
    started = time.monotonic()
    say("web, worker and fake FCM are up")
    broker = rig.create_company("broker", 0, "broker")
    # Only then may it confirm the odd prices of the board.
    rig.verify(broker)
    drivers = hire(Crowd(rig), trips)
    setup_s = time.monotonic() - started
    say(f"{len(drivers)} drivers stand at their drops after {setup_s:.0f} s")
    is_all_posted = options.mode is Mode.ALL
    if is_all_posted:
        day, phones = play_all(rig, broker, loads, drivers)
    else:
        begins_at = min(each.at for each in (*loads, *trips))
        with Clock(rig.env["DATABASE_URL"], begins_at) as clock:
            online = Online(rig, broker, roads, clock, options.seed)
            day, phones = online.play(loads, drivers)
    play_s = time.monotonic() - started - setup_s
    return Played(is_all_posted, day, phones, drivers, setup_s, play_s)


if __name__ == "__main__":
    sys.exit(main())
