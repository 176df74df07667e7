"""Edits that change a row only if the client has seen its current version."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from models.kernel.row import Versioned
from runtime.errors import DomainError, NotFound


class PreconditionRequired(DomainError):
    """An edit must say which version it changes."""

    status = 428
    code = "precondition-required"
    title = "Send If-Match with the ETag you have"


class VersionMismatch(DomainError):
    """The row has another version than the client says, or exists already."""

    status = 412
    code = "version-mismatch"
    title = "The row has changed since you saw it"


@dataclass(frozen=True, slots=True)
class Precondition:
    """What the client says about the row that it edits.

    tags: the versions that the client has seen; None if it names none.
    is_new: the client says that there is no row yet.
    """

    tags: frozenset[str] | None = None
    is_new: bool = False

    refusals: ClassVar = (PreconditionRequired, VersionMismatch)

    def check(self, row: Versioned) -> None:
        """Raise unless the client has seen the row's current version.

        The caller has locked the row.
        Raises: PreconditionRequired, VersionMismatch.
        """
        self.check_given()
        if self.is_new or self.tags is None:
            raise VersionMismatch("The row exists already.")
        if row.tag not in self.tags:
            raise VersionMismatch("Get the row again, and edit the version you get.")

    def check_given(self) -> None:
        """Raise if the client says nothing about the row.

        To be called before the row's state is checked.

        Raises: PreconditionRequired.
        """
        if self.tags is None and not self.is_new:
            raise PreconditionRequired(
                "Get the row first, and send its ETag as If-Match."
            )

    def check_missing(self, row_id: UUID) -> None:
        """Raise if the client names a version of a row that does not exist.

        Raises: NotFound.
        """
        if self.tags is not None:
            raise NotFound(f"{row_id} does not exist any more.")
