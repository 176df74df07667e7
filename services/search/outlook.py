"""What a driver without a load can expect: since when they wait, why there is nothing
yet, and what would have to change."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from geo.points import Point
from models.fleet.positions import LastPosition
from models.search.searches import (
    BackhaulSearch,
    SearchOutcome,
    SearchTrigger,
)
from models.search.standing import StandingBy
from models.search.waiting import WaitingDriver
from services.fleet import drivers, positions
from services.judging.start import absence_of
from services.judging.whereabouts import since_search
from services.kernel.actors import Actor
from services.search import done, offer, waiting
from services.search.offer import OfferRules
from services.search.searches import IN_SHORT


class Outlook(StrEnum):
    """Why a driver has no load yet.

    OFFERS_OPEN: they can take one of their offers. STANDS_BY: loads are offered when
    they may be rung (`stands_by` says why they may not). RUNG_OFTEN: their phones rang
    as often as they may in 24 hours; nothing new rings. NOT_SEARCHED: no search of all
    loads has run since they wait; they can ask for one. NOTHING_FOUND, OFFERS_OVER:
    nothing, or nothing more, of the market was worth it; the next load that is rings.
    NOT_EMPTY: no drop of theirs was searched for since they had a load, or they are
    home. NOT_SEEN: no place of theirs has been known for 12 hours; nothing rings until
    their phone says where they are. DONE_FOR_TODAY: they said so; they wait again after
    a drop, when they come back on duty, or if they ask. DRIVER_INCOMPLETE: they have no
    truck or no home on file.
    """

    OFFERS_OPEN = "offers_open"
    NOT_SEEN = "not_seen"
    STANDS_BY = "stands_by"
    RUNG_OFTEN = "rung_often"
    NOT_SEARCHED = "not_searched"
    NOTHING_FOUND = "nothing_found"
    OFFERS_OVER = "offers_over"
    NOT_EMPTY = "not_empty"
    DONE_FOR_TODAY = "done_for_today"
    DRIVER_BUSY = "driver_busy"
    DRIVER_OFF_DUTY = "driver_off_duty"
    DRIVER_INCOMPLETE = "driver_incomplete"
    COMPANY_SUSPENDED = "company_suspended"


DID_NOT_RUN = (
    *(SearchOutcome.PENDING, SearchOutcome.FAILED, SearchOutcome.DRIVER_BUSY),
    *(SearchOutcome.DRIVER_OFF_DUTY, SearchOutcome.COMPANY_SUSPENDED),
    *(SearchOutcome.DRIVER_INCOMPLETE, SearchOutcome.NO_ROAD),
    SearchOutcome.HOME_OUT_OF_REACH,
)
"""Outcomes that say nothing of the market."""


@dataclass(frozen=True, slots=True)
class Prospects:
    """A driver's waiting and offers, as they are now.

    search: their newest one of all loads that ran and is no dry run; None if there is
        none.
    rings: for offers in the last 24 hours.
    stands_by: loads that are offered when they may be rung.
    """

    driver_id: UUID
    outlook: Outlook
    is_waiting: bool
    since: datetime | None
    place: Point | None
    free_at: datetime | None
    open_offers: int
    rings: int
    rings_per_day: int
    search: BackhaulSearch | None
    stands_by: StandingBy | None

    @property
    def relaxations(self) -> list[dict[str, Any]]:
        return self.search.relaxations if self.search is not None else []


def prospects_of(
    session: Session,
    actor: Actor,
    rules: OfferRules,
    driver_id: UUID,
    *,
    now: datetime,
) -> Prospects:
    """Return the prospects of a driver of the company; a driver asks for themselves.

    Raises: NotFound.
    """
    # scope: a driver of the actor's company.
    driver = drivers.get_driver(session, actor, driver_id)
    row = session.get(WaitingDriver, driver_id)
    search = _search_of(session, driver_id)
    open_offers = offer.count_open(session, driver_id)
    rings = waiting.rings(session, driver_id)
    stands_by = session.get(StandingBy, driver_id)
    absence = absence_of(session, driver)
    is_done = row is not None and done.is_done_since(session, driver_id, row.since)
    waits = row if absence is None and not is_done else None
    if waits is not None and driver.home is not None:
        is_home = waiting.is_home(since_search(session, waits).point, driver.home)
        waits = None if is_home else waits
    if absence is not None:
        outlook = Outlook(absence.value)
    elif driver.home is None or driver.truck is None:
        outlook = Outlook.DRIVER_INCOMPLETE
    elif open_offers:
        outlook = Outlook.OFFERS_OPEN
    elif is_done:
        outlook = Outlook.DONE_FOR_TODAY
    elif stands_by is not None:
        outlook = Outlook.STANDS_BY
    else:
        is_rung_often = rings >= rules.rings_per_day
        is_lost = waits is not None and _is_lost(session, waits, now)
        outlook = _outlook(waits, search, is_rung_often=is_rung_often, is_lost=is_lost)
    return Prospects(
        driver_id,
        outlook,
        is_waiting=waits is not None,
        since=waits.since if waits is not None else None,
        place=waits.point if waits is not None else None,
        free_at=waits.free_at if waits is not None else None,
        open_offers=open_offers,
        rings=rings,
        rings_per_day=rules.rings_per_day,
        search=search,
        stands_by=stands_by,
    )


def _outlook(
    waits: WaitingDriver | None,
    search: BackhaulSearch | None,
    *,
    is_rung_often: bool,
    is_lost: bool,
) -> Outlook:
    if waits is None:
        return Outlook.NOT_EMPTY
    if is_lost:
        return Outlook.NOT_SEEN
    if is_rung_often:
        return Outlook.RUNG_OFTEN
    if search is None or search.searched_at < waits.since:
        return Outlook.NOT_SEARCHED
    if search.outcome is SearchOutcome.OFFERED:
        return Outlook.OFFERS_OVER
    return Outlook.NOTHING_FOUND


def _is_lost(session: Session, waits: WaitingDriver, now: datetime) -> bool:
    """Say whether loads do not look for the driver, as `who_waits.FOR_A_LOAD`."""
    # scope: the caller found the driver by a scope.
    known = session.get(LastPosition, waits.driver_id)
    seen_at = waits.free_at if known is None else max(waits.free_at, known.corrected_at)
    return seen_at <= now - positions.NEAR


def _search_of(session: Session, driver_id: UUID) -> BackhaulSearch | None:
    # scope: the caller found the driver by a scope.
    of_all = (
        select(BackhaulSearch)
        .where(
            BackhaulSearch.driver_id == driver_id,
            BackhaulSearch.trigger != SearchTrigger.LOAD_CHANGED,
            BackhaulSearch.outcome.not_in(DID_NOT_RUN),
            ~BackhaulSearch.is_dry_run,
        )
        .order_by(BackhaulSearch.id.desc())
        .limit(1)
        .options(*IN_SHORT)
    )
    return session.scalar(of_all)
