"""The sizes of our code: `python -m tests.sizes` prints the table of `make check`."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median, quantiles

from tests.source import ROOT, files, imports, layer, nodes

MOST_LINES = 400
MOST_FUNCTION_LINES = 60
MOST_FUNCTION_MEDIAN = 10
MOST_FUNCTION_P95 = 40

REVISIONS = Path("migrations/versions")
"""Not measured: a table's columns make a revision long."""


@dataclass(frozen=True)
class Function:
    """A function or method; `lines` counts its signature, docstring and body."""

    path: Path
    name: str
    first: int
    lines: int


def measured() -> list[Path]:
    return [path for path in files() if REVISIONS not in path.parents]


def lines(path: Path) -> int:
    return len((ROOT / path).read_text().splitlines())


@cache
def functions(path: Path) -> tuple[Function, ...]:
    return tuple(_functions(path))


def _functions(path: Path) -> Iterator[Function]:
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            yield Function(path, node.name, node.lineno, length)


def fan_out(path: Path) -> int:
    """Return how many of our own modules the file imports."""
    used = set()
    for name, _ in imports(path):
        for candidate in (name, name.rpartition(".")[0]):
            if {candidate, f"{candidate}.__init__"} & modules():
                used.add(candidate)
                break
    return len(used)


@cache
def modules() -> frozenset[str]:
    return frozenset(".".join(path.with_suffix("").parts) for path in files())


def p95(numbers: list[int]) -> float:
    return quantiles(numbers, n=20, method="inclusive")[-1] if len(numbers) > 1 else 0.0


def table() -> str:
    """Return a line for each folder, and one for all code at the end."""
    paths = measured()
    places = sorted({layer(p) for p in paths if len(p.parts) > 1})
    rows = [(place, [p for p in paths if layer(p) == place]) for place in places]
    rows.append(("root", [p for p in paths if len(p.parts) == 1]))
    rows.append(("all", paths))
    text = f"{'':17}lines   file max   function median/p95/max   fan-out p95/max\n"
    for name, group in rows:
        sizes = [f.lines for p in group for f in functions(p)] or [0]
        fans = [fan_out(p) for p in group]
        text += (
            f"{name:<15}{sum(map(lines, group)):>7}{max(map(lines, group)):>11}"
            f"{median(sizes):>15.0f} /{p95(sizes):>3.0f} /{max(sizes):>3}"
            f"{p95(fans):>14.0f} /{max(fans):>3}\n"
        )
    return text


if __name__ == "__main__":
    sys.stdout.write(table())
