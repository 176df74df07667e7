"""The product's search against a scalar one written apart: `python -m bench.naive`.

Both get the same random searches (`bench.situations`). They must keep the same loads,
in the same order, with the same gains, and refuse as many at each stage.
"""

import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from time import perf_counter
from typing import Any

from bench import reference
from bench.product import ROADS, Answer, product_search, way_of
from bench.reference_records import Load, Situation
from bench.report import Bar, percentiles, say
from bench.running import Line, parser_of, run
from bench.situations import asked

SITUATIONS, SITUATIONS_QUICK = 200, 20
TOLD = 5
"""How many differing searches are printed."""

Search = Callable[[Situation, Sequence[Load]], Answer]


@dataclass
class Compared:
    """What the comparison found so far.

    reasons: how often the reference refused for each reason: none may be missing.
    """

    loads: int = 0
    kept: int = 0
    full: int = 0
    orders_that_differ: int = 0
    gains_that_differ: int = 0
    counts_that_differ: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    reference_ms: list[float] = field(default_factory=list)
    product_ms: list[float] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Any]:
        """Return the figures of the line."""
        return {
            "loads": self.loads,
            "loads_kept": self.kept,
            "searches_that_keep_all_places": self.full,
            "refused": dict(sorted(self.reasons.items())),
            **percentiles("reference_ms", self.reference_ms),
            **percentiles("product_ms", self.product_ms),
        }

    @property
    def bars(self) -> list[Bar]:
        """Return the bars: no search may differ in anything."""
        names = ("orders_that_differ", "gains_that_differ", "counts_that_differ")
        return [Bar(name, 0, getattr(self, name), is_ceiling=True) for name in names]


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    options = parser_of("naive", __doc__).parse_args(argv)
    number = SITUATIONS_QUICK if options.quick else SITUATIONS

    def play() -> Line:
        compared = compare(product_search, number, seed=options.seed)
        params = {"seed": options.seed, "is_quick": options.quick, "searches": number}
        versions = {"python": platform.python_version(), "numpy": version("numpy")}
        return Line(params, compared.figures, compared.bars, versions)

    return run("naive", play)


def compare(search: Search, number: int, *, seed: int) -> Compared:
    """Search `number` random situations twice, and compare the answers."""
    compared, way = Compared(), way_of(ROADS)
    for count, (situation, loads) in enumerate(asked(number, seed=seed, way=way)):
        started = perf_counter()
        expected = reference.search(situation, loads, way)
        between = perf_counter()
        found = search(situation, loads)
        compared.product_ms.append((perf_counter() - between) * 1000)
        compared.reference_ms.append((between - started) * 1000)
        compared.loads += len(loads)
        compared.kept += len(expected.best)
        compared.full += len(expected.best) == situation.settings.kept
        for (_, reason), times in expected.counts.items():
            compared.reasons[reason] += times
        _note(compared, expected, found, f"seed {seed}, search {count}")
    return compared


def _note(
    compared: Compared, expected: reference.Found, found: Answer, name: str
) -> None:
    """Note in what an answer differs; tell about the first ones."""
    best = [(worth.load.id, worth.gain_cents) for worth in expected.best]
    is_told = compared.orders_that_differ + compared.counts_that_differ < TOLD
    if [load_id for load_id, _ in best] != [load_id for load_id, _ in found.best]:
        compared.orders_that_differ += 1
    elif best != list(found.best):
        compared.gains_that_differ += 1
    counts = {key: times for key, times in found.counts.items() if times}
    has_other_counts = (expected.considered, expected.counts) != (
        found.considered,
        counts,
    )
    compared.counts_that_differ += has_other_counts
    if is_told and best != list(found.best):
        pairs = enumerate(zip(best, found.best, strict=False))
        first = next((n for n, (a, b) in pairs if a != b), None)
        say(f"{name}: place {first} of {len(best)} and {len(found.best)} differs")
    if is_told and has_other_counts:
        say(f"{name}: {_differing(expected.counts, counts)}")


def _differing(
    expected: dict[tuple[str, str], int], found: dict[tuple[str, str], int]
) -> str:
    return ", ".join(
        f"{stage} {reason} {expected.get((stage, reason), 0)}"
        f" and {found.get((stage, reason), 0)}"
        for stage, reason in sorted(expected.keys() | found.keys())
        if expected.get((stage, reason), 0) != found.get((stage, reason), 0)
    )


if __name__ == "__main__":
    sys.exit(main())
