"""Several processes share a run: which one runs which file, and what all of them saw.

A file is run by one process, so that its shared fixtures are made once. The tests of
the whole suite (`test_the_whole_suite...`) come last. The process that gets them waits
until the others have ended, and gathers what they saw.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from tests import answers, canaries, codes, examples
from tests.waiting import LONGEST_S, wait_until

SUMS_UP = "test_the_whole_suite"
HERE = Path(__file__).parent
LONG = {HERE, *(HERE / name for name in ("demo", "edges", "local", "migrations"))}
"""Most files of these folders start real processes, and take long."""


def in_order(items: list[pytest.Item]) -> None:
    """Put the tests of the whole suite last, and the files of LONG folders first.

    The run must not end with a long file alone.
    """
    items.sort(key=lambda item: (SUMS_UP in item.name, item.path.parent not in LONG))


class ByFile(LoadFileScheduling):
    """Makes each file one piece of work, and the tests of the whole suite another."""

    def _split_scope(self, nodeid: str) -> str:
        return SUMS_UP if SUMS_UP in nodeid else str(super()._split_scope(nodeid))


class Workers:
    """The plugin, for the process that distributes files and those that run them."""

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> ByFile:
        # In the order of the run, not by the number of tests.
        config.option.loadscopereorder = False
        return ByFile(config, log)

    def pytest_configure_node(self, node: WorkerController) -> None:
        if not hasattr(self, "folder"):
            self.folder = tempfile.TemporaryDirectory(prefix="suite-seen-")
        node.workerinput["seen_in"] = self.folder.name

    def pytest_testnodedown(self, node: WorkerController, error: object) -> None:
        if error:
            (Path(self.folder.name) / node.gateway.id).write_text("null")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if mine := input_of(session.config):
            publish(Path(mine["seen_in"]), mine["workerid"])

    def pytest_unconfigure(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


def input_of(config: pytest.Config) -> dict[str, Any]:
    """Return what this process was given at its start; empty if it is the only one."""
    return getattr(config, "workerinput", {})


def publish(folder: Path, name: str) -> None:
    """Write what this process saw, for the tests of the whole suite."""
    seen = {
        "codes": sorted(codes.seen),
        "unpromised": sorted(codes.unpromised),
        "answers": sorted(answers.seen),
        "examples": {name: sorted(them) for name, them in examples.seen.items()},
        "secrets": {kind: sorted(them) for kind, them in canaries.secrets.items()},
        "heard": [canaries.written(), *canaries.heard],
    }
    half = folder / f"{name}.half"
    half.write_text(json.dumps(seen))
    half.rename(folder / name)


def gather(folder: Path, names: Sequence[str], within_s: float = LONGEST_S) -> None:
    """Wait until the others have ended, and add what they saw to what this one saw."""
    deadline = time.monotonic() + within_s
    for name in names:
        left_s = deadline - time.monotonic()
        wait_until((folder / name).exists, f"{name} says what it saw", within_s=left_s)
        seen = json.loads((folder / name).read_text())
        assert seen, f"{name} crashed: what it saw is lost."
        codes.seen.update(seen["codes"])
        codes.unpromised.update(tuple(pair) for pair in seen["unpromised"])
        answers.seen.update(seen["answers"])
        for operation_id, leaves in seen["examples"].items():
            examples.seen.setdefault(operation_id, set()).update(leaves)
        for kind, secrets in seen["secrets"].items():
            canaries.secrets.setdefault(kind, set()).update(secrets)
        canaries.heard.extend(seen["heard"])
