"""How a process takes memory from the system, and what it looks through for garbage."""

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


@pytest.mark.process
def test_what_was_read_is_not_looked_through_again() -> None:
    program = """
import gc
from edges.memory import keep_what_was_read

kept = [[] for _ in range(100_000)]
keep_what_was_read()
print(len(gc.get_objects()) < 1_000, gc.get_freeze_count() > 100_000)
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True", "True"]
