"""What every bench has in common: arguments, exit codes, the printed line."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException

import psycopg

from bench.client import Refused
from bench.report import Bar, print_line, say, versions_of
from bench.rig import CannotSetUp, Rig
from local import EmbeddedServerError
from local.processes import ProcessEnded, stop_on_signals

BREAKS = (
    *(CannotSetUp, Refused, ProcessEnded, EmbeddedServerError),
    *(OSError, HTTPException, psycopg.Error),
)
"""The errors that may end a bench before its line. `OSError` includes the timeouts."""


@dataclass(frozen=True)
class Line:
    """The results of a bench; the printed line adds date and machine."""

    params: Mapping[str, object]
    figures: Mapping[str, object]
    bars: Sequence[Bar]
    versions: Mapping[str, str]


def line_of(
    rig: Rig,
    options: argparse.Namespace,
    figures: Mapping[str, object],
    bars: Sequence[Bar],
    **params: object,
) -> Line:
    """Return the line, with the versions that run on `rig`."""
    given = {"is_quick": options.quick}
    if "seed" in options:
        given = {"seed": options.seed} | given
    versions = versions_of(rig.env["DATABASE_URL"])
    return Line(given | params, figures, bars, versions)


def parser_of(
    bench: str, does: str | None, *, has_seed: bool = True
) -> argparse.ArgumentParser:
    """Return a parser with --quick and, if `has_seed`, with --seed."""
    parser = argparse.ArgumentParser(prog=f"bench.{bench}", description=does)
    if has_seed:
        parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="small")
    return parser


def run(
    bench: str,
    play: Callable[[], Line],
    *,
    breaks: tuple[type[Exception], ...] = BREAKS,
) -> int:
    """Play and print the line; return the exit code.

    0: every bar is met. 1: one is not. 2: one of `breaks` ended it. 130: interrupted.

    breaks: expected errors; any other error is a bug of the bench and is raised.
    """
    stop_on_signals()
    busy = round(os.getloadavg()[0], 2)
    try:
        line = play()
    except KeyboardInterrupt:
        return 130
    except breaks as error:
        say(f"The bench broke: {type(error).__name__}: {error}")
        return 2
    figures = {**line.figures, "load_average_before": busy}
    print_line(bench, line.params, figures, line.bars, versions=line.versions)
    return 0 if all(bar.met for bar in line.bars) else 1
