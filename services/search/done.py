"""Drivers who have said "no more today": no load that comes rings them, nor does a list
go on, until they drop, come back on duty or ask."""

# scope: called by jobs, for one driver, or for a driver of the actor's company.

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver

IS_DONE = """
    (select coalesce(bool_or(f.decline_reason = 'done_for_today'
        and f.responded_at >= {since}), false)
    from offers f where f.driver_id = {driver_id})
"""
"""Whether the driver has said "no more today" since then. By an aggregate: `exists` is
planned as a scan of all offers."""


def is_done_for_today(session: Session, search: BackhaulSearch) -> bool:
    """Say whether the search's driver has said "no more today": since they wait, or if
    they do not, since the search."""
    waits = session.get(WaitingDriver, search.driver_id)
    since = search.searched_at if waits is None else waits.since
    return is_done_since(session, search.driver_id, since)


def is_done_since(session: Session, driver_id: UUID, since: datetime) -> bool:
    """Say whether the driver has said "no more today" since then."""
    asked = text(f"select {IS_DONE.format(driver_id=':driver_id', since=':since')}")
    return bool(session.scalar(asked, {"driver_id": driver_id, "since": since}))
