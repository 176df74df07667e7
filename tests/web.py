"""A real web process for a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import Processes, web_argv
from tests.edges.test_start import free_port
from tests.world import World


@contextmanager
def web_process(
    world: World, folder: Path, *, workers: int
) -> Iterator[tuple[Processes, int]]:
    """Run the web process on the world's database; yield its supervisor and port.

    It writes `web.log` to the folder, and has answered /readyz.
    """
    port = free_port()
    environ = {
        "DATABASE_URL": world.settings.DATABASE_URL,
        "DATA_DIR": world.settings.DATA_DIR,
    }
    with Processes(folder) as processes:
        processes.start("web", web_argv("127.0.0.1", port, workers), environ)
        processes.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield processes, port
