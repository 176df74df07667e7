"""Fixes from phones, which may arrive late, out of order or repeated."""

# scope: a driver's own fixes, and a job for the partitions.

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.fleet.drivers import Driver
from models.fleet.flags import FlagKind, FlagSubject
from models.fleet.positions import Position
from models.search.standing import Silence
from services.fleet import flags, ringing, tracks
from services.kernel.clocks import FUTURE_TOLERANCE, IGNORED_SKEW

OLDEST = timedelta(days=30)
"""Raw fixes are kept 30 days; an older one has no partition to go to."""

RECENT = timedelta(minutes=30)
"""A truck is still about where a position says, if it is not older."""

NEAR = timedelta(hours=12)
"""From a fix that is farther in time, a truck may have come from almost anywhere."""

AHEAD_DAYS = 3

JUMPED = (FlagKind.SPEED_IMPLAUSIBLE,)

Key = tuple[UUID, datetime]
"""The id and `fixed_at` of a fix."""


class FixStatus(StrEnum):
    """What became of one fix of a batch."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Fix:
    """One position. `fixed_at` is by the phone's clock; units as named."""

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
    flags: tuple[FlagKind, ...] = ()


def report(
    session: Session,
    driver_id: UUID,
    fixes: Sequence[Fix],
    *,
    sent_at: datetime | None,
    now: datetime,
) -> list[FixResult]:
    """Keep every plausible new fix; return one result for each fix, in the given order.

    Safe to repeat: a fix is identified by its id and `fixed_at`. Order and batching do
    not matter: the last position is the fix with the newest `corrected_at`. But a jump,
    to which no truck could have driven, is flagged for the desk, and becomes the last
    position only when a second fix agrees with it; and a vague fix never does.

    If the last position now says that the truck stands, loads that stood by for the
    driver while it moved are offered next (a job).

    sent_at: by the phone's clock, when it sent the batch; the difference to `now`
        corrects the times of the fixes.
    """
    skew = now - sent_at if sent_at is not None else timedelta()
    if abs(skew) <= IGNORED_SKEW:
        skew = timedelta()
    reasons = [_why_not(fix, skew, now) for fix in fixes]
    waiting, jumps = _insert(
        session,
        driver_id,
        [
            _row(fix, fix.fixed_at + skew)
            for fix, reason in zip(fixes, reasons, strict=True)
            if reason is None
        ],
    )
    results = []
    for fix, reason in zip(fixes, reasons, strict=True):
        key = (fix.fix_id, fix.fixed_at)
        if reason is not None:
            status = FixStatus.REJECTED
        elif key in waiting:
            waiting.remove(key)
            status = FixStatus.CREATED
        else:
            status = FixStatus.DUPLICATE
        doubts = JUMPED if status is FixStatus.CREATED and key in jumps else ()
        results.append(FixResult(fix.fix_id, status, reason, doubts))
    return results


def _why_not(fix: Fix, skew: timedelta, now: datetime) -> str | None:
    if fix.lat == 0 and fix.lon == 0:
        return "no-position"
    # Both times must fit. The phone's own time chooses the partition; it is checked
    # first, because adding the skew to the year 9999 would overflow.
    if fix.fixed_at > now + timedelta(days=AHEAD_DAYS - 1):
        return "in-the-future"
    if fix.fixed_at < now - OLDEST:
        return "too-old"
    if fix.fixed_at + skew > now + FUTURE_TOLERANCE:
        return "in-the-future"
    if fix.fixed_at + skew < now - OLDEST:
        return "too-old"
    return None


def _row(fix: Fix, corrected_at: datetime) -> dict[str, Any]:
    times = {
        "fix_id": str(fix.fix_id),
        "fixed_at": fix.fixed_at.isoformat(),
        "corrected_at": corrected_at.isoformat(),
    }
    return asdict(fix) | times


INSERT = text(
    """
    with fixes as (
        select * from jsonb_to_recordset(cast(:fixes as jsonb)) as fix(
            fix_id uuid, fixed_at timestamptz, corrected_at timestamptz,
            lat float8, lon float8,
            accuracy_m float8, speed_mps float8, heading_deg float8
        )
    ), kept as (
        insert into positions (
            driver_id, fix_id, fixed_at, corrected_at, lat, lon,
            accuracy_m, speed_mps, heading_deg
        )
        select :driver_id, fixes.* from fixes order by fix_id, fixed_at
        on conflict do nothing
        returning *
    )
    select fix_id, fixed_at, corrected_at, lat, lon, accuracy_m, speed_mps, heading_deg
    from kept
    """
)
"""One statement for a batch. The rows are sorted, so that two batches with the same
fixes never deadlock."""

LAST = text(
    """
    select corrected_at, lat, lon, accuracy_m, doubted from last_positions
    where driver_id = :driver_id for update
    """
)

FOLLOW = text(
    """
    insert into last_positions as known (
        driver_id, corrected_at, lat, lon, accuracy_m, speed_mps, heading_deg, doubted
    ) values (
        :driver_id, :corrected_at, :lat, :lon, :accuracy_m, :speed_mps, :heading_deg,
        cast(:doubted as jsonb)
    ) on conflict (driver_id) do update set
        corrected_at = excluded.corrected_at, received_at = now(),
        lat = excluded.lat, lon = excluded.lon,
        accuracy_m = excluded.accuracy_m, speed_mps = excluded.speed_mps,
        heading_deg = excluded.heading_deg, doubted = excluded.doubted
    where (excluded.corrected_at, excluded.lat, excluded.lon)
        > (known.corrected_at, known.lat, known.lon)
    returning :stands and exists (select from standing_by waiting
        where waiting.driver_id = known.driver_id and waiting.reason = 'moving')
    """
)
"""The condition is for a driver's first two batches at once: neither finds a row to
lock. Returns whether loads stand by for the driver only because the truck moved."""

DOUBT = text(
    """
    update last_positions set doubted = cast(:doubted as jsonb)
    where driver_id = :driver_id
    """
)


def _insert(
    session: Session, driver_id: UUID, rows: Sequence[dict[str, Any]]
) -> tuple[set[Key], set[Key]]:
    """Keep the rows; return the keys of the new ones, and of those that are jumps.

    Locks: the driver's last position.
    """
    if not rows:
        return set(), set()
    known = session.execute(LAST, {"driver_id": driver_id}).one_or_none()
    kept = session.execute(
        INSERT, {"driver_id": driver_id, "fixes": json.dumps(rows)}
    ).all()
    new = {(row.fix_id, row.fixed_at) for row in kept}
    last = tracks.Spot.of(known) if known is not None else None
    doubted = tracks.Spot.from_record(known.doubted) if known is not None else None
    track = tracks.follow(last, doubted, [tracks.Spot.of(row) for row in kept])
    to: dict[str, Any] = {"driver_id": driver_id, "doubted": None}
    if track.doubted is not None:
        to["doubted"] = json.dumps(track.doubted.to_record())
    if track.last != last and track.last is not None:
        to |= {"stands": ringing.stands(track.last.speed_mps)}
        if session.scalar(FOLLOW, track.last.to_record() | to):
            ringing.open_again(session, driver_id, Silence.MOVING)
    elif track.doubted != doubted:
        session.execute(DOUBT, to)
    return new, _flag_jumps(session, driver_id, track.jumps)


def _flag_jumps(
    session: Session, driver_id: UUID, jumps: Sequence[tracks.Spot]
) -> set[Key]:
    driver = session.get(Driver, driver_id) if jumps else None
    if driver is not None:
        flags.raise_flags(
            session,
            driver.org_id,
            JUMPED,
            subject=FlagSubject.DRIVER,
            subject_id=driver_id,
            driver_id=driver_id,
            body={"corrected_at": jumps[-1].corrected_at.isoformat()},
        )
    return {jump.key for jump in jumps if jump.key is not None}


def nearest(session: Session, driver_id: UUID, at: datetime) -> Position | None:
    """Return the driver's fix that was measured nearest to a time.

    None if none was within `NEAR` of it. Vague fixes do not count, nor do those of a
    phone whose clock was wrong by more than a day: their partitions are not read.
    """
    about = timedelta(days=1) + NEAR
    apart = func.abs(func.extract("epoch", Position.corrected_at - at))
    return session.scalars(
        select(Position)
        .where(
            Position.driver_id == driver_id,
            Position.corrected_at.between(at - NEAR, at + NEAR),
            Position.fixed_at.between(at - about, at + about),
            func.coalesce(Position.accuracy_m, 0.0) <= flags.VAGUE_M,
        )
        .order_by(apart, Position.fix_id)
        .limit(1)
    ).one_or_none()


def make_partitions(session: Session, *, now: datetime) -> None:
    """Make the day partitions that fixes need, and drop those too old to keep (a job).

    Safe to repeat. Locks: `positions`, for a moment. It gives up after 4 s and is tried
    again, so that phones do not wait behind one long query.
    """
    session.execute(text("set local lock_timeout = '4s'"))
    first = (now - OLDEST - timedelta(days=1)).date()
    last = first + OLDEST + timedelta(days=AHEAD_DAYS + 2)
    session.execute(
        text("select make_position_partitions(:first, :last)"),
        {"first": first, "last": last},
    )
