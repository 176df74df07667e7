"""The list of offers as phones poll it: one statement, or only what its tag is made of.

Read without the ORM, by statements that are built once: a phone asks every few seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from models.loads.loads import Load
from models.offers.offers import IS_OPEN, Offer
from runtime.db import Built
from services.kernel.actors import Actor
from services.offers.offers import is_alive, is_visible

SEEN: ColumnElement[str] = literal_column(
    "offers.id || '.' || offers.xmin || '.' ||"
    f" case when offers.{IS_OPEN} then loads.xmin::text else '' end"
)
"""An offer, and its load as it is now while the offer is open: PostgreSQL gives a
changed row a new xmin."""


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` of the actor's offers, newest first, of those before `after`.

    is_open: only offers that can be accepted now.
    """

    actor: Actor
    is_open: bool
    limit: int
    after: UUID | None

    @property
    def shape(self) -> tuple[bool, bool, bool]:
        """Return what decides the text of its statement."""
        return (self.actor.is_dispatcher, self.is_open, self.after is not None)

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of its statement: one row more says whether more follow."""
        return {
            "org_id": self.actor.org_id,
            "driver_id": self.actor.driver_id,
            "after": self.after,
            "limit": self.limit + 1,
        }


def read(
    page: Page, columns: Sequence[str], of_the_load: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Return the offers of the page, and one more if there is one.

    A row has these columns of the offer, these of its load, and what `seen` says of it:
    values as psycopg reads them, but JSON as text.
    """
    statement = _rows(tuple(columns), tuple(of_the_load), page.shape)
    return statement.ask(page.values)


def seen(page: Page) -> str:
    """Return a text that is the same as long as `read` returns the same rows."""
    ((found,),) = _seen(page.shape).ask(page.values)
    return str(found)


@cache
def _rows(
    columns: tuple[str, ...], of_the_load: tuple[str, ...], shape: tuple[bool, ...]
) -> Built:
    offer, load = Offer.__table__.c, Load.__table__.c
    wanted = [offer[name] for name in columns] + [load[name] for name in of_the_load]
    shown = [
        column.cast(Text) if isinstance(column.type, JSON) else column
        for column in wanted
    ]
    return Built.of(_listed(*shape).with_only_columns(*shown, SEEN))


@cache
def _seen(shape: tuple[bool, ...]) -> Built:
    listed = _listed(*shape).with_only_columns(SEEN.label("seen"), Offer.id).subquery()
    comma: ColumnElement[str] = literal_column("','")
    nothing: ColumnElement[str] = literal_column("''")
    in_order = aggregate_order_by(comma, listed.c.id.desc())
    joined = func.string_agg(listed.c.seen, in_order)
    return Built.of(select(func.coalesce(joined, nothing)))


# scope: the conditions of `is_visible`, with the actor's ids as values.
def _listed(is_dispatcher: bool, is_open: bool, has_after: bool) -> Select[Any]:
    org_id, driver_id = (
        bindparam(name, None, Uuid) for name in ("org_id", "driver_id")
    )
    listed = (
        select(Offer.id)
        .join(Load, Load.id == Offer.load_id)
        .where(*is_visible(org_id, driver_id, is_dispatcher=is_dispatcher))
        .order_by(Offer.id.desc())
        .limit(bindparam("limit", None, Integer))
    )
    if is_open:
        listed = listed.where(*is_alive())
    if has_after:
        listed = listed.where(Offer.id < bindparam("after", None, Uuid))
    return listed
