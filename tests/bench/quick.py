"""The quick form of a bench, played as `make bench` would, and the line it prints."""

import json
import subprocess
import sys
from typing import Any

from bench import __main__ as benches
from tests.marks import running
from tests.waiting import LONGEST_S


def play(bench: str, *more: object) -> subprocess.CompletedProcess[str]:
    may_play = any(test.get_closest_marker("bench") for test in running)
    assert may_play, "Mark the test with `bench`: `make test` plays no bench."
    argv = [sys.executable, "-m", f"bench.{bench}", "--quick", *map(str, more)]
    return subprocess.run(
        argv, cwd=benches.ROOT, capture_output=True, text=True, timeout=LONGEST_S
    )


def line_of(ended: subprocess.CompletedProcess[str], bench: str) -> dict[str, Any]:
    """Return the one line that the bench printed, after checking its agreed form."""
    assert ended.returncode in {0, 1}, ended.stderr
    (text,) = ended.stdout.splitlines()
    line: dict[str, Any] = json.loads(text)
    assert set(line) == {
        *("bench", "params", "figures", "bars", "machine", "versions", "date")
    }
    assert line["bench"] == bench
    for bar in line["bars"]:
        assert set(bar) == {"name", "limit", "value", "met"}
    return line
