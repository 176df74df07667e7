"""Child processes that live and die together: `make run` and the demo."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Self

GRACE_S = 35.0
"""A worker may take 30 s to finish the jobs in hand."""


class ProcessEnded(Exception):
    """A process ended that should run; the message says which, and where it wrote."""


@dataclass
class Processes:
    """Started in order, stopped together in reverse; none outlives the block.

    log_dir: each process writes `<name>.log` there; None lets it write to ours.
    """

    log_dir: Path | None = None
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

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
        """Start a process with our environment and `env` over it.

        In its own session: a Ctrl-C on the terminal reaches us, and we stop it.
        """
        log = self._log(name)
        try:
            self.running[name] = subprocess.Popen(
                argv,
                env={**os.environ, **env},
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
        return (self.log_dir / f"{name}.log").open("wb")

    def check(self) -> None:
        """Raise ProcessEnded if one has ended."""
        for name, process in self.running.items():
            if (code := process.poll()) is not None:
                place = f", see {self.log_dir / name}.log" if self.log_dir else ""
                raise ProcessEnded(f"{name} ended with exit code {code}{place}")

    def wait_for(self, url: str, timeout_s: float = 30.0) -> None:
        """Return when `url` answers 200.

        Raises: ProcessEnded, TimeoutError.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise TimeoutError(f"{url} does not answer")

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask every process to end, the last started first, and see that it did."""
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


def web_argv(host: str, port: int, workers: int) -> list[str]:
    """Return the command of the web process (one line of the Procfile)."""
    return [
        *(sys.executable, "wsgi.py"),
        *("--host", host, "--port", str(port), "--workers", str(workers)),
    ]


def granian_argv(options: Sequence[str]) -> list[str]:
    """Return the command that serves the application, `options` over ours.

    A request takes milliseconds: 10 s drain any. A Granian worker that is still
    starting misses its SIGTERM (seen with 2 workers) and is killed after that time.
    """
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "wsgi:app"),
        *("--blocking-threads", "8", "--backlog", "1024"),
        *("--workers-kill-timeout", "10", "--no-ws", "--log-level", "error"),
        *options,
    ]


def worker_argv() -> list[str]:
    """Return the command of the job process."""
    return [sys.executable, "worker.py"]


def stop_on_signals() -> None:
    """Let SIGTERM end the process as Ctrl-C does, so that blocks are left in order.

    Only the first signal counts: a second one must not cut the stopping short.
    """

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def main() -> None:
    """Run web and worker until one ends or we are stopped (`make run`)."""
    stop_on_signals()
    host = os.environ.get("HOST", "127.0.0.1")
    port = int(os.environ.get("PORT", "8000"))
    with TemporaryDirectory(prefix="metrics-") as metrics, Processes() as processes:
        try:
            # Two web workers count together.
            shared = {"PROMETHEUS_MULTIPROC_DIR": metrics}
            processes.start("web", web_argv(host, port, 2), shared)
            processes.start("worker", worker_argv(), {})
            while True:
                processes.check()
                time.sleep(0.5)
        except KeyboardInterrupt:
            return
        except ProcessEnded as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
