"""Makes each fault in a copy of the checkout and runs its tests: `make mutants`."""

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

from local import EmbeddedServerError, server
from tests.mutants import ROOT, Mutant
from tests.mutants.everything import MUTANTS

NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__")
TIMEOUT_S = 600
TIMEOUT_OF_ALL_S = 3600
"""For the tests of all mutants together, without a mutant."""

PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no"),
    *("-p", "no:cacheprovider"),
)
ENDED = re.compile(r"^(FAILED|ERROR) (.+?)(?: - .*)?$", re.M)


@dataclass(frozen=True, slots=True)
class Run:
    """The result of the tests in one checkout.

    failed: tests that ran and failed.
    broken: tests that could not run, as a fixture or an import failed.
    trouble: why no test could run, if so.
    """

    failed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    trouble: str = ""


def run_tests(
    checkout: Path, tests: Sequence[str], *options: str, timeout_s: int = TIMEOUT_S
) -> Run:
    """Run these tests in the checkout."""
    try:
        ended = subprocess.run(
            [*PYTEST, *options, *tests],
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=os.environ | {"TESTS_WAIT_S": str(TIMEOUT_S // 10)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Run(trouble=f"no end within {timeout_s} s")
    if ended.returncode > 1:
        said = (ended.stdout + ended.stderr).strip()[-300:]
        return Run(trouble=f"pytest ended with {ended.returncode}: {said}")
    found = ENDED.findall(ended.stdout)
    assert bool(found) is bool(ended.returncode), ended.stdout
    failed, broken = (
        tuple(test_id for kind, test_id in found if kind == word)
        for word in ("FAILED", "ERROR")
    )
    return Run(failed, broken)


@contextmanager
def copied(checkout: Path) -> Iterator[Path]:
    """Yield a copy of the checkout, without generated files."""
    with TemporaryDirectory(prefix="backhaul-mutant-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(checkout, copy, ignore=NOT_COPIED)
        yield copy


def judge(mutant: Mutant, checkout: Path, unfit: Sequence[str]) -> tuple[str, str]:
    """Return `killed` and the test, `survived`, or `unjudged` and the reason.

    unfit: tests that fail without any mutant.
    """
    for test_id in unfit:
        if any(
            test_id == test or test_id.startswith((f"{test}::", f"{test}["))
            for test in mutant.tests
        ):
            return "unjudged", f"fails without the mutant too: {test_id}"
    with copied(checkout) as copy:
        mutant.apply(copy)
        run = run_tests(copy, mutant.tests, "-x")
    if run.failed:
        return "killed", run.failed[0]
    if why := run.trouble or ", ".join(run.broken):
        return "unjudged", why
    return "survived", ""


def main(names: Sequence[str]) -> int:
    """Judge these mutants, or all; return 0 if each was killed."""
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        sys.stderr.write(f"No mutant is called {', '.join(sorted(unknown))}.\n")
        return 2
    chosen = [mutant for mutant in MUTANTS if mutant.name in names or not names]
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
        # A copy, so that edits to the checkout meanwhile do not matter.
        checkout = stack.enter_context(copied(ROOT))
        unchanged = run_tests(
            checkout,
            sorted({test for m in chosen for test in m.tests}),
            timeout_s=TIMEOUT_OF_ALL_S,
        )
        if unchanged.trouble:
            sys.stderr.write(f"Without a mutant: {unchanged.trouble}.\n")
            return 2
        took_s = time.monotonic() - begun
        sys.stdout.write(f"{'':<9}{took_s:>6.1f} s  the same tests without a mutant\n")
        for mutant in chosen:
            since = time.monotonic()
            unfit = unchanged.failed + unchanged.broken
            result, why = judge(mutant, checkout, unfit)
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
