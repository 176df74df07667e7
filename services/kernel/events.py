"""The append-only record of what happened."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freight.roles import Role
from models.kernel.events import Event
from services.kernel.actors import Actor


@dataclass(frozen=True, slots=True)
class Cause:
    """Who did something, when, from which source and why.

    occurred_at: when it happened; a phone's time is already corrected.
    actor: None if the server itself did it.
    """

    occurred_at: datetime
    actor: Actor | None = None
    source: str = "server"
    reason: str | None = None

    def role(self, allowed: frozenset[Role]) -> Role | None:
        """Return the first, by name, of the actor's roles in `allowed`, or None."""
        roles = self.actor.roles if self.actor else frozenset({Role.SYSTEM})
        return min(roles & allowed, default=None)


def record(
    session: Session,
    cause: Cause,
    role: Role,
    *,
    org_id: UUID | None,
    subject: str,
    subject_id: UUID,
    kind: str,
    edi_214: str | None = None,
    body: dict[str, Any] | None = None,
) -> None:
    """Write one event. Nothing changes or deletes it afterwards."""
    session.add(
        Event(
            org_id=org_id,
            subject=subject,
            subject_id=subject_id,
            kind=kind,
            occurred_at=cause.occurred_at,
            actor_id=cause.actor.member_id if cause.actor else None,
            actor_role=role,
            source=cause.source,
            reason=cause.reason,
            edi_214=edi_214,
            body=body or {},
        )
    )


def server_cause(session: Session, reason: str | None = None) -> Cause:
    """Return a cause for the server itself, at the database's current time."""
    now = session.scalar(select(func.clock_timestamp()))
    assert now is not None
    return Cause(now, reason=reason)
