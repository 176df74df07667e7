"""Searches that a driver or their desk asks for, and dry runs."""

from datetime import datetime, timedelta
from math import isfinite
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from geo.distance import haversine_m
from geo.roads import Roads
from jobs import Job, enqueue
from models.fleet.drivers import Availability, Driver
from models.search.searches import BackhaulSearch, SearchOutcome, SearchTrigger
from runtime.errors import Invalid
from runtime.telemetry import trace_id
from services.fleet import drivers, ringing
from services.judging import whereabouts
from services.judging.start import FARTHEST_HOME_M, Request
from services.judging.whereabouts import StartsFrom, Whereabouts
from services.kernel.actors import Actor
from services.search import waiting
from services.search.run import SearchRules, search_from

LATE_BY = timedelta(minutes=15)
"""A request may be so old when it comes in; the truck is free now, then."""

AHEAD = timedelta(days=30)
"""So far ahead loads are posted, and plans are made."""

RADIUS_M = 1_600_000.0
"""How far a request may look for a pickup. A search of all of North America takes as
long as a hundred others, and nobody drives so far empty."""

GIVEN_UP_AFTER = timedelta(minutes=15)
"""A request that has not run by then will not: its job failed too often."""


def ask(
    session: Session,
    actor: Actor,
    roads: Roads,
    request: Request,
    *,
    driver_id: UUID | None,
    truck_id: UUID | None,
    is_dry_run: bool,
    now: datetime,
) -> BackhaulSearch:
    """Queue a search for a driver of the company; return its record, still pending.

    A driver who asks for themselves has opened the app.

    driver_id, truck_id: whom it is for; a driver may leave both out. Of a truck, the
    driver who is available, else the first one.

    Raises: NotFound; Invalid, for a truck that nobody drives, a driver who has left
    or has no truck or home, a time that is over or too far ahead, and a place or a
    destination to which no road leads.
    """
    driver = _driver(session, actor, driver_id, truck_id)
    _check_driver(driver, request)
    _check_time(request, now)
    _check_roads(session, roads, driver, request, now)
    search = BackhaulSearch(
        org_id=driver.org_id,
        driver_id=driver.id,
        trigger=SearchTrigger.REQUESTED,
        request=request.to_record(),
        is_dry_run=is_dry_run,
        outcome=SearchOutcome.PENDING,
        searched_at=now,
        trace_id=trace_id(),
    )
    session.add(search)
    session.flush()
    if actor.driver_id == driver.id:
        ringing.app_opened(session, driver.id)
    enqueue(session, Job.SEARCH_REQUESTED, search_id=str(search.id))
    return search


def _driver(
    session: Session, actor: Actor, driver_id: UUID | None, truck_id: UUID | None
) -> Driver:
    if driver_id is not None and truck_id is not None:
        raise Invalid("#/truck_id", "Name a driver or a truck, not both.")
    if truck_id is not None:
        return _driver_of(session, actor, truck_id)
    wanted = driver_id or actor.driver_id
    if wanted is None:
        raise Invalid("#/driver_id", "Say for which driver or truck.")
    return drivers.get_driver(session, actor, wanted)


def _driver_of(session: Session, actor: Actor, truck_id: UUID) -> Driver:
    of_truck = drivers.visible_drivers(actor).where(Driver.truck_id == truck_id)
    on_the_truck = [each for each in session.scalars(of_truck) if not _is_gone(each)]
    if not on_the_truck:
        raise Invalid("#/truck_id", "No driver of your company is on this truck.")
    is_available = Availability.AVAILABLE
    free = [each for each in on_the_truck if each.availability is is_available]
    return (free or on_the_truck)[0]


def _is_gone(driver: Driver) -> bool:
    return driver.member.deactivated_at is not None


def _check_driver(driver: Driver, request: Request) -> None:
    if _is_gone(driver):
        raise Invalid("#/driver_id", "The driver has left the company.")
    if driver.truck is None:
        raise Invalid("#/driver_id", "The driver has no truck.")
    if driver.home is None and request.destination is None:
        raise Invalid("#/destination", "The driver has no home on file: say where to.")


def _check_time(request: Request, now: datetime) -> None:
    free_at = request.free_at
    if free_at is not None and free_at < now - LATE_BY:
        raise Invalid("#/free_at", "This time is over.")
    if free_at is not None and free_at > now + AHEAD:
        raise Invalid("#/free_at", f"At most {AHEAD.days} days ahead.")


def _check_roads(
    session: Session, roads: Roads, driver: Driver, request: Request, now: datetime
) -> None:
    """Raise Invalid if no truck goes from there to the destination. The way from where
    a driver is to their home is asked by the search."""
    # scope: the caller found the driver by a scope.
    destination = request.destination or driver.home
    assert destination is not None
    if request.place is None and request.destination is None:
        return
    known = whereabouts.place_of(session, driver.id, now)
    place = request.place or (known and known.point)
    if place is None:
        return
    pointer = "#/place" if request.place is not None else "#/destination"
    there = "the destination" if request.destination else "the driver's home"
    if haversine_m(place, destination) > FARTHEST_HOME_M:
        raise Invalid(pointer, f"Too far from {there}.")
    if not isfinite(roads.distance_m(place, destination)):
        raise Invalid(pointer, f"No road that we know leads from there to {there}.")


def begin_to_wait(session: Session, search_id: UUID, now: datetime) -> None:
    """Let the driver of a request wait where and from when it says, unless it is a dry
    run or has run; `search_requested` follows (a job)."""
    # scope: a job, for one search.
    search = session.get_one(BackhaulSearch, search_id)
    if search.is_dry_run or search.outcome is not SearchOutcome.PENDING:
        return
    place, free_at = _asked(session, search, now)
    if place is None:
        return
    assert search.request is not None
    request = Request.from_record(search.request)
    driver = session.get_one(Driver, search.driver_id)
    if request.place is None and request.free_at is None:
        known = whereabouts.last_known(session, driver.id, now)
        # Of a driver who was seen long ago, no place is known from now on either.
        free_at = known[1] if known is not None else free_at
    waiting.begin_asked(
        *(session, driver.id, place.point, free_at, now),
        is_own=request.by == driver.member_id,
    )


def search_requested(
    session: Session, rules: SearchRules, *, search_id: UUID, now: datetime
) -> BackhaulSearch | None:
    """Run a search that was asked for, and fill its record (a job).

    What it finds is offered beside what the driver holds, as by `adding.add`, however
    often their phone rang. A dry run offers nothing, and asks neither whether the
    driver is on duty nor whether they have a load.

    Safe to repeat: a search that has run returns None.

    Locks: the search, the loads it may offer, the driver, their offers that make room.
    """
    # scope: a job, for one search.
    search = session.scalar(
        select(BackhaulSearch)
        .where(
            BackhaulSearch.id == search_id,
            BackhaulSearch.outcome == SearchOutcome.PENDING,
        )
        .with_for_update()
    )
    if search is None:
        return None
    # It may have been in the queue for long: the market is asked as of now.
    search.searched_at = now
    place, free_at = _asked(session, search, now)
    return search_from(session, rules, search, place, free_at)


def give_up(session: Session, *, now: datetime) -> int:
    """Say of requests that have not run that they failed (a job); return how many."""
    # scope: a job, for all companies.
    late = update(BackhaulSearch).where(
        BackhaulSearch.outcome == SearchOutcome.PENDING,
        BackhaulSearch.searched_at < now - GIVEN_UP_AFTER,
    )
    done = session.execute(late.values(outcome=SearchOutcome.FAILED))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _asked(
    session: Session, search: BackhaulSearch, now: datetime
) -> tuple[Whereabouts | None, datetime]:
    """Return where and when the truck is free, by what was asked for; None if no place
    is known."""
    # scope: a job, for the driver of a search.
    assert search.request is not None
    request = Request.from_record(search.request)
    free_at = max(request.free_at or now, now)
    if request.place is not None:
        return Whereabouts(request.place, StartsFrom.REQUEST), free_at
    return whereabouts.place_of(session, search.driver_id, now), free_at
