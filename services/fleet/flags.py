"""Flags: what a phone reported that is hard to believe, and how the desk ends them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from geo.distance import METRES_PER_MILE, haversine_m
from geo.points import Point
from models.fleet.flags import Flag, FlagKind, FlagSubject
from runtime.errors import NotFound
from services.kernel.actors import Actor

FASTEST_MPS = 45.0
"""100 mph: no loaded truck drives faster from one fix to the next."""

NOISE_M = 500.0
"""Two fixes within this distance are never a jump: receivers are that inexact."""

VAGUE_M = 5_000.0
"""A position that is less exact says too little: it is not believed, so that a claimed
accuracy excuses no more than this."""

FARTHEST_FROM_STOP_M = 25 * METRES_PER_MILE

MOVING_MPS = 8 / 3.6
"""A faster truck has not arrived. Source: DOMAIN 2.3, 8 km/h in the inner fence."""


def is_too_fast(
    before: Point, after: Point, seconds: float, *, accuracy_m: float
) -> bool:
    """Say whether no truck drives from `before` to `after` in this time.

    accuracy_m: of both positions together; so much less may have been driven.
    """
    driven_m = haversine_m(before, after)
    return driven_m > NOISE_M and driven_m - accuracy_m > FASTEST_MPS * max(seconds, 1)


def is_vague(accuracy_m: float | None) -> bool:
    """Say whether a position of this accuracy says too little to be believed."""
    return (accuracy_m or 0.0) > VAGUE_M


def raise_flags(
    session: Session,
    org_id: UUID,
    kinds: Iterable[FlagKind],
    *,
    subject: FlagSubject,
    subject_id: UUID,
    fact: str = "",
    driver_id: UUID,
    body: dict[str, Any],
) -> None:
    """Keep a flag of each kind for the desk of the driver's company.

    Safe to repeat: the same doubt about the same fact adds to `times` of the open flag.

    fact: what was reported of the subject, such as "arrival".
    """
    # scope: writes flags of the driver's company only.
    for kind in sorted(kinds):
        made = insert(Flag).values(
            id=uuid7(),
            org_id=org_id,
            kind=kind,
            subject=subject,
            subject_id=subject_id,
            fact=fact,
            driver_id=driver_id,
            body=body,
        )
        session.execute(
            made.on_conflict_do_update(
                index_elements=["org_id", "subject_id", "fact", "kind"],
                index_where=text("ended_at IS NULL"),
                set_={
                    "times": Flag.times + 1,
                    "last_at": func.now(),
                    "body": made.excluded.body,
                },
            )
        )


def visible_flags(actor: Actor) -> Select[Flag]:
    """Return the flags of the company's drivers, newest first."""
    return select(Flag).where(Flag.org_id == actor.org_id).order_by(Flag.id.desc())


def flags_of(
    session: Session, actor: Actor, subject_id: UUID, fact: str
) -> list[FlagKind]:
    """Return the kinds of flags that the company has about one fact, by name."""
    of_fact = visible_flags(actor).where(
        Flag.subject_id == subject_id, Flag.fact == fact
    )
    return sorted(set(session.scalars(of_fact.with_only_columns(Flag.kind))))


def end_flag(
    session: Session, actor: Actor, flag_id: UUID, *, word: str, now: datetime
) -> Flag:
    """End the flag; keep the member who ended it, and what they found out.

    Safe to repeat: a flag that has ended is returned unchanged.

    Locks: the flag. Raises: NotFound.
    """
    flag = session.scalar(
        visible_flags(actor).where(Flag.id == flag_id).with_for_update()
    )
    if flag is None:
        raise NotFound(f"No flag {flag_id} in your company.")
    if flag.ended_at is None:
        flag.ended_at, flag.ended_by, flag.word = now, actor.member_id, word
        session.flush()
    return flag
