"""What-ifs beside drops: the time from 202 until a dry run's record is filled, on a
market of a million loads: `python -m bench.what_if`."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, LiteralString

import psycopg

from bench.day import NeverCame
from bench.drop_to_push import PER_S, WARM_UP_S, Size, Street, furnish, sized
from bench.hauls import Truck
from bench.patience import PATIENCE_S
from bench.report import Bar, percentiles
from bench.rig import Rig, set_up
from bench.running import BREAKS, Line, line_of, run
from places.cities import city

ASKED_PER_S = 2.0
MOST_FILLED_MS_P95 = 1000.0
HANDS = 16
LOOK_EVERY_S = 0.01
ASKING = 40
"""Trucks whose drivers ask; no drop of theirs is completed."""

NEAR_SHARE, NEAR_M = 0.25, 50.0
AHEAD_SHARE, AHEAD = 0.125, timedelta(days=20)

PLACES = (
    *(("Chicago", "IL"), ("Dallas", "TX"), ("Atlanta", "GA"), ("Los Angeles", "CA")),
    *(("Columbus", "OH"), ("Billings", "MT"), ("Memphis", "TN"), ("Newark", "NJ")),
)
FILLED: LiteralString = """
    select outcome, (timings->>'search_ms')::float, (timings->>'relax_ms')::float,
        jsonb_array_length(relaxations)
    from backhaul_searches where id = %s::uuid and outcome <> 'pending'
"""


@dataclass(frozen=True)
class Filled:
    """A what-if that was answered 202, and its record.

    filled_ms: from the answer until the record was seen filled.
    """

    filled_ms: float
    outcome: str
    search_ms: float | None
    relax_ms: float | None
    relaxations: int


class Desk:
    """Asks for dry runs at a steady rate, and sees when their records are filled."""

    def __init__(self, rig: Rig, trucks: Sequence[Truck], seed: int) -> None:
        self._url = rig.env["DATABASE_URL"]
        self._trucks = trucks
        self._random = Random(seed)

    def ask_steadily(self, seconds: float) -> list[Filled | None]:
        """Ask from the cities in turn; None for each request that was not taken.

        Relaxations are tried for those that find nothing: one in four has a radius in
        which there is hardly a load, and one in eight is free in 20 days, for which
        nothing is posted yet; that one has the most loads to try.
        """
        number = round(ASKED_PER_S * seconds)
        kinds = [self._random.random() for _ in range(number)]
        started = time.time() + 0.1

        def one(count: int) -> Filled | None:
            time.sleep(max(started + count / ASKED_PER_S - time.time(), 0))
            point = city(*PLACES[count % len(PLACES)]).point
            body: dict[str, Any] = {
                "place": {"lat": point.lat, "lon": point.lon},
                "is_dry_run": True,
            }
            if kinds[count] < NEAR_SHARE:
                body["radius_m"] = NEAR_M
            elif kinds[count] < NEAR_SHARE + AHEAD_SHARE:
                body["free_at"] = (datetime.now(UTC) + AHEAD).isoformat()
            client = self._trucks[count % len(self._trucks)].person.client
            answer = client.call("POST", "/v1/backhaul-searches", body)
            return self._filled(answer["id"]) if answer.status == 202 else None

        with ThreadPoolExecutor(HANDS) as pool:
            return list(pool.map(one, range(number)))

    def _filled(self, search_id: str) -> Filled:
        began = time.monotonic()
        with psycopg.connect(self._url, autocommit=True) as connection:
            while time.monotonic() < began + PATIENCE_S:
                row = connection.execute(FILLED, [search_id]).fetchone()
                if row is not None:
                    return Filled((time.monotonic() - began) * 1000, *row)
                time.sleep(LOOK_EVERY_S)
        raise NeverCame(f"search {search_id} is still pending")


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Ask while drops are completed; return figures and bars."""
    trucks = furnish(rig, size, seed, more=ASKING)
    desk, street = Desk(rig, trucks[:ASKING], seed), Street(rig, trucks[ASKING:])
    street.play(PER_S, WARM_UP_S)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(desk.ask_steadily, size.seconds)
        drops = street.play(PER_S, size.seconds)
        answers = asked.result()
    filled = [each for each in answers if each is not None]
    relaxed = [each.relax_ms for each in filled if each.relaxations and each.relax_ms]
    figures = {
        "asked": len(answers),
        "refused": len(answers) - len(filled),
        "outcomes": dict(Counter(each.outcome for each in filled)),
        **percentiles("filled_ms", [each.filled_ms for each in filled], (50, 95, 99)),
        **percentiles("search_ms", [e.search_ms for e in filled if e.search_ms]),
        **percentiles("relax_ms", relaxed, (50, 95, 99)),
        "with_relaxations": len(relaxed),
        "drops": len(drops.drops),
        "drops_lost": drops.lost,
        **percentiles("push_ms", drops.push_ms, (50, 95)),
    }
    p95 = figures["filled_ms_p95"]
    if p95 is None:
        raise NeverCame("no request was taken")
    return figures, [
        Bar("filled_ms_p95", MOST_FILLED_MS_P95, p95, is_ceiling=True),
        Bar("what_ifs_refused", 0, figures["refused"], is_ceiling=True),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    options, size = sized("what_if", __doc__, argv)

    def play_on_rig() -> Line:
        with set_up({}) as rig:
            figures, bars = play(rig, size, options.seed)
            params = {"loads": size.loads, "per_s": PER_S, "asked_per_s": ASKED_PER_S}
            return line_of(rig, options, figures, bars, **params)

    return run("what_if", play_on_rig, breaks=(*BREAKS, NeverCame))


if __name__ == "__main__":
    sys.exit(main())
