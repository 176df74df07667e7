"""Lists: newest first, by keyset cursor."""

from typing import Any, TypeVar
from uuid import UUID

import marshmallow as ma
from flask import request
from marshmallow import fields, validate
from sqlalchemy import Select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from api.kernel.answers import Answer
from api.kernel.auth import actor, cursor_keys
from services.kernel import cursors

Item = TypeVar("Item")

LONGEST_CURSOR = 500


class PageArgs(ma.Schema):
    """How many rows, and from which cursor on."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    # Text of another form answers 400 `cursor-invalid`, as any that we did not sign.
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=LONGEST_CURSOR),
        metadata={"pattern": cursors.LETTERS, "minLength": cursors.SHORTEST},
    )


class PageInfo(Answer):
    """`next_cursor` continues the list, with the same filters; null at the end."""

    next_cursor = fields.String(allow_none=True)


def page_of(schema: type[ma.Schema], name: str) -> type[ma.Schema]:
    """Return the schema of one page of a list."""
    page: type[ma.Schema] = Answer.from_dict(
        {
            "data": fields.List(fields.Nested(schema)),
            "page": fields.Nested(PageInfo),
        },
        name=f"{name}Page",
    )
    page.__doc__ = (
        "One page of a list, highest id first: the newest, where ids are made in order."
    )
    return page


def page(
    session: Session,
    query: Select[Item],
    key: InstrumentedAttribute[UUID],
    *,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """Return the rows after `cursor`, newest id first, and the next cursor.

    A row that exists while a client reads all pages appears exactly once, whatever is
    inserted or deleted meanwhile.

    Raises: CursorInvalid, CursorMismatch.
    """
    query = query.order_by(None).order_by(key.desc()).limit(limit + 1)
    if (after := last_seen(cursor)) is not None:
        query = query.where(key < after)
    rows = list(session.scalars(query).unique())
    more = rows[limit - 1].id if len(rows) > limit else None  # type: ignore[attr-defined]
    return {"data": rows[:limit], "page": {"next_cursor": next_cursor(more)}}


def last_seen(cursor: str | None) -> UUID | None:
    """Return the id after which the page begins, None for the first page.

    Raises: CursorInvalid, CursorMismatch.
    """
    if cursor is None:
        return None
    (last,) = cursors.opened(cursor_keys(), scope(), cursor)
    return UUID(last)


def next_cursor(last: UUID | None) -> str | None:
    """Return the cursor of the page after this id; None after the last page."""
    if last is None:
        return None
    return cursors.signed(cursor_keys(), scope(), [str(last)])


def scope() -> str:
    """Return what a cursor of this request is valid for.

    That is the caller's company, this list and these filters.
    """
    filters = sorted(
        (name, value)
        for name, value in request.args.items(multi=True)
        if name not in {"cursor", "limit"}
    )
    return f"{actor().org_id} {request.path} {filters}"
