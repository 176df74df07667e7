"""The output of a bench: progress on stderr, one JSON line on stdout."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from math import ceil
from pathlib import Path

import psycopg

PACKAGES = ("flask", "granian", "sqlalchemy", "psycopg", "procrastinate")


@dataclass(frozen=True)
class Bar:
    """A figure with its limit: at least `limit`, or at most `limit` if `is_ceiling`."""

    name: str
    limit: float
    value: float
    is_ceiling: bool = False

    @property
    def met(self) -> bool:
        if self.is_ceiling:
            return self.value <= self.limit
        return self.value >= self.limit

    def to_record(self) -> dict[str, object]:
        """Return the bar as it stands in the JSON line."""
        record = asdict(self) | {"met": self.met}
        record.pop("is_ceiling")
        return record


def say(sentence: str) -> None:
    """Print a line of progress."""
    print(sentence, file=sys.stderr, flush=True)


def print_line(
    bench: str,
    params: Mapping[str, object],
    figures: Mapping[str, object],
    bars: Sequence[Bar],
    *,
    versions: Mapping[str, str],
) -> None:
    """Print the JSON line with the bench's results."""
    line = {
        "bench": bench,
        "params": params,
        "figures": figures,
        "bars": [bar.to_record() for bar in bars],
        "machine": machine(),
        "versions": versions,
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps(line), flush=True)


def machine() -> str:
    """Describe the machine: processor, cores, memory, system."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return (
        f"{_processor()}, {cores or os.cpu_count()} cores,"
        f" {memory_gib:.0f} GiB, {platform.system()}"
    )


def versions_of(database_url: str) -> dict[str, str]:
    """Return the versions of Python, PostgreSQL and the main packages."""
    with psycopg.connect(database_url) as connection:
        number = connection.info.server_version
    return {
        "python": platform.python_version(),
        "postgresql": f"{number // 10_000}.{number % 10_000}",
    } | {name: version(name) for name in PACKAGES}


def percentiles(
    name: str, values: Sequence[float], percents: Sequence[int] = (50, 95)
) -> dict[str, float | None]:
    """Return `<name>_p<percent>` for each percent, by nearest rank; None for none."""
    ordered = sorted(values)
    found = {}
    for percent in percents:
        place = max(ceil(percent / 100 * len(ordered)) - 1, 0)
        figure = round(ordered[place], 1) if ordered else None
        found[f"{name}_p{percent}"] = figure
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
