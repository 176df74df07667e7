"""Judging loads again, from the record of a search."""

from collections.abc import Collection
from datetime import datetime
from math import isfinite
from uuid import UUID

from sqlalchemy.orm import Session

from freight.feasibility import Excluded
from freight.ranking import Ranked, asked_of, judge, rank
from freight.situation import Parameters, Situation
from freight.tables import Asked, area_of
from geo.areas import SearchArea
from geo.roads import Roads
from models.fleet.drivers import Driver
from models.fleet.trucks import Truck
from models.search.searches import BackhaulSearch
from services.fleet.areas import fences_for
from services.judging.candidates import candidate, candidates
from services.judging.situations import company_of, situation_of
from services.judging.start import radius_of


def judge_again(
    session: Session, search: BackhaulSearch, load_id: UUID, roads: Roads
) -> Ranked | Excluded:
    """Judge the load by its figures of now, as of the search: by its own code, rules
    and area."""
    load = candidate(session, load_id)
    assert load is not None
    situation, parameters, area = asked_in(search)
    return judge(load, situation, parameters, area, roads)


def worth_taking(
    session: Session,
    search: BackhaulSearch,
    driver: Driver,
    load_ids: Collection[UUID],
    roads: Roads,
    *,
    now: datetime | None,
) -> dict[UUID, Ranked]:
    """Return those of the loads that are worth taking by their figures of now.

    now: what the driver and the truck are and want by then, and the areas drawn by
        then, from the drop of the search; the driver leaves no earlier than this. None,
        right after the search, asks as the search did.
    """
    asked = asked_of(*asked_in(search), roads)
    if now is not None:
        later = _asked_by_now(session, search, asked, driver, now)
        if later is None:
            return {}
        asked = later
    ranked = rank(candidates(session, load_ids).values(), asked)
    return {load.candidate.load_id: load for load in ranked}


def _asked_by_now(
    session: Session,
    search: BackhaulSearch,
    asked: Asked,
    driver: Driver,
    now: datetime,
) -> Asked | None:
    """Return what is asked for the driver by now; None without a truck, or where no
    road leads home by the roads of now."""
    # scope: the driver of a search.
    truck = driver.truck_id and session.get(
        Truck, driver.truck_id, populate_existing=True
    )
    if not truck:
        return None
    kept, parameters, roads = asked.situation, asked.parameters, asked.roads
    if not isfinite(asked.baseline.distance_m):
        return None
    situation = situation_of(
        *(driver, truck, company_of(session, driver)),
        drop=kept.drop,
        home=kept.home,
        free_at=max(kept.free_at, now),
        radius_m=radius_of(search.request),
    ).situation
    drawn = fences_for(session, org_id=driver.org_id, driver_id=driver.id)
    area = area_of(situation, parameters, roads, *drawn)
    return asked_of(situation, parameters, area, roads)


def asked_in(search: BackhaulSearch) -> tuple[Situation, Parameters, SearchArea]:
    """Return what the search asked, from its record."""
    return (
        Situation.from_record(search.situation),
        Parameters.from_record(search.parameters),
        SearchArea.from_record(search.area),
    )
