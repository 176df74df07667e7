"""A gateway that prints instead of pushing, for PUSH=console."""

from collections.abc import Callable
from hashlib import sha256
from uuid import uuid4

from models.people.targets import TargetKind
from notifications.messages import Message


class ConsoleGateway:
    """Writes one line per push; accepts everything.

    write: takes one line without its end, for example `print`. It is called from
        the threads that send.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def send(self, target_kind: TargetKind, target: str, message: Message) -> str:
        """Write what would be pushed. The line never contains the target itself."""
        title = message.title or "(silent)"
        self._write(
            f"push {message.kind} {message.subject_id}"
            f" to {target_kind}:{fingerprint(target)} | {title}"
        )
        return f"console/messages/{uuid4()}"


def fingerprint(target: str) -> str:
    """Return eight hex digits to tell targets apart without revealing them."""
    return sha256(target.encode()).hexdigest()[:8]
