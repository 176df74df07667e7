"""How a process takes memory from the system."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
from threading import Thread
from edges.memory import take_from_one_heap

{first}
libc = ctypes.CDLL(None)
threads = [Thread(target=lambda: libc.malloc(100_000)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype = ctypes.c_void_p
out = libc.fopen(b"/dev/stdout", b"w")
libc.malloc_info(0, ctypes.c_void_p(out))
libc.fclose(ctypes.c_void_p(out))
"""


def heaps(first: str) -> int:
    """Return how many heaps a process has after three of its threads took memory."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.count("<heap nr=")


@pytest.mark.process
@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_info"), reason="not the GNU C library"
)
def test_all_threads_take_memory_from_one_heap() -> None:
    assert heaps("") > 1, "nothing to see here: threads share a heap anyway"
    assert heaps("take_from_one_heap()") == 1
