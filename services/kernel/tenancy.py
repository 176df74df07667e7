"""Whose rows this transaction may touch, where row security would not let it."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def act_on_loads(session: Session, load_ids: Iterable[UUID]) -> None:
    """Open the rows that hang on these loads to this transaction: offers to other
    carriers, the assignment, the stops, everybody's history.

    The caller has checked the actor's right to each load, or does so before it answers.
    One driver's yes ends other companies' offers, and a cancelled load frees another
    company's driver: row security lets that happen for a held load only.
    """
    session.execute(
        text("select set_config('app.loads', :loads, true)"),
        {"loads": ",".join(str(load_id) for load_id in load_ids)},
    )


def act_as_member(session: Session, member_id: UUID) -> None:
    """Let the rest of this transaction be the member's own doing, in the audit log:
    who has a one-time token acts before he is signed in."""
    session.execute(
        text("select set_config('app.member', :id, true)"), {"id": str(member_id)}
    )
