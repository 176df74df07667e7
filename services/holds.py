"""Acting on a load as a whole, across the companies it concerns."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def hold(session: Session, load_ids: Iterable[UUID]) -> None:
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
