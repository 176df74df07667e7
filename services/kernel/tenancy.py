"""Tell the database which further rows this transaction may touch, and who acts."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def act_on_loads(session: Session, load_ids: Iterable[UUID]) -> None:
    """Let this transaction touch the rows of these loads, whichever company has them.

    These are the offers to other carriers, the assignment, the stops and the events.
    One driver's acceptance ends other companies' offers, and a cancelled load frees
    another company's driver; row security allows that only for the loads named here.

    The caller has checked the actor's right to each load, or does so before it answers.
    """
    session.execute(
        text("select set_config('app.loads', :loads, true)"),
        {"loads": ",".join(str(load_id) for load_id in load_ids)},
    )


def act_as_member(session: Session, member_id: UUID) -> None:
    """Name the member as the actor in the audit log of this transaction.

    Needed for one-time tokens: their owner acts before being signed in.
    """
    session.execute(
        text("select set_config('app.member', :id, true)"), {"id": str(member_id)}
    )
