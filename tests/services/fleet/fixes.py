"""Fixes of a driver's phone, and what is kept of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from models.fleet.positions import LastPosition, Position
from services.fleet import positions
from services.fleet.positions import Fix, FixStatus

CREATED, DUPLICATE, REJECTED = FixStatus
MINUTE = timedelta(minutes=1)


def fix(at: datetime, lat: float = 41.9, lon: float = -87.6) -> Fix:
    return Fix(uuid7(), at, lat, lon)


def tell(
    session: OrmSession,
    driver_id: UUID,
    fixes: Sequence[Fix],
    now: datetime,
    *,
    sent_at: datetime | None = None,
) -> list[tuple[FixStatus, str | None]]:
    answers = positions.report(session, driver_id, fixes, sent_at=sent_at, now=now)
    assert [a.fix_id for a in answers] == [f.fix_id for f in fixes]
    return [(a.status, a.reason) for a in answers]


def last_of(session: OrmSession, driver_id: UUID) -> LastPosition | None:
    return session.scalar(
        select(LastPosition)
        .where(LastPosition.driver_id == driver_id)
        .execution_options(populate_existing=True)
    )


def track_of(session: OrmSession, driver_id: UUID) -> list[tuple[object, ...]]:
    rows = session.execute(
        select(
            Position.fix_id, Position.fixed_at, Position.corrected_at, Position.lat
        ).where(Position.driver_id == driver_id)
    )
    return sorted(tuple(row) for row in rows)
