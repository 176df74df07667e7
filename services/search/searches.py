"""Kept searches: which of them a member may see."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from models.search.searches import BackhaulSearch
from runtime.errors import NotFound
from services.kernel.actors import Actor

IN_SHORT = tuple(
    defer(column, raiseload=True)
    for column in (BackhaulSearch.map, BackhaulSearch.ranked, BackhaulSearch.area)
)
"""Leaves out of a query what a summary does not show: most of a record."""


def visible_searches(actor: Actor) -> Select[BackhaulSearch]:
    """Return the searches for the company's drivers, newest first.

    A dispatcher sees all of them, a driver only their own.
    """
    seen = (
        select(BackhaulSearch)
        .where(BackhaulSearch.org_id == actor.org_id)
        .order_by(BackhaulSearch.id.desc())
    )
    if not actor.is_dispatcher:
        seen = seen.where(BackhaulSearch.driver_id == actor.driver_id)
    return seen


def get_search(session: Session, actor: Actor, search_id: UUID) -> BackhaulSearch:
    """Return the search.

    Raises: NotFound.
    """
    search = session.scalar(
        visible_searches(actor).where(BackhaulSearch.id == search_id)
    )
    if search is None:
        raise NotFound(f"No search {search_id} in your company.")
    return search
