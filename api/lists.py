"""Lists: newest first, by keyset cursor."""

from typing import Any, TypeVar
from uuid import UUID

import marshmallow as ma
from marshmallow import fields, validate
from sqlalchemy import Select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

Item = TypeVar("Item")


class PageArgs(ma.Schema):
    """How much, and from where on."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.UUID(load_default=None)


class PageInfo(ma.Schema):
    """`next_cursor` continues the list; null is its end."""

    next_cursor = fields.UUID(allow_none=True)


def page_of(schema: type[ma.Schema], name: str) -> type[ma.Schema]:
    """Return the schema of one page of a list."""
    page: type[ma.Schema] = ma.Schema.from_dict(
        {
            "data": fields.List(fields.Nested(schema)),
            "page": fields.Nested(PageInfo),
        },
        name=f"{name}Page",
    )
    return page


def page(
    session: Session,
    query: Select[Item],
    key: InstrumentedAttribute[UUID],
    *,
    limit: int,
    cursor: UUID | None,
) -> dict[str, Any]:
    """Return the rows after `cursor`, newest id first, and the next cursor.

    A row that exists throughout a walk appears exactly once, whatever is inserted
    or deleted meanwhile.
    """
    query = query.order_by(None).order_by(key.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(key < cursor)
    rows = list(session.scalars(query).unique())
    more = rows[limit - 1].id if len(rows) > limit else None  # type: ignore[attr-defined]
    return {"data": rows[:limit], "page": {"next_cursor": more}}
