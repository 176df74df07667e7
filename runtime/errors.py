"""DomainError and its general children: services raise, api/kernel/problems renders."""

from collections.abc import Mapping
from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal whose text the caller may read. `code` is public and never renamed."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad-request"
    title: ClassVar[str] = "Bad request"

    def __init__(
        self,
        detail: str,
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class CannotStart(Exception):
    """A process, or an operator's command, cannot begin.

    The message is one sentence that says what to do.
    """


class NotFound(DomainError):
    """No such row, or none that the caller may know of."""

    status = 404
    code = "not-found"
    title = "Not found"


class Unauthenticated(DomainError):
    """No valid token."""

    status = 401
    code = "unauthenticated"
    title = "Sign in first"

    def __init__(
        self,
        detail: str = "Send a valid access token.",
        *,
        counted_as: str | None = None,
    ) -> None:
        """counted_as: the key to count the request by, if it showed a token of ours
        that is over; None to count it for its address."""
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})
        self.counted_as = counted_as


class Forbidden(DomainError):
    """The caller's role lacks the permission."""

    status = 403
    code = "missing-permission"
    title = "Not allowed for your role"


class Conflict(DomainError):
    """The row is in a state that does not allow this."""

    status = 409
    code = "conflict"
    title = "Conflict with the current state"


class IdTaken(Conflict):
    """The id that a client made belongs to another row."""

    code = "id-taken"
    title = "That id is in use"


class Gone(DomainError):
    """What was asked for existed, and will not come back."""

    status = 410
    code = "gone"
    title = "Gone"


class Invalid(DomainError):
    """A wrong field that a schema cannot check alone. `pointer` names it (RFC 6901)."""

    status = 422
    code = "invalid-request"
    title = "The request is not valid"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(
            detail, extra={"errors": [{"pointer": pointer, "detail": detail}]}
        )
