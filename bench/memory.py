"""How much memory a process of the stage holds, with its children."""

import psutil

from bench.stage import Stage


def rss_mb(stage: Stage, name: str) -> float:
    """Return what the process and its children have resident, each on its own, MB.

    What they share is counted for each.
    """
    process = psutil.Process(stage.processes.running[name].pid)
    family = [process, *process.children(recursive=True)]
    return round(sum(it.memory_info().rss for it in family) / 1e6, 1)
