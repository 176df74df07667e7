"""Fixes from phones: late, shuffled, repeated, and still right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.positions import LastPosition, Position
from services.clocks import FUTURE_TOLERANCE, IGNORED_SKEW

OLDEST = timedelta(days=30)
"""Raw fixes are kept 30 days; an older one has no partition to go to."""

AHEAD_DAYS = 3


class FixStatus(StrEnum):
    """What became of one fix of a batch."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Fix:
    """One position by the phone. `fixed_at` is its own clock; units as named."""

    fix_id: UUID
    fixed_at: datetime
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None


@dataclass(frozen=True, slots=True)
class FixResult:
    """The answer for one fix."""

    fix_id: UUID
    status: FixStatus
    reason: str | None = None


def report(
    session: Session,
    driver_id: UUID,
    fixes: Sequence[Fix],
    *,
    sent_at: datetime | None,
    now: datetime,
) -> list[FixResult]:
    """Keep every new fix that can be true; answer for each, in the given order.

    Safe to repeat: a fix is known by its id and time. Order and batching do not
    matter: the last position is that of the newest `corrected_at`.

    sent_at: the phone's clock when it sent; the difference to `now` corrects it.
    """
    skew = now - sent_at if sent_at is not None else timedelta()
    if abs(skew) <= IGNORED_SKEW:
        skew = timedelta()
    reasons = {fix.fix_id: _why_not(fix, fix.fixed_at + skew, now) for fix in fixes}
    rows = {
        fix.fix_id: _row(driver_id, fix, fix.fixed_at + skew)
        for fix in fixes
        if reasons[fix.fix_id] is None
    }
    kept = _insert(session, driver_id, list(rows.values())) if rows else set()
    answered: set[UUID] = set()
    results = []
    for fix in fixes:
        if reason := reasons[fix.fix_id]:
            results.append(FixResult(fix.fix_id, FixStatus.REJECTED, reason))
        elif fix.fix_id in kept and fix.fix_id not in answered:
            answered.add(fix.fix_id)
            results.append(FixResult(fix.fix_id, FixStatus.CREATED))
        else:
            results.append(FixResult(fix.fix_id, FixStatus.DUPLICATE))
    return results


def _why_not(fix: Fix, corrected_at: datetime, now: datetime) -> str | None:
    if fix.lat == 0 and fix.lon == 0:
        return "no-position"
    if corrected_at > now + FUTURE_TOLERANCE or fix.fixed_at > now + timedelta(
        days=AHEAD_DAYS - 1
    ):
        return "in-the-future"
    if min(corrected_at, fix.fixed_at) < now - OLDEST:
        return "too-old"
    return None


def _row(driver_id: UUID, fix: Fix, corrected_at: datetime) -> dict[str, Any]:
    return {
        "driver_id": driver_id,
        "fix_id": fix.fix_id,
        "fixed_at": fix.fixed_at,
        "corrected_at": corrected_at,
        "lat": fix.lat,
        "lon": fix.lon,
        "accuracy_m": fix.accuracy_m,
        "speed_mps": fix.speed_mps,
        "heading_deg": fix.heading_deg,
    }


def _insert(
    session: Session, driver_id: UUID, rows: Sequence[dict[str, Any]]
) -> set[UUID]:
    # Sorted, so that two batches with the same fixes never deadlock.
    ordered = sorted(rows, key=lambda row: (row["fix_id"], row["fixed_at"]))
    kept = set(
        session.scalars(
            insert(Position)
            .values(ordered)
            .on_conflict_do_nothing()
            .returning(Position.fix_id)
        )
    )
    new = [row for row in rows if row["fix_id"] in kept]
    if new:
        _advance(session, max(new, key=lambda row: row["corrected_at"]))
    return kept


def _advance(session: Session, row: dict[str, Any]) -> None:
    last = {k: v for k, v in row.items() if k not in {"fix_id", "fixed_at"}}
    upsert = insert(LastPosition).values(last)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=["driver_id"],
            set_={k: upsert.excluded[k] for k in last if k != "driver_id"}
            | {"received_at": text("now()")},
            where=upsert.excluded.corrected_at > LastPosition.corrected_at,
        )
    )


def make_partitions(session: Session, *, now: datetime) -> None:
    """Make the day partitions a phone may need, and drop those past keeping (a job).

    Safe to repeat. Locks: `positions`, shortly.
    """
    first = (now - OLDEST - timedelta(days=1)).date()
    for offset in range((OLDEST + timedelta(days=AHEAD_DAYS + 2)).days):
        day = first + timedelta(days=offset)
        start = datetime.combine(day, time(), UTC)
        session.execute(
            text(
                f"create table if not exists positions_{day:%Y%m%d} partition of"
                f" positions for values from ('{start.isoformat()}')"
                f" to ('{(start + timedelta(days=1)).isoformat()}')"
            )
        )
    for name in session.scalars(
        text(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'positions'::regclass"
        )
    ).all():
        if name < f"positions_{first:%Y%m%d}":
            session.execute(text(f"drop table {name}"))
