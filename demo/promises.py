"""The promises of the product, each with a name, kept or broken."""

import threading
from collections.abc import Iterable


class Promises:
    """Every promise that was checked, in the order of the first check."""

    def __init__(self) -> None:
        self._faults: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def check(self, name: str, is_kept: bool, fault: str = "") -> None:
        """Record one check of a promise; `fault` says what was found instead."""
        with self._lock:
            faults = self._faults.setdefault(name, [])
            if not is_kept:
                faults.append(fault or "it was not kept")

    def check_all(self, name: str, faults: Iterable[str]) -> None:
        """Record a check of a promise, which is kept if there are no faults."""
        with self._lock:
            self._faults.setdefault(name, []).extend(faults)

    @property
    def kept(self) -> list[str]:
        return [name for name, faults in self._faults.items() if not faults]

    @property
    def broken(self) -> dict[str, list[str]]:
        """Name -> the faults found."""
        return {name: faults for name, faults in self._faults.items() if faults}
