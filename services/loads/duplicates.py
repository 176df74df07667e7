"""Duplicates: the same freight posted again, by the same company or by another one.

Freight is the same if both ends lie within about a mile and a half, the windows of both
ends overlap, and the weights differ by at most 5 % or one is not known. References do
not count: a copied one could bury a load.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.loads.duplicates import Duplicate
from models.loads.loads import Load
from runtime.errors import Conflict, NotFound
from services.loads.figures import Warned


class LoadRebrokered(Conflict):
    """The company carries this freight for another one that does not allow it."""

    code = "load-rebrokered"
    title = "Your company carries this freight for another one"


def check(session: Session, load: Load) -> list[Warned]:
    """Return a warning for each active load of the company that looks the same and that
    a truck of the same type may carry.

    Of more than five, for the five oldest. Pairs with loads of other companies are kept
    for the platform, at most five at once; the company learns nothing of them, except
    of those that it carries itself. Safe to repeat.

    Two posts at the same moment do not see each other.

    Raises: LoadRebrokered if the company carries such a load of another company, whose
    poster did not allow it to be posted again.
    """
    # scope: the door compares with all companies, and returns ids of this one only.
    session.flush()
    own, is_rebrokered = session.execute(
        text("select own, is_rebrokered from note_duplicates(:load_id)"),
        {"load_id": load.id},
    ).one()
    if is_rebrokered:
        raise LoadRebrokered(
            "Your company carries a load with these ends, windows and weight. Ask its"
            " poster to set `may_be_rebrokered` on it."
        )
    numbers = session.execute(
        select(Load.id, Load.load_number)
        .where(
            Load.id.in_(own),
            Load.org_id == load.org_id,
            Load.equipment.overlap(load.equipment),
        )
        .order_by(Load.id)
    )
    return [
        Warned(
            "duplicate",
            "#/stops",
            f"Your company's load {number} ({load_id}) has the same ends, windows,"
            " equipment and weight, and is active.",
        )
        for load_id, number in numbers
    ]


def open_duplicates(session: Session) -> Sequence[Duplicate]:
    """Return the open pairs, oldest first (the operator's command)."""
    # scope: the operator's command, for all companies.
    query = select(Duplicate).where(Duplicate.ended_at.is_(None))
    return session.scalars(query.order_by(Duplicate.created_at, Duplicate.id)).all()


def end_duplicate(
    session: Session, duplicate_id: UUID, *, word: str, now: datetime
) -> Duplicate:
    """End a pair; keep what was found out (the operator's command).

    Safe to repeat: a pair that has ended is returned unchanged.

    Locks: the pair. Raises: NotFound.
    """
    # scope: the operator's command, for all companies.
    found = session.get(Duplicate, duplicate_id, with_for_update=True)
    if found is None:
        raise NotFound(f"No duplicate {duplicate_id}.")
    if found.ended_at is None:
        found.ended_at, found.word = now, word
        session.flush()
    return found
