"""Repeated requests: done once, and a repeat gets the first answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.kernel.idempotency import IdempotencyKey
from runtime.errors import Conflict, DomainError
from services.kernel.actors import Actor
from services.kernel.batches import delete_batch

KEPT = timedelta(days=7)
"""A phone may be without signal for longer than the usual 24 hours."""

WAIT_S = 5
RETRY_AFTER_S = 2
LOCK_NOT_AVAILABLE = "55P03"


class KeyMissing(DomainError):
    """The request must carry an Idempotency-Key."""

    status = 400
    code = "idempotency-key-missing"
    title = "Send an Idempotency-Key"


class KeyReused(DomainError):
    """The key was used for another request."""

    status = 422
    code = "idempotency-key-reused"
    title = "That Idempotency-Key belongs to another request"


class KeyInUse(Conflict):
    """The first request with this key is still running."""

    code = "idempotency-key-in-use"
    title = "The first request with that Idempotency-Key is still running"


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer exactly as it was given, byte for byte."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str]


def claim(session: Session, actor: Actor, key: str, fingerprint: bytes) -> Kept | None:
    """Claim the key for this transaction, or return the answer kept for the key.

    A second request with the key waits until the first has committed or rolled back.

    fingerprint: equal for equal requests.

    Locks: the key, before anything else of the request. Raises: KeyReused; KeyInUse
    after `WAIT_S`, and the transaction can only be rolled back.
    """
    claimed = (
        insert(IdempotencyKey)
        .values(fingerprint=fingerprint, **_row(actor, key))
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    session.execute(text(f"set local lock_timeout = '{WAIT_S}s'"))
    try:
        is_first = session.scalar(claimed) is not None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        raise KeyInUse(
            "Send the request again in a moment, with the same key.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        ) from None
    # For the locks of the effect itself the usual timeout applies.
    session.execute(text("set local lock_timeout to default"))
    return None if is_first else _given(session, actor, key, fingerprint)


def keep(session: Session, actor: Actor, key: str, answer: Kept) -> None:
    """Keep the answer for a key that this transaction has claimed."""
    # scope: the actor's own key.
    session.flush()
    session.execute(
        update(IdempotencyKey)
        .filter_by(**_row(actor, key))
        .values(status=answer.status, body=answer.body, headers=dict(answer.headers))
        .execution_options(synchronize_session=False)
    )


def rewrite(
    session: Session, org_id: UUID, member_id: UUID, instead: Mapping[str, Any]
) -> None:
    """Replace fields of this member wherever the company's kept answers contain them.

    Nothing else in the answers changes. Safe to repeat.

    instead: the new value of each field to replace, by its name.
    """
    # scope: the operator's command, in the member's company.
    names_member = func.strpos(
        func.convert_from(IdempotencyKey.body, "UTF8"), str(member_id)
    )
    answers = session.scalars(
        select(IdempotencyKey)
        .where(IdempotencyKey.org_id == org_id, names_member > 0)
        .execution_options(populate_existing=True)
    )
    for answer in answers:
        assert answer.body is not None
        body = _rewritten(json.loads(answer.body), str(member_id), instead)
        answer.body = json.dumps(body, separators=(",", ":")).encode() + b"\n"


def _rewritten(part: Any, member_id: str, instead: Mapping[str, Any]) -> Any:  # noqa: ANN401
    match part:
        case dict():
            is_the_member = part.get("member_id") == member_id
            return {
                name: instead[name]
                if is_the_member and name in instead
                else _rewritten(value, member_id, instead)
                for name, value in part.items()
            }
        case list():
            return [_rewritten(value, member_id, instead) for value in part]
    return part


def prune(session: Session, *, now: datetime, most: int = 10_000) -> int:
    """Delete at most `most` keys older than `KEPT`; return how many. Safe to repeat."""
    # scope: a job, for all companies.
    whole_key = (IdempotencyKey.org_id, IdempotencyKey.member_id, IdempotencyKey.key)
    old = select(*whole_key).where(IdempotencyKey.created_at < now - KEPT).limit(most)
    return delete_batch(session, IdempotencyKey, old)


def _row(actor: Actor, key: str) -> dict[str, Any]:
    return {"org_id": actor.org_id, "member_id": actor.member_id, "key": key}


def _given(session: Session, actor: Actor, key: str, fingerprint: bytes) -> Kept:
    # scope: the actor's own key.
    known = session.scalars(
        select(IdempotencyKey)
        .filter_by(**_row(actor, key))
        .execution_options(populate_existing=True)
    ).one()
    if known.fingerprint != fingerprint:
        raise KeyReused(
            "Use a new key for each request, and repeat a request unchanged."
        )
    assert known.status is not None
    assert known.body is not None
    return Kept(known.status, known.body, known.headers)
