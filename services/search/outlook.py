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
from models.fleet.drivers import Availability, Driver
from models.search.searches import (
    BackhaulSearch,
    SearchOutcome,
    SearchTrigger,
)
from models.search.waiting import WaitingDriver
from services.fleet import drivers
from services.kernel.actors import Actor
from services.kernel.standing import is_suspended
from services.search import offer, waiting
from services.search.offer import OfferRules


class Outlook(StrEnum):
    """Why a driver has no load yet.

    OFFERS_OPEN: they can take one of their offers. RUNG_OFTEN: their phones rang as
    often as they may in 24 hours; nothing new rings. NOT_SEARCHED: their search has not
    run yet. NOTHING_FOUND, OFFERS_OVER: nothing, or nothing more, of the market was
    worth it; the next load that is rings. NOT_EMPTY: no drop of theirs was searched for
    since they had a load, or they are home.
    """

    OFFERS_OPEN = "offers_open"
    RUNG_OFTEN = "rung_often"
    NOT_SEARCHED = "not_searched"
    NOTHING_FOUND = "nothing_found"
    OFFERS_OVER = "offers_over"
    NOT_EMPTY = "not_empty"
    DRIVER_BUSY = "driver_busy"
    DRIVER_OFF_DUTY = "driver_off_duty"
    COMPANY_SUSPENDED = "company_suspended"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A driver's waiting, as it is now.

    search: their newest one of all loads that is no dry run; None if there is none.
    rings: for offers in the last 24 hours.
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

    @property
    def relaxations(self) -> list[dict[str, Any]]:
        return self.search.relaxations if self.search is not None else []


def waiting_of(
    session: Session, actor: Actor, rules: OfferRules, driver_id: UUID
) -> Waiting:
    """Return the waiting of a driver of the company; a driver asks for themselves.

    Raises: NotFound.
    """
    # scope: a driver of the actor's company.
    driver = drivers.get_driver(session, actor, driver_id)
    row = session.get(WaitingDriver, driver_id)
    search = _search_of(session, driver_id)
    open_offers = offer.count_open(session, driver_id)
    rings = waiting.rings(session, driver_id)
    absence = _absence(session, driver)
    waits = row if absence is None else None
    outlook = absence
    if outlook is None and open_offers:
        outlook = Outlook.OFFERS_OPEN
    elif outlook is None:
        outlook = _outlook(waits, search, is_rung_often=rings >= rules.rings_per_day)
    return Waiting(
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
    )


def _outlook(
    waits: WaitingDriver | None, search: BackhaulSearch | None, *, is_rung_often: bool
) -> Outlook:
    if waits is None:
        return Outlook.NOT_EMPTY
    if is_rung_often:
        return Outlook.RUNG_OFTEN
    if waits.baseline_m is None or search is None:
        return Outlook.NOT_SEARCHED
    if search.outcome is SearchOutcome.OFFERED:
        return Outlook.OFFERS_OVER
    return Outlook.NOTHING_FOUND


def _absence(session: Session, driver: Driver) -> Outlook | None:
    if is_suspended(session, driver.org_id):
        return Outlook.COMPANY_SUSPENDED
    if drivers.has_load(session, driver.id):
        return Outlook.DRIVER_BUSY
    if driver.availability is not Availability.AVAILABLE:
        return Outlook.DRIVER_OFF_DUTY
    return None


def _search_of(session: Session, driver_id: UUID) -> BackhaulSearch | None:
    # scope: the caller found the driver by a scope.
    of_all = (
        select(BackhaulSearch)
        .where(
            BackhaulSearch.driver_id == driver_id,
            BackhaulSearch.trigger != SearchTrigger.LOAD_CHANGED,
            BackhaulSearch.outcome != SearchOutcome.PENDING,
            ~BackhaulSearch.is_dry_run,
        )
        .order_by(BackhaulSearch.id.desc())
        .limit(1)
    )
    return session.scalar(of_all)
