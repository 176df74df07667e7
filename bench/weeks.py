"""Trucks over weeks, with our search and with the first one: `python -m bench.weeks`.

On two markets, as it is and with most pickups wanted soon, and with two variable costs
of a mile. What counts is the contribution of a truck and week: revenue less variable
cost of all kilometres. `bench.weeks_world` says what is played.
"""

import argparse
import platform
import sys
from collections.abc import Iterator, Sequence
from statistics import mean
from time import perf_counter
from typing import Any

from bench.product import way_of
from bench.reference_records import METRES_PER_MILE
from bench.report import Bar, say
from bench.rig import CannotSetUp
from bench.running import Line, parser_of, run
from bench.weeks_policies import (
    EmptyHome,
    ProductPolicy,
    ReferencePolicy,
    first_checkout,
    first_search,
)
from bench.weeks_world import (
    ROADS,
    Costs,
    Earned,
    Policy,
    Posted,
    Size,
    World,
    cached,
    each_market,
    posted,
)
from freight.costs import HOUR_CENTS
from market import Habits

USD_A_MILE = (0.76, 1.56)
"""Variable costs: an owner-operator who pays no wage by the mile, and the default."""

LEAST_FACTOR = 1.3
LEAST_WOKEN_FACTOR = 1.1
"""Of trucks that are woken on the way home to trucks that are searched for at their
drops alone."""

HOUR_USD = HOUR_CENTS / 100
QUICK = Size(trucks=10, loads_a_day=200, warm_up_days=2, weeks=1)


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    options = arguments(argv)
    size = QUICK if options.quick else Size(options.trucks, options.loads_a_day)

    def play() -> Line:
        figures: dict[str, Any] = {}
        bars: list[Bar] = []
        for name, habits in each_market():
            played = Weeks(size, name, habits, options)
            for usd_a_mile in USD_A_MILE:
                figures |= played.compare(usd_a_mile)
                key = f"{name}_{usd_a_mile}"
                factor = figures[f"factor_{key}"]
                bars.append(Bar(f"contribution_factor_{key}", LEAST_FACTOR, factor))
                if (woken := figures.get(f"woken_factor_{key}")) is not None:
                    bars.append(Bar(f"woken_factor_{key}", LEAST_WOKEN_FACTOR, woken))
        params = {
            "seed": options.seed,
            "is_quick": options.quick,
            "trucks": size.trucks,
            "weeks": size.weeks,
            "loads_a_day": size.loads_a_day,
            "hour_usd": options.hour_usd,
        }
        if options.policy != "product":
            params["mode"] = options.policy
        return Line(params, figures, bars, {"python": platform.python_version()})

    return run("weeks", play, breaks=(CannotSetUp, OSError))


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("weeks", __doc__)
    parser.add_argument("--trucks", type=int, default=Size.trucks)
    parser.add_argument("--loads-a-day", type=int, default=Size.loads_a_day)
    parser.add_argument(
        "--hour-usd", type=float, default=HOUR_USD, help="our search's price of an hour"
    )
    parser.add_argument(
        "--policy",
        choices=["product", "reference"],
        default="product",
        help="reference: the scalar search in the product's place",
    )
    return parser.parse_args(argv)


class Weeks:
    """One market, on which both searches are played."""

    def __init__(
        self, size: Size, name: str, habits: Habits, options: argparse.Namespace
    ) -> None:
        self._size, self._name, self._options = size, name, options
        self._way = cached(way_of(ROADS))
        self._loads: list[Posted] = posted(size, habits, seed=options.seed)

    def compare(self, usd_a_mile: float) -> dict[str, float]:
        """Play both searches; return their figures, and the factor between them.

        The first search is played as it was, with its own $2.26 a mile, and once more
        with this variable cost, as a carrier might have set it. `empty` is without any
        search.
        """
        km_cents = 100 * usd_a_mile / (METRES_PER_MILE / 1000)
        key = f"{self._name}_{usd_a_mile}"
        figures = self._played(f"empty_{key}", EmptyHome(), km_cents)
        with first_checkout() as checkout:
            for who, own_cents in (("first", None), ("first_same_cost", km_cents)):
                with first_search(checkout, own_cents) as search:
                    figures |= self._played(f"{who}_{key}", search, km_cents)
        for who, policy in self._ours():
            figures |= self._played(f"{who}_{key}", policy, km_cents)

        def factor(who: str, to: str) -> float:
            usd = figures[f"{to}_{key}_usd"]
            return round(figures[f"{who}_{key}_usd"] / usd, 3) if usd > 0 else 0.0

        figures |= {f"factor_{key}": factor("ours", "first")}
        if f"woken_{key}_usd" in figures:
            figures |= {f"woken_factor_{key}": factor("woken", "ours")}
        return figures

    def _ours(self) -> Iterator[tuple[str, Policy]]:
        """Yield ours at the drop alone and, of the product, with trucks that wake."""
        if self._options.policy == "reference":
            yield "ours", ReferencePolicy(self._way)
        else:
            yield "ours", ProductPolicy(ROADS)
            yield "woken", ProductPolicy(ROADS, wakes=True)

    def _played(self, name: str, policy: Policy, km_cents: float) -> dict[str, float]:
        started = perf_counter()
        costs = Costs(km_cents, round(100 * self._options.hour_usd))
        world = World(self._size, policy, costs, self._way)
        earned = world.play(self._loads, seed=self._options.seed)
        figures = self._figures(name, earned, km_cents)
        took_s = perf_counter() - started
        say(f"{name}: ${figures[f'{name}_usd']:,.0f} a truck and week, {took_s:.0f} s")
        return figures

    def _figures(self, name: str, earned: Earned, km_cents: float) -> dict[str, float]:
        truck_weeks = self._size.trucks * self._size.weeks
        waits_h = earned.waits_h or [0.0]
        return {
            f"{name}_usd": round(earned.contribution_usd(km_cents, truck_weeks), 2),
            f"{name}_miles": round(earned.metres / METRES_PER_MILE / truck_weeks, 1),
            f"{name}_empty": round(earned.empty_m / max(earned.metres, 1.0), 4),
            f"{name}_backhauls": round(earned.backhauls / truck_weeks, 3),
            f"{name}_woken": round(earned.woken / truck_weeks, 3),
            f"{name}_wait_h": round(mean(waits_h), 1),
            f"{name}_late": earned.late,
        }


if __name__ == "__main__":
    sys.exit(main())
