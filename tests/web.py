"""A real web process for a test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.processes import Processes, web_argv
from runtime.config import Settings
from tests.edges.test_start import free_port
from tests.waiting import LONGEST_S


@contextmanager
def web_process(
    settings: Settings,
    folder: Path,
    *,
    workers: int,
    options: Sequence[str] = (),
) -> Iterator[tuple[Processes, int]]:
    """Run the web process on the suite's database; yield its supervisor and port.

    It writes `web.log` to the folder, and has answered /readyz.

    options: more options for Granian.
    """
    port = free_port()
    environ = {
        "DATABASE_URL": settings.DATABASE_URL,
        "DATA_DIR": settings.DATA_DIR,
    }
    with Processes(folder) as processes:
        argv = [*web_argv("127.0.0.1", port, workers), *options]
        processes.start("web", argv, environ)
        processes.wait_for(f"http://127.0.0.1:{port}/readyz", LONGEST_S)
        yield processes, port
