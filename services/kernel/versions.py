"""Edits of what somebody else may have edited: only over the version that was seen."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from models.kernel.row import Versioned
from runtime.errors import DomainError, NotFound


class PreconditionRequired(DomainError):
    """An edit says which version it changes."""

    status = 428
    code = "precondition-required"
    title = "Send If-Match with the ETag you have"


class VersionMismatch(DomainError):
    """The row is not what the client believes it to be."""

    status = 412
    code = "version-mismatch"
    title = "It has changed since you saw it"


@dataclass(frozen=True, slots=True)
class Precondition:
    """What the client believes of the row.

    tags: the versions he has seen; None if he names none.
    is_new: he believes that there is no row.
    """

    tags: frozenset[str] | None = None
    is_new: bool = False

    refusals: ClassVar = (PreconditionRequired, VersionMismatch)

    def check(self, row: Versioned) -> None:
        """Raise unless the row is what he has seen. The caller holds its lock.

        Raises: PreconditionRequired, VersionMismatch.
        """
        self.check_given()
        if self.is_new or self.tags is None:
            raise VersionMismatch("There is one already.")
        if row.tag not in self.tags:
            raise VersionMismatch("Show it again, and decide on what you see then.")

    def check_given(self) -> None:
        """Raise if he says nothing about the row: before its state is judged.

        Raises: PreconditionRequired.
        """
        if self.tags is None and not self.is_new:
            raise PreconditionRequired("Show it first: its ETag goes into If-Match.")

    def check_missing(self, row_id: UUID) -> None:
        """Raise if he has seen a row where there is none.

        Raises: NotFound.
        """
        if self.tags is not None:
            raise NotFound(f"There is no {row_id} any more.")
