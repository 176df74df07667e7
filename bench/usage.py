"""Memory and CPU of processes with their children."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import psycopg

from bench.rig import Rig


def rss_mb(rig: Rig, name: str) -> float:
    """Return the resident memory of the process and its children, MB.

    Shared memory is counted for each of them.
    """
    family = _families(rig.processes.running[name].pid)
    return round(sum(process.memory_info().rss for process in family) / 1e6, 1)


def cpu_s(*pids: int) -> float:
    """Return the seconds of CPU that these processes and their children have used.

    Processes that have ended are not counted.
    """
    used = 0.0
    for process in _families(*pids):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
    return used


def database_pids(connection: psycopg.Connection[Any]) -> list[int]:
    """Return the pids of this database's connections that are on this machine.

    The own connection is left out.
    """
    found = connection.execute(
        "select pid from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid()"
    )
    pids = [pid for (pid,) in found if psutil.pid_exists(pid)]
    return [pid for pid in pids if "postgres" in psutil.Process(pid).name()]


def _families(*pids: int) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)
