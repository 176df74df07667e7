"""Child processes that live and die together: `make run`, the demo, the benches."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

ROOT = Path(__file__).parent.parent

GRACE_S = 35.0
"""A worker may take 30 s to finish its running jobs."""

SETTLED_S = 10.0
"""A process that ran this long had started well: its end has another cause."""

QUICK_ENDS = 5
"""After so many ends in a row, each within SETTLED_S, a process is given up."""

FIRST_PAUSE_S = 1.0

FIRST_ANSWER_S = 300.0
"""How long a process may take to answer after its start. A laptop that is busy with
other things takes its time."""


class ProcessEnded(Exception):
    """A process that should run has ended; the message names it and its log."""


@dataclass
class _Order:
    """A process to be kept running, and how its lives went.

    lives: how often it was started.
    has_answered: its settings are right.
    quick_ends: in a row, each within SETTLED_S.
    back_at: when an ended process is started again; None while it runs.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    started_at: float
    lives: int = 1
    has_answered: bool = False
    quick_ends: int = 0
    back_at: float | None = None

    def note_end(self, now: float, exit_code: int) -> bool:
        """Plan the next start after a pause; return False to give the process up.

        exit_code: negative if a signal killed it.
        """
        has_settled = now - self.started_at >= SETTLED_S
        self.quick_ends = 0 if has_settled else self.quick_ends + 1
        self.back_at = now + FIRST_PAUSE_S * 2 ** max(self.quick_ends - 1, 0)
        if has_settled:
            return True
        # It ended by itself at its first start and never answered: its settings are
        # wrong.
        is_refusal = exit_code >= 0 and self.lives == 1 and not self.has_answered
        return not is_refusal and self.quick_ends < QUICK_ENDS


@dataclass
class Processes:
    """Started in order, stopped together in reverse; none outlives the block.

    log_dir: each process writes `<name>.log` there; None lets it write to ours.
    """

    log_dir: Path | None = None
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _orders: dict[str, _Order] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Start a process with our environment; the variables in `env` override it.

        It gets its own process group: a Ctrl-C on the terminal reaches only us, and we
        stop it.
        """
        self._orders[name] = _Order(argv, env, time.monotonic())
        self._spawn(name)

    def _spawn(self, name: str) -> None:
        order, log = self._orders[name], self._log(name)
        try:
            self.running[name] = subprocess.Popen(
                order.argv,
                env={**os.environ, **order.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            if log is not None:
                log.close()

    def _log(self, name: str) -> IO[bytes] | None:
        if self.log_dir is None:
            return None
        self.log_dir.mkdir(parents=True, exist_ok=True)
        is_first = self._orders[name].lives == 1
        return (self.log_dir / f"{name}.log").open("wb" if is_first else "ab")

    def keep(self) -> None:
        """Start ended processes again, each after a pause; call this again and again.

        The pause doubles with each end, until the process runs for SETTLED_S. What is
        left of its children is asked to end, and killed before the new start.

        Raises: ProcessEnded, for a process that ended by itself at its first start, or
            QUICK_ENDS times in a row within SETTLED_S each.
        """
        now = time.monotonic()
        for name, order in self._orders.items():
            process = self.running[name]
            if process.poll() is None:
                continue
            if order.back_at is None:
                self._tell_left(process, signal.SIGTERM)
                if not order.note_end(now, process.returncode):
                    raise ProcessEnded(self._end_of(name))
                sys.stderr.write(f"{self._end_of(name)}: starting it again\n")
            elif now >= order.back_at:
                order.back_at, order.started_at = None, now
                order.lives += 1
                self._tell_left(process, signal.SIGKILL)
                self._spawn(name)

    def note_all_answered(self) -> None:
        """From now on restart a process that ends early."""
        for order in self._orders.values():
            order.has_answered = True

    def _tell_left(self, ended: subprocess.Popen[bytes], what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(ended.pid, what)

    def check(self) -> None:
        """Raise ProcessEnded if a process has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessEnded(self._end_of(name))

    def _end_of(self, name: str) -> str:
        place = f", see {self.log_dir / name}.log" if self.log_dir else ""
        return f"{name} ended with exit code {self.running[name].returncode}{place}"

    def wait_for(self, url: str, timeout_s: float = FIRST_ANSWER_S) -> None:
        """Return when `url` answers 200.

        Raises: ProcessEnded, TimeoutError.
        """
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=left_s):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise TimeoutError(f"{url} does not answer")

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask every process to end, the last started first; kill those that do not."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        for process in self.running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()
        self._orders.clear()


def web_argv(host: str, port: int, workers: int) -> list[str]:
    """Return the command of the web process (a line of the Procfile)."""
    return [
        *(sys.executable, str(ROOT / "wsgi.py")),
        *("--host", host, "--port", str(port), "--workers", str(workers)),
    ]


def worker_argv() -> list[str]:
    """Return the command of the job process."""
    return [sys.executable, str(ROOT / "worker.py")]


def stop_on_signals() -> None:
    """Let SIGTERM raise KeyboardInterrupt as Ctrl-C does, so that `with` blocks end.

    Only the first signal counts: a second one must not cut the stopping short.
    """

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
