"""Opens each hole in a copy of the checkout and runs its tests: `make mutants`."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from embedded import EmbeddedServerError, server
from tests.mutants import ROOT, Mutant
from tests.mutants.everything import MUTANTS

NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__")
TIMEOUT_S = 300
PYTEST = (
    *(sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no"),
    *("-p", "no:cacheprovider"),
)
ENDED = re.compile(r"^(FAILED|ERROR) (.+?)(?: - .*)?$", re.M)


@dataclass(frozen=True, slots=True)
class Run:
    """How the tests ended in one checkout.

    failed: the first test that failed by its own judgement.
    trouble: why nothing was judged: no fixture, no import, no end.
    """

    failed: str = ""
    trouble: str = ""


def run_tests(checkout: Path, tests: Sequence[str]) -> Run:
    """Run the tests until the first failure."""
    try:
        ended = subprocess.run(
            [*PYTEST, *tests],
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Run(trouble=f"no end within {TIMEOUT_S} s")
    found = ENDED.search(ended.stdout)
    if ended.returncode == 0:
        return Run()
    if ended.returncode == 1 and found and found[1] == "FAILED":
        return Run(failed=found[2])
    said = found[0] if found else (ended.stdout + ended.stderr).strip()[-300:]
    return Run(trouble=f"pytest ended with {ended.returncode}: {said}")


@contextmanager
def copied() -> Iterator[Path]:
    """Yield a copy of the checkout, without what was made in it."""
    with TemporaryDirectory(prefix="backhaul-mutant-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        yield copy


class Judge:
    """Judges mutants, each selection of tests first on the unchanged checkout."""

    def __init__(self) -> None:
        self.unchanged: dict[tuple[str, ...], Run] = {}

    def judge(self, mutant: Mutant) -> tuple[str, str]:
        """Return `killed`, `survived` or `unjudged`, and by what or why."""
        before = self._unchanged(mutant.tests)
        if before != Run():
            why = before.failed or before.trouble
            return "unjudged", f"unchanged, its tests fail already: {why}"
        with copied() as checkout:
            mutant.apply(checkout)
            after = run_tests(checkout, mutant.tests)
        if after.trouble:
            return "unjudged", after.trouble
        return ("killed", after.failed) if after.failed else ("survived", "")

    def _unchanged(self, tests: tuple[str, ...]) -> Run:
        if tests not in self.unchanged:
            with copied() as checkout:
                self.unchanged[tests] = run_tests(checkout, tests)
        return self.unchanged[tests]


def main(names: Sequence[str]) -> int:
    """Judge these mutants, or all; 0 if each was killed."""
    unknown = set(names) - {it.name for it in MUTANTS}
    if unknown:
        sys.stderr.write(f"No mutant is called {', '.join(sorted(unknown))}.\n")
        return 2
    chosen = [it for it in MUTANTS if it.name in names or not names]
    begun = time.monotonic()
    results: dict[str, list[str]] = {"killed": [], "survived": [], "unjudged": []}
    with ExitStack() as stack:
        if not os.environ.get("DATABASE_URL"):
            try:
                url = stack.enter_context(server(ROOT / ".data/postgres"))
            except EmbeddedServerError as error:
                sys.stderr.write(f"{error}\n")
                return 2
            os.environ["DATABASE_URL"] = url
        judge = Judge()
        for mutant in chosen:
            since = time.monotonic()
            result, why = judge.judge(mutant)
            results[result].append(mutant.name)
            took_s = time.monotonic() - since
            sys.stdout.write(f"{result:<9}{took_s:>6.1f} s  {mutant.name}  {why}\n")
            sys.stdout.flush()
    summary = {
        "mutants": len(chosen),
        "killed": len(results["killed"]),
        "survived": results["survived"],
        "unjudged": results["unjudged"],
        "seconds": round(time.monotonic() - begun, 1),
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    return int(len(results["killed"]) != len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
