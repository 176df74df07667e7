"""Trucks over weeks, with our search and with the first one: `python -m bench.weeks`.

On two markets, as it is and with most pickups wanted soon, and with two variable costs
of a mile. What counts is the contribution of a truck and week: revenue less variable
cost of all kilometres. `bench.weeks_world` says what is played.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from statistics import mean
from time import perf_counter
from typing import Any

from bench.mishaps import Mishaps
from bench.product import way_of
from bench.reference_records import METRES_PER_MILE
from bench.report import Bar, say
from bench.rig import CannotSetUp
from bench.running import Line, parser_of, run
from bench.weeks_market import Posted, Size, each_market, posted
from bench.weeks_policies import (
    EmptyHome,
    ProductPolicy,
    ReferencePolicy,
    first_checkout,
    first_search,
)
from bench.weeks_world import ROADS, Costs, Earned, Policy, World, cached
from freight.costs import HOUR_CENTS
from market import Habits

USD_A_MILE = (0.76, 1.56)
"""Variable costs: an owner-operator who pays no wage by the mile, and the default."""

LEAST_FACTOR = 1.3
LEAST_TRIGGERS_FACTOR = 1.1
"""Of all triggers to the drop alone."""

DECLINED, LOST = 0.2, 0.05
"""Guesses: nobody publishes how drivers answer their phones. Carriers rejected 4 % of
the loads that contracts offered them in a market with many trucks, and 23 % in one with
few. Source: FreightWaves, outbound tender reject index, 2020 to 2024."""

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
                if (factor := figures.get(f"triggers_factor_{key}")) is not None:
                    bar = Bar(f"triggers_factor_{key}", LEAST_TRIGGERS_FACTOR, factor)
                    bars.append(bar)
        params = {
            "seed": options.seed,
            "is_quick": options.quick,
            "trucks": size.trucks,
            "weeks": size.weeks,
            "loads_a_day": size.loads_a_day,
            "hour_usd": options.hour_usd,
            "declined": options.declined,
            "lost": options.lost,
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
    parser.add_argument("--declined", type=float, default=DECLINED)
    parser.add_argument("--lost", type=float, default=LOST)
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
        if self._options.policy == "reference":
            figures |= self._played(f"ours_{key}", ReferencePolicy(self._way), km_cents)
        else:
            figures |= self._played(f"ours_{key}", ProductPolicy(ROADS), km_cents)
            figures |= self._triggers(key, km_cents)
        figures[f"factor_{key}"] = _factor(figures, f"ours_{key}", f"first_{key}")
        return figures

    def _triggers(self, key: str, km_cents: float) -> dict[str, float]:
        """Play the drop alone and all triggers, both with the same mishaps."""
        options = self._options
        mishaps = Mishaps(options.seed, options.declined, options.lost)
        figures: dict[str, float] = {}
        for who, has_all in (("drop_alone", False), ("all_triggers", True)):
            policy = ProductPolicy(ROADS, has_all_triggers=has_all)
            figures |= self._played(f"{who}_{key}", policy, km_cents, mishaps)
        factor = _factor(figures, f"all_triggers_{key}", f"drop_alone_{key}")
        return figures | {f"triggers_factor_{key}": factor}

    def _played(
        self,
        name: str,
        policy: Policy,
        km_cents: float,
        mishaps: Mishaps | None = None,
    ) -> dict[str, float]:
        started = perf_counter()
        costs = Costs(km_cents, round(100 * self._options.hour_usd))
        world = World(self._size, policy, costs, self._way, mishaps)
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
            f"{name}_lost": round(earned.lost / truck_weeks, 3),
            f"{name}_wait_h": round(mean(waits_h), 1),
            f"{name}_late": earned.late,
        }


def _factor(figures: dict[str, float], who: str, to: str) -> float:
    """Return how often one contribution is the other one; 0 if that is not positive."""
    usd = figures[f"{to}_usd"]
    return round(figures[f"{who}_usd"] / usd, 3) if usd > 0 else 0.0


if __name__ == "__main__":
    sys.exit(main())
