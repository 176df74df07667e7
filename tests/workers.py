"""Several processes share a run: who runs which file, and what they all saw.

A file is run by one process, so what its tests share is made once. What sums up the
run (`test_the_whole_suite...`) is the last piece of work: whoever gets it waits until
the others are through, and takes over what they saw.
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

from tests import canaries, codes, examples

SUMS_UP = "test_the_whole_suite"
LONGEST_S = 300
"""For what the others are still at when one has nothing left; no file takes so long."""

HERE = Path(__file__).parent


def in_order(items: list[pytest.Item]) -> None:
    """Put what sums up the whole run last.

    First the files beside this one: they are long, many start the real processes, and
    the run must not end with one of them alone.
    """
    items.sort(key=lambda item: (SUMS_UP in item.name, item.path.parent != HERE))


class ByFile(LoadFileScheduling):
    """A file is one piece of work; what sums up the run is one of its own."""

    def _split_scope(self, nodeid: str) -> str:
        return SUMS_UP if SUMS_UP in nodeid else str(super()._split_scope(nodeid))


class Workers:
    """What the process that hands out the work does, and what each of the others."""

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
    """Return what this process was told at its start; nothing if it is alone."""
    return getattr(config, "workerinput", {})


def publish(folder: Path, name: str) -> None:
    """Leave what this process saw to the one that sums up."""
    seen = {
        "codes": sorted(codes.seen),
        "unpromised": sorted(codes.unpromised),
        "examples": {name: sorted(them) for name, them in examples.seen.items()},
        "secrets": {kind: sorted(them) for kind, them in canaries.secrets.items()},
        "heard": [canaries.written(), *canaries.heard],
    }
    half = folder / f"{name}.half"
    half.write_text(json.dumps(seen))
    half.rename(folder / name)


def gather(folder: Path, names: Sequence[str], within_s: float = LONGEST_S) -> None:
    """Know what the others saw, once each of them is through."""
    deadline = time.monotonic() + within_s
    for name in names:
        while not (folder / name).exists():
            assert time.monotonic() < deadline, f"{name} has not said what it saw."
            time.sleep(0.05)
        seen = json.loads((folder / name).read_text())
        assert seen, f"{name} crashed: what it saw is lost."
        codes.seen.update(seen["codes"])
        codes.unpromised.update(tuple(pair) for pair in seen["unpromised"])
        for operation_id, leaves in seen["examples"].items():
            examples.seen.setdefault(operation_id, set()).update(leaves)
        for kind, secrets in seen["secrets"].items():
            canaries.secrets.setdefault(kind, set()).update(secrets)
        canaries.heard.extend(seen["heard"])
