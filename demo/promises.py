"""The promises of the product, each kept or broken by name."""

import threading
from collections.abc import Iterable


class Promises:
    """Every promise that was put to the test, in the order of the first test."""

    def __init__(self) -> None:
        self._faults: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def check(self, name: str, is_kept: bool, fault: str = "") -> None:
        """Note one test of a promise; `fault` says what was found instead."""
        with self._lock:
            faults = self._faults.setdefault(name, [])
            if not is_kept:
                faults.append(fault or "it was not so")

    def check_all(self, name: str, faults: Iterable[str]) -> None:
        """Note a promise that is kept if there is no fault."""
        with self._lock:
            self._faults.setdefault(name, []).extend(faults)

    @property
    def kept(self) -> list[str]:
        return [name for name, faults in self._faults.items() if not faults]

    @property
    def broken(self) -> dict[str, list[str]]:
        """Name -> what was found."""
        return {name: faults for name, faults in self._faults.items() if faults}
