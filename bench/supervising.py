"""Restarts processes that die, as production does; no bench does it itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from local.processes import ProcessEnded, Processes
from local.run import WATCH_S


@contextmanager
def supervised(processes: Processes) -> Iterator[None]:
    """Keep the processes as `make run` does.

    Raises: ProcessEnded, at the end of the block, if a process was given up.
    """
    # The rig has waited for their answers.
    processes.note_all_answered()
    stopping, given_up = threading.Event(), list[ProcessEnded]()

    def keep() -> None:
        while not stopping.wait(WATCH_S):
            try:
                processes.keep()
            except ProcessEnded as error:
                given_up.append(error)
                return

    keeper = threading.Thread(target=keep, name="supervisor")
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()
    if given_up:
        raise given_up[0]
