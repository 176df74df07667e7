"""The main job: after a completed drop, or the loss of a load, find loads that take the
truck home."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import isfinite
from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from freight.columns import Loads
from freight.ranking import Screened, asked_of, in_circle, rank, screen
from freight.relaxations import relaxations, widest
from freight.situation import Parameters
from freight.tables import Asked, area_of
from geo.distance import METRES_PER_MILE
from geo.roads import Roads
from jobs import Job, enqueue
from models.fleet.drivers import Driver
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from models.offers.offers import Offer
from models.search.searches import (
    OF_ALL,
    BackhaulSearch,
    SearchOutcome,
    SearchTrigger,
)
from models.search.waiting import WaitingDriver
from runtime.config import Settings
from runtime.telemetry import log
from services.fleet import areas
from services.judging import situations, whereabouts
from services.judging.candidates import candidates
from services.judging.start import Start, absence_of, claim, start_of
from services.judging.whereabouts import Whereabouts
from services.market.market import Market
from services.search import adding, done, standing, waiting, wake
from services.search.offer import OfferRules

KEPT = 50
"""How many of a search's best loads are kept, with all their terms."""

SPARE = 10
"""So many more are read anew: some may have left the market a moment ago."""


@dataclass(frozen=True)
class SearchRules:
    """The rules of a search and of its offers, where road distances come from, and the
    market that is searched."""

    parameters: Parameters
    offers: OfferRules
    roads: Roads
    market: Market

    @classmethod
    def of(cls, settings: Settings, roads: Roads, market: Market) -> "SearchRules":
        return cls(parameters_of(settings), OfferRules.of(settings), roads, market)


def parameters_of(settings: Settings) -> Parameters:
    """Return what a search and the desk's bookings are measured by."""
    return Parameters(
        fee_share=settings.FEE_PERCENT / 100,
        highway_mps=settings.ROAD_MPH * METRES_PER_MILE / 3600,
        access_mps=settings.ACCESS_MPH * METRES_PER_MILE / 3600,
        border_s=settings.BORDER_S,
        max_deadhead_m=settings.MAX_DEADHEAD_MI * METRES_PER_MILE,
        max_detour_m=settings.MAX_DETOUR_MI * METRES_PER_MILE,
    )


def search_home(
    session: Session,
    rules: SearchRules,
    *,
    stop_id: UUID,
    driver_id: UUID,
    now: datetime,
) -> BackhaulSearch | None:
    """Search around a completed drop and offer the best loads (a job).

    It starts where the driver is by now (`whereabouts.after_drop`). Safe to repeat: a
    drop is searched once, however often it is reported; a repeat returns None. Searches
    nothing if the company is suspended, or if the driver has another load by now, is
    not available, has no home or truck on file, lives farther away than FARTHEST_HOME_M
    or where no road leads; the record's outcome says which.

    Locks: as `search_from`.
    """
    # scope: a job, for the driver of the drop.
    start = {"stop_id": stop_id}
    search = claim(session, driver_id, SearchTrigger.DROP_COMPLETED, now, **start)
    if search is None:
        return None
    stop = session.get_one(Stop, stop_id)
    free_at = max(stop.completed_at or now, now)
    place = whereabouts.after_drop(session, driver_id, stop, now)
    return search_from(session, rules, search, place, free_at)


def search_after_end(
    session: Session, rules: SearchRules, *, assignment_id: UUID, now: datetime
) -> BackhaulSearch | None:
    """Search for a driver who lost a load, from where they are now (a job).

    Safe to repeat: an ended assignment is searched for once; a repeat returns None.
    Searches nothing where `search_home` does not, and if no place of the driver is
    known.

    Locks: as `search_from`.
    """
    # scope: a job, for the driver of the assignment.
    driver_id = session.get_one(Assignment, assignment_id).driver_id
    start = {"assignment_id": assignment_id}
    search = claim(session, driver_id, SearchTrigger.ASSIGNMENT_ENDED, now, **start)
    if search is None:
        return None
    place = whereabouts.place_of(session, driver_id, now)
    return search_from(session, rules, search, place, now)


def search_woken(
    session: Session, rules: SearchRules, *, driver_id: UUID, now: datetime
) -> BackhaulSearch | None:
    """Judge the loads that came for a waiting driver, from where they are now; offer
    those that are worth more than what they hold (a job).

    Safe to repeat: without such loads it returns None. A driver who was rung less than
    `ring_every` ago is searched for when that is over; it returns None. Loads that have
    no place left for an offer are not judged, but looked at again when one is free. For
    loads that nobody is offered, another driver whom they woke is searched for next.

    Locks: the driver's waiting, the loads it may offer, the driver, their offers that
    make room.
    """
    # scope: a job, for one driver.
    waits = session.get(WaitingDriver, driver_id, with_for_update=True)
    if waits is None or not waits.load_ids:
        return None
    came = list(waits.load_ids)
    if done.is_done_since(session, driver_id, waits.since):
        waits.load_ids, waits.due_at = [], None
        session.flush()
        wake.hurry(session, came, now)
        return None
    quiet_until = waiting.quiet_until(session, driver_id, rules.offers.ring_every)
    if quiet_until is not None and quiet_until > now:
        waits.due_at = quiet_until
        enqueue(
            session,
            Job.SEARCH_WOKEN,
            once=f"woken:{driver_id}:{quiet_until.isoformat()}",
            at=quiet_until,
            driver_id=str(driver_id),
        )
        session.flush()
        wake.hurry(session, came, now)
        return None
    places = wake.free_places(session, came, rules.offers)
    # Others that come now wait for the row, and queue a search of their own.
    waits.load_ids, waits.due_at = [], None
    session.flush()
    for load_id, (free, full_until) in places.items():
        if not free:
            wake.look_again(session, load_id, full_until)
    roomy = [load_id for load_id, (free, _) in places.items() if free]
    if not roomy:
        return None
    start = {"load_ids": roomy}
    search = claim(session, driver_id, SearchTrigger.LOAD_CHANGED, now, **start)
    assert search is not None
    place = whereabouts.since_search(session, waits)
    free_at = max(waits.free_at, now)
    search = search_from(session, rules, search, place, free_at)
    if search.outcome is not SearchOutcome.OFFERED or len(roomy) > 1:
        wake.hurry(session, roomy, now)
    return search


def search_from(
    session: Session,
    rules: SearchRules,
    search: BackhaulSearch,
    place: Whereabouts | None,
    free_at: datetime,
) -> BackhaulSearch:
    """Search from this place and time, and offer what is found; fill the record.

    Locks: the driver's waiting, the loads it may offer, the driver.
    """
    # scope: a job, for the driver of a search.
    if search.load_ids is None and not search.is_dry_run:
        # Before it reads the market: a search of loads that come meanwhile waits for
        # the row, and is put off if this one rings.
        session.get(WaitingDriver, search.driver_id, with_for_update=True)
    driver = session.scalars(
        select(Driver)
        .where(Driver.id == search.driver_id)
        .options(joinedload(Driver.truck))
        .execution_options(populate_existing=True)
    ).one()
    start = start_of(session, search, driver, place, free_at)
    if isinstance(start, SearchOutcome):
        return _not_searched(session, search, start)
    if not _search(session, rules, search, start):
        return _not_searched(session, search, SearchOutcome.NO_ROAD)
    made = _offer(session, rules, search, start)
    if driver.home is None and search.request is None:  # Erased meanwhile.
        search.situation = search.area = search.map = {}
    if made:
        search.outcome = SearchOutcome.OFFERED
    elif search.is_dry_run and search.ranked:
        search.outcome = SearchOutcome.FOUND
    elif search.outcome is not SearchOutcome.STANDS_BY:
        # Asked again: the driver may have been given a load while we searched.
        absence = absence_of(session, driver, search)
        search.outcome = absence or SearchOutcome.NOTHING_FOUND
    log().info(
        "backhaul.searched",
        search_id=str(search.id),
        considered=search.counts["considered"],
        ranked=search.counts["ranked"],
        offers=len(made),
        ms=search.timings,
    )
    session.flush()
    return search


def _not_searched(
    session: Session, search: BackhaulSearch, why: SearchOutcome
) -> BackhaulSearch:
    search.outcome = why
    session.flush()
    # A request may have named a place of its own: the driver waits on for others. Who
    # is not at the stop any more may wait already.
    if search.trigger not in {SearchTrigger.REQUESTED, SearchTrigger.ARRIVED}:
        waiting.end_if_in_vain(session, search.driver_id, why)
    if search.trigger in OF_ALL:
        standing.leave(session, search)
    return search


def _offer(
    session: Session, rules: SearchRules, search: BackhaulSearch, start: Start
) -> list[Offer]:
    if search.is_dry_run:
        return []
    if search.trigger is SearchTrigger.REQUESTED:
        # Their own request has taken it back; that of their desk has not.
        if done.is_done_for_today(session, search):
            return []
        return adding.add(session, search, rules.offers, rules.roads, is_asked_for=True)
    if search.load_ids is None:
        return adding.extend(session, search, rules.offers, rules.roads)
    if waiting.is_home(start.place.point, start.home):
        return []
    return adding.add(session, search, rules.offers, rules.roads)


def _search(
    session: Session, rules: SearchRules, search: BackhaulSearch, start: Start
) -> bool:
    """Search; keep what was known, asked and found. Say whether a road leads home."""
    began = perf_counter()
    company = situations.company_of(session, start.driver)
    known = situations.situation_of(
        *(start.driver, start.truck, company),
        drop=start.place.point,
        home=start.home,
        free_at=start.free_at,
        radius_m=start.radius_m,
    )
    # From home, from where all deliveries are measured too: the search is kept.
    if not isfinite(rules.roads.distance_m(start.home, start.place.point)):
        return False
    area = area_of(
        *(known.situation, rules.parameters, rules.roads),
        *areas.fences_for(session, org_id=search.org_id, driver_id=search.driver_id),
    )
    asked = asked_of(known.situation, rules.parameters, area, rules.roads)
    if search.load_ids is None:
        screened, best = _screened(rules, search, asked)
    else:
        screened, best = None, search.load_ids
    found_at = perf_counter()
    # Read anew: a load may have left the market since, and its figures be secret now.
    fresh = candidates(session, best, on_market_of=search.org_id)
    if screened is None:
        loads = Loads.of([*fresh.values()], rules.roads)
        screened = screen(in_circle(loads, asked), asked)
    ranked = rank(fresh.values(), asked)[:KEPT]
    judged_at = perf_counter()
    if not ranked and search.load_ids is None:
        search.relaxations = _relaxations(rules, search, asked, start)
    relaxed_at = perf_counter()
    search.strategy = rules.offers.strategy
    search.situation = known.to_record() | {
        "distance_source": rules.roads.source,
        "starts_from": start.place.starts_from,
    }
    search.parameters = rules.parameters.to_record()
    search.area = area.to_record()
    search.map = area.to_geojson()
    search.counts = _counts(screened)
    search.radius_m = area.circle.radius_m
    search.ranked = [load.to_record() for load in ranked]
    # Who waits, waits for a way home.
    if not search.is_dry_run and start.home == start.driver.home:
        waiting.settle(session, search.driver_id, asked)
    search.timings = {
        "search_ms": _ms(began, found_at),
        "judge_ms": _ms(found_at, judged_at),
        "relax_ms": _ms(judged_at, relaxed_at),
        "record_ms": _ms(relaxed_at, perf_counter()),
    }
    return True


def _screened(
    rules: SearchRules, search: BackhaulSearch, asked: Asked
) -> tuple[Screened, list[UUID]]:
    """Return the market after all rules, and the ids of the best loads."""
    with rules.market.lend() as listed:
        near = listed.near(asked.area.circle, search.org_id, search.searched_at)
        screened = screen(near, asked)
        return screened, screened.best(asked, KEPT + SPARE).loads.ids


def _relaxations(
    rules: SearchRules, search: BackhaulSearch, asked: Asked, start: Start
) -> list[dict[str, Any]]:
    """Return what would have to change for loads to be found."""
    with rules.market.lend() as listed:
        loads = listed.near(widest(asked), search.org_id, search.searched_at)
    wish = partial(situations.home_by, start.driver)
    return [step.to_record() for step in relaxations(loads, asked, wish)]


def _counts(screened: Screened) -> dict[str, Any]:
    return {
        "considered": screened.considered,
        "ranked": len(screened.left),
        "stages": [stage.to_record() for stage in screened.stages],
    }


def _ms(began: float, ended: float) -> float:
    return round((ended - began) * 1000, 2)
