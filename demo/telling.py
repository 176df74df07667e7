"""The story on the terminal."""

import threading
import time
from textwrap import wrap

WIDTH = 100
INDENT = 10


class Teller:
    """Prints lines with the seconds since the start; any thread may use it."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def chapter(self, title: str) -> None:
        with self._lock:
            print(f"\n{title}\n{'-' * len(title)}", flush=True)

    def say(self, text: str) -> None:
        """Print what happened now, after the time."""
        self._print(f"[{self.seconds:5.1f} s] ", text)

    def add(self, text: str) -> None:
        """Print more about the same moment, indented."""
        self._print(" " * INDENT, text)

    def _print(self, margin: str, text: str) -> None:
        lines = wrap(
            text,
            WIDTH - INDENT,
            subsequent_indent="  ",
            break_long_words=False,
        )
        with self._lock:
            print(margin + f"\n{'':{INDENT}}".join(lines), flush=True)
