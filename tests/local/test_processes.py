"""Dead processes are restarted or given up, and their children never stay behind."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import processes
from local.processes import ProcessEnded, Processes
from tests.local.processes import contains_sigterm
from tests.waiting import LONGEST_S, wait_until
from tests.web import web_process
from tests.world import World

pytestmark = pytest.mark.process

LIVES = "import time; print('alive', flush=True); time.sleep(3600)"
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print(child.pid, flush=True)
time.sleep(3600)
"""
LONG_AGO_S = 3600.0
KILLED_AFTER_S = round(1.5 * LONGEST_S)
"""When Granian kills a worker that does not end by itself: after the test gave up."""


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as running:
        yield running


def start(keeper: Processes, program: str, *, is_settled: bool = True) -> int:
    keeper.start("it", [sys.executable, "-c", program], {})
    if is_settled:
        wait_until(lambda: log_of(keeper), "its first word")
        keeper._orders["it"].started_at -= LONG_AGO_S
    return keeper.running["it"].pid


def log_of(keeper: Processes) -> list[str]:
    assert keeper.log_dir is not None
    return (keeper.log_dir / "it.log").read_text().split()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def kept_until(keeper: Processes, condition: Callable[[], bool]) -> None:
    def keep_and_ask() -> bool:
        keeper.keep()
        return condition()

    wait_until(keep_and_ask, "what was to be kept")


class TestKeep:
    def test_a_killed_process_is_restarted_after_a_pause(
        self, keeper: Processes
    ) -> None:
        first = start(keeper, LIVES)
        os.kill(first, signal.SIGKILL)
        keeper.running["it"].wait()
        killed_at = time.monotonic()

        kept_until(keeper, lambda: len(log_of(keeper)) == 2)

        assert time.monotonic() - killed_at >= processes.FIRST_PAUSE_S
        keeper.check()

    def test_children_of_a_killed_process_are_ended_before_its_restart(
        self, keeper: Processes
    ) -> None:
        start(keeper, PARENT)
        child = int(log_of(keeper)[0])
        os.kill(keeper.running["it"].pid, signal.SIGKILL)
        keeper.running["it"].wait()

        kept_until(keeper, lambda: len(log_of(keeper)) == 2)

        assert not is_alive(child)

    def test_a_process_that_ends_at_its_first_start_is_not_restarted(
        self, keeper: Processes
    ) -> None:
        start(keeper, "raise SystemExit(2)", is_settled=False)
        keeper.running["it"].wait()

        with pytest.raises(ProcessEnded, match="it ended with exit code 2, see "):
            keeper.keep()

    def test_a_process_that_has_answered_is_restarted_after_an_early_end(
        self, keeper: Processes
    ) -> None:
        start(keeper, "raise SystemExit(2)", is_settled=False)
        keeper.running["it"].wait()

        keeper.note_all_answered()

        keeper.keep()

    def test_a_process_that_ends_again_and_again_is_given_up(
        self, keeper: Processes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "FIRST_PAUSE_S", 0.01)
        start(keeper, "print('alive', flush=True)")

        with pytest.raises(ProcessEnded):
            kept_until(keeper, lambda: False)

        # It had settled once, so its first end is not one of the quick ones.
        assert len(log_of(keeper)) == 1 + processes.QUICK_ENDS

    def test_pauses_double_until_it_settles(self) -> None:
        order = processes._Order([], {}, started_at=0.0, lives=2)

        pauses = []
        for end in (1.0, 2.0, 3.0):
            assert order.note_end(end, 1)
            assert order.back_at is not None
            pauses.append(order.back_at - end)
        assert order.note_end(processes.SETTLED_S, 1)

        assert pauses == [1.0, 2.0, 4.0]
        assert order.back_at == processes.SETTLED_S + processes.FIRST_PAUSE_S


def workers_of(web: int) -> list[int]:
    children = Path(f"/proc/{web}/task/{web}/children").read_text().split()
    return [int(pid) for pid in children]


@pytest.fixture
def serving(committed: World, tmp_path: Path) -> Iterator[tuple[Processes, int]]:
    """A supervised web process with two workers, and its port."""
    with web_process(committed.settings, tmp_path, workers=2) as running:
        yield running


def ends_at_sigterm(pid: int) -> bool:
    """Say whether the process has no handler of its own for SIGTERM."""
    return not contains_sigterm("SigCgt", pid)


class TestGranian:
    def test_a_worker_that_dies_is_replaced_and_the_server_stays(
        self, serving: tuple[Processes, int]
    ) -> None:
        web, port = serving
        pid = web.running["web"].pid
        first = set(workers_of(pid))
        victim = min(first)

        os.kill(victim, signal.SIGKILL)

        wait_until(lambda: len(set(workers_of(pid)) - {victim}) >= 2, "another worker")
        web.wait_for(f"http://127.0.0.1:{port}/readyz", LONGEST_S)
        web.check()

    def test_workers_end_when_the_server_is_killed(
        self, serving: tuple[Processes, int]
    ) -> None:
        web, _ = serving
        pid = web.running["web"].pid
        orphans = workers_of(pid)

        os.kill(pid, signal.SIGKILL)
        web.running["web"].wait()

        wait_until(lambda: not any(map(is_alive, orphans)), "their end")

    def test_a_worker_that_is_still_starting_ends_at_sigterm(
        self, committed: World, tmp_path: Path
    ) -> None:
        options = ["--workers-kill-timeout", str(KILLED_AFTER_S)]
        with web_process(committed.settings, tmp_path, workers=2, options=options) as (
            web,
            _,
        ):
            server = web.running["web"]
            first = set(workers_of(server.pid))
            os.kill(min(first), signal.SIGKILL)
            wait_until(
                lambda: any(map(ends_at_sigterm, {*workers_of(server.pid)} - first)),
                "a new worker",
            )

            server.terminate()

            assert server.wait(LONGEST_S) in {0, 1}
