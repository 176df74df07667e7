"""Whether a driver's phone may ring, and what tells that it may again."""

# scope: the driver that a caller found by a scope.

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, String, bindparam, text
from sqlalchemy.orm import Session

from freight.opening import QuietHours
from jobs import Job, enqueue_each
from models.fleet.drivers import Driver
from models.fleet.positions import LastPosition
from models.search.standing import Silence
from places.zones import zone_of
from services.fleet.flags import MOVING_MPS

MOVES_FOR = timedelta(minutes=5)
"""So long a truck counts as moving by a fix that says so. A phone on the road sends one
every few seconds: without a newer one nothing is known of the truck."""

ASK = text(
    """
    update standing_by set asked_at = now()
    where driver_id = :driver_id and reason = any (:reasons)
        and (asked_at is null or asked_at < now() - interval '5 minutes')
    returning loads
    """
).bindparams(bindparam("reasons", type_=ARRAY(String)))
"""Of two that ask at once the second waits, and finds that it was asked. What was asked
for five minutes was lost: its job failed too often."""

OPENED = text(
    """
    update drivers set app_opened_at = clock_timestamp()
    where id = :driver_id and coalesce(app_opened_at, '-infinity') < (
        select f.created_at from offers f where f.driver_id = drivers.id
        order by f.id desc limit 1)
    returning id
    """
)


def stands(speed_mps: float | None) -> bool:
    """Say whether a truck stands at this speed. An unknown speed says nothing against
    it."""
    return (speed_mps or 0.0) <= MOVING_MPS


def moves_until(fix: LastPosition | None, now: datetime) -> datetime | None:
    """Return until when the truck counts as moving by its newest fix; None if it does
    not.

    A fix was not measured after it came: a clock that is ahead makes it no younger.
    Source: 49 CFR 392.80 and 392.82, no texting and no hand-held phone while driving.
    """
    if fix is None or stands(fix.speed_mps):
        return None
    until = min(fix.corrected_at, fix.received_at) + MOVES_FOR
    return until if now < until else None


def quiet_until(driver: Driver, now: datetime) -> datetime | None:
    """Return the end of the driver's quiet hours, if it is in them now; else None.

    Without a zone they are by the clock of the driver's home; without a home none is
    known.
    """
    record, home = driver.quiet_hours, driver.home
    if record is None or (record.get("zone") is None and home is None):
        return None
    zone = record.get("zone") or (zone_of(home) if home is not None else "")
    return QuietHours.from_record(record, zone).until(now)


def app_opened(session: Session, driver_id: UUID) -> None:
    """Note that a person opened the driver's app, if an offer has come since they did.

    What stood by because the driver had not answered is looked at again (a job). Safe
    to repeat: without a newer offer nothing is written.

    Locks: the driver, what stands by for them.
    """
    if session.scalar(OPENED, {"driver_id": driver_id}) is not None:
        # A statement of its own: it sees what a search wrote that had the driver.
        open_again(session, driver_id, Silence.UNANSWERED)


def open_again(session: Session, driver_id: UUID, *reasons: Silence) -> None:
    """Let loads that stand by for one of these reasons be looked at again (a job).

    Safe to repeat: while they are asked for, they are not asked for again.

    Locks: what stands by for the driver.
    """
    asked = {"driver_id": driver_id, "reasons": [reason.value for reason in reasons]}
    loads = session.scalar(ASK, asked) or ()
    searches = sorted({load["search_id"] for load in loads}, reverse=True)
    enqueue_each(
        session,
        Job.SEARCH_OFFER_NEXT,
        [{"search_id": search_id, "stands_by": True} for search_id in searches],
    )
