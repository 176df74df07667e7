"""Faults made on purpose, each with the tests that must fail because of it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


class DoesNotApply(Exception):
    """The text to replace is missing in its file, or there more than once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to the code that makes a fault.

    name: what is true with the fault.
    file: relative to the checkout; contains `old` exactly once, which becomes `new`.
    tests: files or node ids, as few as are needed to notice the fault.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, checkout: Path) -> None:
        """Make the change in this checkout.

        Raises: DoesNotApply.
        """
        path = checkout / self.file
        text = path.read_text()
        if (times := text.count(self.old)) != 1:
            raise DoesNotApply(f"{self.name}: {times} times in {self.file}.")
        path.write_text(text.replace(self.old, self.new))
