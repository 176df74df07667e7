"""Holes made on purpose, each with the tests that must notice it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


class DoesNotApply(Exception):
    """The text to replace is not in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change that opens a hole.

    name: what is true once the hole is open.
    file: in the checkout; `old` stands in it exactly once and becomes `new`.
    tests: files or node ids, as few as notice it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, checkout: Path) -> None:
        """Change the file of this checkout.

        Raises: DoesNotApply.
        """
        path = checkout / self.file
        text = path.read_text()
        if (times := text.count(self.old)) != 1:
            raise DoesNotApply(f"{self.name}: {times} times in {self.file}.")
        path.write_text(text.replace(self.old, self.new))
