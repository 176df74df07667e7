"""The product's side of the comparisons with the reference: one place of adapters.

They bring the records of `bench.reference_records` to the product's search, and its
answer back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from uuid import UUID

import numpy as np

from bench.made_up_roads import MadeUpRoads
from bench.reference_records import (
    Driver,
    Load,
    Opening,
    Place,
    Ring,
    Settings,
    Situation,
    Stop,
    Truck,
    Way,
    WayOf,
)
from freight import plausible
from freight.candidates import Candidate, CandidateStop
from freight.columns import Loads, Numbers, seconds_of
from freight.equipment import Equipment
from freight.opening import Hours, spans
from freight.preferences import WEEKDAYS, RankBy, Weekday
from freight.ranking import Screened, asked_of, rank, screen
from freight.situation import Parameters
from freight.situation import Situation as Asking
from freight.tables import Asked, area_of
from freight.trips import way_home
from freight.waiting import Trucks
from geo.fences import PolygonFence
from geo.points import Point
from geo.roads import Roads
from models.fleet.drivers import Driver as DriverRow
from models.fleet.trucks import Truck as TruckRow
from services.judging.situations import Company, situation_of
from services.search.run import SPARE

ROADS = MadeUpRoads()
"""The roads on which product and reference are compared."""


@dataclass(frozen=True)
class Answer:
    """The answer of one search, in the words of `bench.reference`.

    best: id and gain in cents of the loads kept, best first. counts: how many loads
    each stage refused for each reason; those with none may be left out.
    """

    considered: int
    counts: Mapping[tuple[str, str], int]
    best: Sequence[tuple[str, int]]


def way_of(roads: Roads) -> WayOf:
    """Return the ways of these roads, for the reference."""

    def way(a: Place, b: Place) -> Way:
        found = roads.way(Point(*a), Point(*b))
        return found.metres, found.access_m

    return way


def product_search(situation: Situation, loads: Sequence[Load]) -> Answer:
    """Search with the product's own code, on ROADS.

    Every load is posted, visible to the carrier and within its lease; one whose price
    is not believed is on the market if it is confirmed. The best ones are judged once
    more, as after their reading from the database.
    """
    posted = [candidate_of(load, ROADS) for load in loads]
    market = [
        candidate
        for load, candidate in zip(loads, posted, strict=True)
        if load.is_price_confirmed or is_believed(candidate)
    ]
    asked = asked_from(situation, ROADS)
    screened = screened_near(Loads.of(market, ROADS), asked)
    by_id = {candidate.load_id: candidate for candidate in market}
    kept = situation.settings.kept
    best = screened.best(asked, kept + SPARE)
    ranked = rank([by_id[load_id] for load_id in best.loads.ids], asked)[:kept]
    counts = {
        (str(stage.stage), str(reason)): times
        for stage in screened.stages
        for reason, times in stage.excluded.items()
    }
    return Answer(
        screened.considered,
        counts,
        [(str(each.candidate.load_id), each.score_cents) for each in ranked],
    )


def screened_near(loads: Loads, asked: Asked) -> Screened:
    """Screen the loads whose pickups are in the circle."""
    beyond = asked.area.beyond_circle(loads.pickup.lat, loads.pickup.lon)
    return screen(loads.take(~beyond), asked)


def asked_from(situation: Situation, roads: Roads) -> Asked:
    """Return what the product asks of every load in this situation."""
    asking, parameters = asking_of(situation), parameters_of(situation.settings)
    drawn = situation.organisation
    operating, no_go = (
        tuple(map(_fence, rings)) for rings in (drawn.operating, drawn.no_go)
    )
    area = area_of(asking, parameters, roads, operating, no_go)
    return asked_of(asking, parameters, area, roads)


def is_believed(candidate: Candidate) -> bool:
    """Say whether the product would offer the load at its price unconfirmed.

    Of a load without a road nobody knows the miles; no search offers it anyway.
    """
    if candidate.loaded_m == inf:
        return True
    posted = plausible.Posted(
        equipment=candidate.equipment or frozenset({Equipment.VAN}),
        loaded_m=candidate.loaded_m,
        price_cents=candidate.price_cents,
        currency=candidate.currency,
        # A low price is odd too, but not of a private load.
        is_private=True,
    )
    return not any(each.field == "price_cents" for each in plausible.findings(posted))


def candidate_of(load: Load, roads: Roads) -> Candidate:
    """Return the load as the product's search reads it."""
    stops = tuple(_stops(load, roads))
    first, last = stops[0], stops[-1]
    return Candidate(
        load_id=UUID(load.id),
        pickup=first.point,
        delivery=last.point,
        loaded_m=sum(stop.leg_m for stop in stops),
        loaded_access_m=sum(stop.leg_access_m for stop in stops),
        price_cents=load.price_cents,
        currency=load.currency,
        equipment=frozenset(map(Equipment, load.equipment)),
        pickup_from=first.window_from,
        pickup_until=first.window_until,
        delivery_from=last.window_from,
        delivery_until=last.window_until,
        weight_kg=None if load.weight_kg is None else int(load.weight_kg),
        length_m=load.length_m,
        has_hazmat=load.has_hazmat,
        stop_count=len(stops),
        temperature_min_c=load.temperature_min_c,
        temperature_max_c=load.temperature_max_c,
        takes_reefers=load.takes_reefers is not False,
        stops=stops,
        cancelled=load.poster.cancelled,
        booked=load.poster.booked,
    )


def _stops(load: Load, roads: Roads) -> Iterator[CandidateStop]:
    before: Point | None = None
    for stop in load.stops:
        point = Point(*stop.place)
        leg_m, access_m = (0.0, 0.0) if before is None else roads.way(before, point)
        yield CandidateStop(
            point,
            stop.kind == "pickup",
            stop.window_from,
            stop.window_until,
            opening=opening_of(stop),
            leg_m=leg_m,
            leg_access_m=access_m,
            country=stop.country,
            state=stop.state,
            is_urban=stop.is_urban,
        )
        before = point


def opening_of(stop: Stop) -> tuple[int, ...]:
    """Return when the dock is open within the window; nothing if it has no hours.

    Raises: ValueError if it never opens: the product refuses to post such a load.
    """
    if stop.openings is None:
        return ()
    hours = [each for opening in stop.openings for each in _hours(opening)]
    found = spans(hours, stop.zone, stop.window_from, stop.window_until)
    if not found:
        raise ValueError("The stop never opens within its window.")
    return tuple(found)


def _hours(opening: Opening) -> Iterator[Hours]:
    """Yield the hours; those over midnight are two, as the product takes them."""
    days = [Weekday(day) for day in opening.days]
    if opening.closes > opening.opens:
        yield _hours_of(days, opening.opens, opening.closes)
        return
    yield _hours_of(days, opening.opens, "24:00")
    if opening.closes > "00:00":
        next_days = [WEEKDAYS[(WEEKDAYS.index(day) + 1) % 7] for day in days]
        yield _hours_of(next_days, "00:00", opening.closes)


def _hours_of(days: Sequence[Weekday], opens: str, closes: str) -> Hours:
    return Hours.from_record({"days": days, "from": opens, "until": closes})


def asking_of(situation: Situation) -> Asking:
    """Return the situation as the product makes it of its rows."""
    driver, truck, carrier = situation.driver, situation.truck, situation.organisation
    known = situation_of(
        _driver(driver),
        _truck(truck),
        Company(
            carrier.country,
            sorted(carrier.countries) if carrier.countries else None,
            carrier.cost_cents_per_km,
            carrier.hour_cents,
            driver.is_crew,
        ),
        drop=Point(*situation.place),
        home=Point(*driver.home),
        free_at=situation.free_at,
    )
    # The product finds these out of the places.
    return replace(
        known.situation,
        currency=carrier.currency,
        drop_country=situation.country,
        home_country=situation.home_country,
        zone=driver.zone,
    )


def trucks_of(asking: Sequence[Asking], parameters: Parameters, roads: Roads) -> Trucks:
    """Return the trucks of these situations as those that wait."""
    baselines = [way_home(each, parameters, roads) for each in asking]

    def column(name: str) -> Numbers:
        return np.array([getattr(each, name) for each in asking], "f8")

    limit_m = parameters.max_deadhead_m
    return Trucks(
        place=roads.places([each.drop for each in asking]),
        home=roads.places([each.home for each in asking]),
        free_at=np.array([seconds_of(each.free_at) for each in asking], "f8"),
        baseline_m=np.array([way.distance_m for way in baselines], "f8"),
        baseline_s=np.array([way.elapsed_s for way in baselines], "f8"),
        cost_empty_cents_per_km=column("cost_empty_cents_per_km"),
        cost_loaded_cents_per_km=column("cost_loaded_cents_per_km"),
        hour_cents=column("hour_cents"),
        max_deadhead_m=np.array([each.max_deadhead_m or limit_m for each in asking]),
        wishes_cents=np.zeros(len(asking)),
    )


def _driver(driver: Driver) -> DriverRow:
    weekly = driver.home_every
    return DriverRow(
        has_hazmat_endorsement=True,
        country=driver.country,
        countries=sorted(driver.countries) if driver.countries else None,
        home_by_at=driver.home_by,
        home_every=None if weekly is None else asdict(weekly),
        max_deadhead_m=driver.max_deadhead_m,
        min_pay_cents_per_km=driver.min_pay_cents_per_km,
        rank_by=RankBy(driver.rank_by),
        preferences=[asdict(wish) for wish in driver.preferences],
    )


def _truck(truck: Truck) -> TruckRow:
    return TruckRow(
        equipment=None if truck.equipment is None else Equipment(truck.equipment),
        payload_kg=truck.payload_kg,
        deck_length_m=truck.deck_length_m,
        is_hazmat_allowed=truck.is_hazmat_allowed,
        cost_empty_cents_per_km=truck.cost_empty_cents_per_km,
        cost_loaded_cents_per_km=truck.cost_loaded_cents_per_km,
        hour_cents=truck.hour_cents,
    )


def parameters_of(settings: Settings) -> Parameters:
    """Return what the product measures by."""
    return Parameters(
        fee_share=settings.fee_share,
        highway_mps=settings.road_mps,
        access_mps=settings.access_mps,
        dwell_s=settings.dwell_s,
        border_s=settings.border_s,
        max_deadhead_m=settings.max_deadhead_m,
        max_detour_m=settings.max_detour_m,
    )


def _fence(ring: Ring) -> PolygonFence:
    corners = [[lon, lat] for lat, lon in (*ring, ring[0])]
    return PolygonFence.from_geojson({"type": "Polygon", "coordinates": [corners]})
