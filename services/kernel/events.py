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
    """Who did it, when, by which source and why.

    occurred_at: the moment itself, by the phone's corrected clock.
    actor: None is the server's own hand.
    """

    occurred_at: datetime
    actor: Actor | None = None
    source: str = "server"
    reason: str | None = None

    def role(self, allowed: frozenset[Role]) -> Role | None:
        """Return the role in which the actor does it, None if he has none of them."""
        held = self.actor.roles if self.actor else frozenset({Role.SYSTEM})
        return min(held & allowed, default=None)


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
    """Return the server itself as the cause, now by the database's clock."""
    now = session.scalar(select(func.clock_timestamp()))
    assert now is not None
    return Cause(now, reason=reason)
