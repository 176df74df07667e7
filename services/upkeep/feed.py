"""The event feed: each event once and none left out, also while others write."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal,
    not_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from models.kernel.events import Event, Xid8


@dataclass(frozen=True, order=True, slots=True)
class Position:
    """A place in the feed: everything up to and including this event was read.

    Ordered by the writing transaction, then by id. Ids alone are not in commit order:
    an event with a smaller id may become visible later.
    """

    xid: int
    event_id: int = -1


def is_quiet(concerns: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that `read` has nothing after a position which exists.

    The position is given by the values `xid`, as text, and `event_id`.
    """
    # scope: the caller passes the condition of what concerns the actor.
    xid = cast(bindparam("xid", None, String), Xid8)
    event_id = bindparam("event_id", None, BigInteger)
    end = func.pg_snapshot_xmin(func.pg_current_snapshot(), type_=Xid8)
    later = select(Event.id).where(
        tuple_(Event.xid, Event.id) > tuple_(xid, event_id), Event.xid < end, concerns
    )
    return and_(xid <= end, not_(exists(later)))


def horizon(session: Session) -> Position:
    """Return the end of what can be read now: no event will ever appear before it.

    Every transaction before it has ended, and all events of an open transaction come
    after it. The price: the feed waits for the server's oldest open transaction that
    has written something.
    """
    xmin = func.pg_snapshot_xmin(func.pg_current_snapshot())
    return Position(int(session.scalars(select(cast(xmin, String))).one()))


def read(
    session: Session, after: Position, concerns: ColumnElement[bool], *, limit: int
) -> tuple[Sequence[Event], Position]:
    """Return the next events that `concerns` picks, and the position after them.

    In the order of their positions. Fewer than `limit` events means that there are no
    more for now.
    """
    # scope: the caller passes the condition of what concerns the actor.
    end = horizon(session)
    found = session.scalars(
        select(Event)
        .where(
            tuple_(Event.xid, Event.id) > tuple_(_xid(after), literal(after.event_id)),
            Event.xid < _xid(end),
            concerns,
        )
        .order_by(Event.xid, Event.id)
        .limit(limit)
    ).all()
    if len(found) < limit:
        return found, max(end, after)
    return found, Position(int(found[-1].xid), found[-1].id)


def _xid(position: Position) -> ColumnElement[str]:
    return cast(literal(str(position.xid), String), Xid8)
