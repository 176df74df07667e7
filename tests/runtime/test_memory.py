"""How a process takes memory from the system, and what it looks through for garbage."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
from threading import Thread
from runtime.memory import take_from_one_heap

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
from runtime.memory import keep_what_was_read

kept = [[] for _ in range(100_000)]
keep_what_was_read()
print(len(gc.get_objects()) < 1_000, gc.get_freeze_count() > 100_000)
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True", "True"]


@pytest.mark.process
@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not the GNU C library"
)
def test_what_is_not_used_is_given_back() -> None:
    program = """
import resource
from pathlib import Path
from runtime.memory import give_back, take_from_one_heap

def used_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6

take_from_one_heap()
read = [bytearray(2_000) for _ in range(50_000)]
last = bytearray(2_000)
full = used_mb()
del read
kept = used_mb()
give_back()
print(full - kept < 50, full - used_mb() > 90)
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True", "True"]


@pytest.mark.process
def test_no_process_that_serves_loads_what_only_migrations_need() -> None:
    program = "import sys, worker, wsgi; print('alembic' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"
