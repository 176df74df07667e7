"""The main job: after a completed drop, or the loss of a load, find loads that take the
truck home."""

from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload
from uuid_utils.compat import uuid7

from freight.bounds import Ceiling
from freight.costs import COST_CENTS_PER_KM, COST_CURRENCY
from freight.ranking import Outcome, Ranking
from freight.situation import Parameters, Situation
from geo.areas import SearchArea
from geo.corridors import corridor_home
from geo.distance import METRES_PER_MILE, haversine_m
from geo.fences import CircleFence
from geo.points import Point
from geo.roads import Roads
from models.fleet.drivers import Availability, Driver
from models.fleet.trucks import Truck
from models.loads.assignments import Assignment
from models.loads.stops import Stop
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch, SearchOutcome
from runtime.config import Settings
from runtime.errors import NotFound
from runtime.telemetry import log, trace_id
from services.fleet import areas, drivers
from services.kernel.actors import Actor
from services.kernel.standing import is_suspended
from services.offers.offers import is_open
from services.search import offer, whereabouts
from services.search.candidates import add_best, are_few, candidates_in
from services.search.offer import OfferRules

FARTHEST_HOME_M = 7_000_000.0
"""About as far as from Alaska to Panama. A home farther away must be a mistake, and the
corridor to it would be wider than a map can show."""

KEPT = 50
"""How many of a search's best loads are kept, with all their terms."""


@dataclass(frozen=True)
class SearchRules:
    """The rules of a search and of its offers, and where road distances come from."""

    parameters: Parameters
    offers: OfferRules
    roads: Roads

    @classmethod
    def of(cls, settings: Settings, roads: Roads) -> "SearchRules":
        return cls(
            Parameters(
                radii_m=settings.search_radii_m,
                enough=settings.SEARCH_ENOUGH,
                fee_share=settings.FEE_PERCENT / 100,
                max_detour_m=settings.MAX_DETOUR_MI * METRES_PER_MILE,
            ),
            OfferRules.of(settings),
            roads,
        )


def visible_searches(actor: Actor) -> Select[BackhaulSearch]:
    """Return the searches for the company's drivers, newest first.

    A dispatcher sees all of them, a driver only their own.
    """
    seen = (
        select(BackhaulSearch)
        .where(BackhaulSearch.org_id == actor.org_id)
        .order_by(BackhaulSearch.id.desc())
    )
    if not actor.is_dispatcher:
        seen = seen.where(BackhaulSearch.driver_id == actor.driver_id)
    return seen


def get_search(session: Session, actor: Actor, search_id: UUID) -> BackhaulSearch:
    """Return the search.

    Raises: NotFound.
    """
    search = session.scalar(
        visible_searches(actor).where(BackhaulSearch.id == search_id)
    )
    if search is None:
        raise NotFound(f"No search {search_id} in your company.")
    return search


def search_home(
    session: Session,
    rules: SearchRules,
    *,
    stop_id: UUID,
    driver_id: UUID,
    now: datetime,
) -> BackhaulSearch | None:
    """Search around a completed drop and offer the best loads (a job).

    Safe to repeat: a drop is searched once, however often it is reported; a repeat
    returns None. Searches nothing if the company is suspended, or if the driver has
    another load by now, is not available, has no home or truck on file, or lives
    farther than FARTHEST_HOME_M from the drop; the record's outcome says which.

    Locks: the loads it may offer, then the driver.
    """
    # scope: a job, for the driver of the drop.
    search = _claim(session, driver_id, "drop_completed", now, stop_id=stop_id)
    if search is None:
        return None
    stop = session.get_one(Stop, stop_id)
    free_at = max(stop.completed_at or now, now)
    return _search_from(session, rules, search, stop.point, free_at)


def search_after_end(
    session: Session, rules: SearchRules, *, assignment_id: UUID, now: datetime
) -> BackhaulSearch | None:
    """Search for a driver who lost a load, from where they are now (a job).

    Safe to repeat: an ended assignment is searched for once; a repeat returns None.
    Searches nothing where `search_home` does not, and if no place of the driver is
    known.

    Locks: the loads it may offer, then the driver.
    """
    # scope: a job, for the driver of the assignment.
    driver_id = session.get_one(Assignment, assignment_id).driver_id
    search = _claim(
        session, driver_id, "assignment_ended", now, assignment_id=assignment_id
    )
    if search is None:
        return None
    place = whereabouts.place_of(session, driver_id, now)
    return _search_from(session, rules, search, place, now)


def _search_from(
    session: Session,
    rules: SearchRules,
    search: BackhaulSearch,
    place: Point | None,
    free_at: datetime,
) -> BackhaulSearch:
    # scope: a job, for the driver of a search.
    driver = session.scalars(
        select(Driver)
        .where(Driver.id == search.driver_id)
        .options(joinedload(Driver.truck))
        .execution_options(populate_existing=True)
    ).one()
    obstacle = _obstacle(session, driver, place)
    if obstacle is None and place is not None:
        found = _search(session, rules, search, driver, place, free_at)
        made = offer.extend(session, search, rules.offers, rules.roads)
        # Asked again: the driver may have been given a load while we searched.
        empty = _absence(session, driver) or SearchOutcome.NOTHING_FOUND
        search.outcome = SearchOutcome.OFFERED if made else empty
        log().info(
            "backhaul.searched",
            search_id=str(search.id),
            considered=found.considered,
            ranked=len(found.ranked),
            offers=len(made),
            ms=search.timings,
        )
    elif obstacle is not None:
        search.outcome = obstacle
    session.flush()
    return search


def offer_next(
    session: Session,
    rules: SearchRules,
    *,
    search_id: UUID,
    now: datetime,
    once_all_ended: bool = False,
) -> None:
    """Offer the search's next best loads that were not offered yet (a job).

    once_all_ended: not while an offer of the search is open.

    Safe to repeat.
    """
    # scope: a job, for one search.
    search = session.get_one(BackhaulSearch, search_id)
    still_open = select(Offer.id).where(Offer.search_id == search_id, is_open())
    if once_all_ended and session.scalar(still_open.limit(1)) is not None:
        return
    offer.extend(session, search, rules.offers, rules.roads, now=now)


def _claim(
    session: Session, driver_id: UUID, trigger: str, now: datetime, **start: UUID
) -> BackhaulSearch | None:
    """Insert a search; return None if there is one of this start already."""
    # scope: a job, for one driver.
    driver = session.get_one(Driver, driver_id)
    claimed = session.scalar(
        insert(BackhaulSearch)
        .values(
            id=uuid7(),
            org_id=driver.org_id,
            driver_id=driver_id,
            trigger=trigger,
            **start,
            outcome=SearchOutcome.NOTHING_FOUND,
            searched_at=now,
            trace_id=trace_id(),
            situation={},
            parameters={},
            area={},
            map={},
            counts={},
            ranked=[],
            timings={},
        )
        .on_conflict_do_nothing()
        .returning(BackhaulSearch.id)
    )
    return session.get_one(BackhaulSearch, claimed) if claimed is not None else None


def _obstacle(
    session: Session, driver: Driver, place: Point | None
) -> SearchOutcome | None:
    if (absence := _absence(session, driver)) is not None:
        return absence
    if driver.home is None or driver.truck is None or place is None:
        return SearchOutcome.DRIVER_INCOMPLETE
    if haversine_m(place, driver.home) > FARTHEST_HOME_M:
        return SearchOutcome.HOME_OUT_OF_REACH
    return None


def _absence(session: Session, driver: Driver) -> SearchOutcome | None:
    if is_suspended(session, driver.org_id):
        return SearchOutcome.COMPANY_SUSPENDED
    if drivers.has_load(session, driver.id):
        return SearchOutcome.DRIVER_BUSY
    if driver.availability is not Availability.AVAILABLE:
        return SearchOutcome.DRIVER_OFF_DUTY
    return None


def situation_of(
    driver: Driver, truck: Truck, drop: Point, home: Point, free_at: datetime
) -> Situation:
    """Return what is known of the driver and the truck at the drop.

    COST_CENTS_PER_KM is used where the truck states no cost.
    """

    def or_default(cost: float | None) -> float:
        return COST_CENTS_PER_KM if cost is None else cost

    return Situation(
        drop=drop,
        home=home,
        free_at=free_at,
        currency=COST_CURRENCY,
        cost_empty_cents_per_km=or_default(truck.cost_empty_cents_per_km),
        cost_loaded_cents_per_km=or_default(truck.cost_loaded_cents_per_km),
        equipment=truck.equipment,
        payload_kg=truck.payload_kg,
        deck_length_m=truck.deck_length_m,
        is_hazmat_allowed=truck.is_hazmat_allowed and driver.has_hazmat_endorsement,
        home_by_at=driver.home_by_at,
        max_deadhead_m=driver.max_deadhead_m,
        min_pay_cents_per_km=driver.min_pay_cents_per_km,
    )


def area_for(
    session: Session, driver: Driver, situation: Situation, rules: SearchRules
) -> SearchArea:
    """Return where the driver may pick up and deliver, with the smallest circle."""
    parameters = rules.parameters
    road_m = rules.roads.distance_m(situation.drop, situation.home)
    operating, no_go = areas.fences_for(
        session, org_id=driver.org_id, driver_id=driver.id
    )
    return SearchArea(
        CircleFence(situation.drop, parameters.radii_m[0]),
        corridor_home(situation.drop, situation.home, road_m, parameters.max_detour_m),
        operating,
        no_go,
    )


def _search(
    session: Session,
    rules: SearchRules,
    search: BackhaulSearch,
    driver: Driver,
    place: Point,
    free_at: datetime,
) -> Outcome:
    started = perf_counter()
    truck, home = driver.truck, driver.home
    assert truck is not None
    assert home is not None
    situation = situation_of(driver, truck, place, home, free_at)
    area = area_for(session, driver, situation, rules)
    found, area, rings = _widen(
        session, rules, situation, area, driver.org_id, search.searched_at
    )
    searched = perf_counter()
    search.strategy = rules.offers.strategy
    search.situation = situation.to_record() | {
        "cost_empty_is_default": truck.cost_empty_cents_per_km is None,
        "cost_loaded_is_default": truck.cost_loaded_cents_per_km is None,
        "distance_source": rules.roads.source,
    }
    search.parameters = rules.parameters.to_record()
    search.area = area.to_record()
    search.map = area.to_geojson()
    search.radius_m = area.circle.radius_m
    search.counts = {
        "considered": found.considered,
        "ranked": len(found.ranked),
        "stages": [stage.to_record() for stage in found.stages],
        "rings": rings,
    }
    search.ranked = [ranked.to_record() for ranked in found.ranked[:KEPT]]
    session.flush()
    search.timings = {
        "search_ms": round((searched - started) * 1000, 2),
        "record_ms": round((perf_counter() - searched) * 1000, 2),
    }
    return found


def _widen(
    session: Session,
    rules: SearchRules,
    situation: Situation,
    area: SearchArea,
    org_id: UUID,
    now: datetime,
) -> tuple[Outcome, SearchArea, list[dict[str, Any]]]:
    """Search in growing circles until enough loads are worth taking."""
    rings = []
    ceiling = Ceiling.of(situation, rules.parameters, rules.roads)
    for radius_m in rules.parameters.radii_m:
        area = replace(area, circle=CircleFence(situation.drop, radius_m))
        ranking = Ranking(situation, rules.parameters, area, rules.roads)
        is_complete = are_few(session, area, org_id=org_id, now=now)
        if is_complete:
            ranking.add(candidates_in(session, area, org_id=org_id, now=now))
        else:
            add_best(
                *(session, ranking, area, situation, ceiling),
                org_id=org_id,
                now=now,
                kept=KEPT,
            )
        found = ranking.outcome()
        rings.append(
            {
                "radius_m": radius_m,
                "considered": found.considered,
                "ranked": len(found.ranked),
                "is_complete": is_complete,
            }
        )
        if len(found.ranked) >= rules.parameters.enough:
            break
    return found, area, rings
