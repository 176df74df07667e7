"""Answers searches as the first search did, over a pipe: run from its own checkout.

Reads JSON lines on stdin: {"post": [load, ...], "gone": [id, ...], "ask": truck}, each
key optional. Writes a line for each "ask": {"load_id": ...} of the best load, or null.
Loads and trucks are those that `bench.weeks_policies` writes. Only modules of commit
a15936f and of the standard library are imported: PYTHONPATH names a checkout of it.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil, cos, floor, radians
from typing import Any
from uuid import UUID

from freight.costs import COST_CENTS_PER_KM, COST_CURRENCY
from freight.equipment import Equipment
from freight.ranking import Ranking
from freight.situation import Candidate, Parameters, Situation
from geo.areas import SearchArea
from geo.corridors import corridor_home
from geo.fences import CircleFence
from geo.points import Point
from geo.roads import EstimatedRoads

ROADS = EstimatedRoads()
PARAMETERS = Parameters()
DEGREE_M = 111_000.0


class Market:
    """The posted loads, by the square degree of their pickup."""

    def __init__(self) -> None:
        self._cell_of: dict[str, tuple[int, int]] = {}
        self._cells: dict[tuple[int, int], dict[str, Candidate]] = defaultdict(dict)

    def post(self, load: dict[str, Any]) -> None:
        """Put a load on the market, measured as it was when posted."""
        pickup, delivery = Point(*load["pickup"]), Point(*load["delivery"])
        cell = floor(pickup.lat), floor(pickup.lon)
        self._cell_of[load["id"]] = cell
        self._cells[cell][load["id"]] = Candidate(
            load_id=UUID(load["id"]),
            pickup=pickup,
            delivery=delivery,
            loaded_m=ROADS.distance_m(pickup, delivery),
            price_cents=load["price_cents"],
            currency=COST_CURRENCY,
            equipment=frozenset(map(Equipment, load["equipment"])),
            pickup_from=_at(load["pickup_from"]),
            pickup_until=_at(load["pickup_until"]),
            delivery_from=_at(load["delivery_from"]),
            delivery_until=_at(load["delivery_until"]),
            weight_kg=load["weight_kg"],
            length_m=load["length_m"],
            has_hazmat=load["has_hazmat"],
        )

    def take_off(self, load_id: str) -> None:
        """Take a load off the market, if it is there."""
        if (cell := self._cell_of.pop(load_id, None)) is not None:
            del self._cells[cell][load_id]

    def within(self, place: Point, radius_m: float, now: datetime) -> Iterator[Any]:
        """Yield the loads whose pickup may be that near, and is not over."""
        north = ceil(radius_m / DEGREE_M)
        east = ceil(radius_m / DEGREE_M / cos(radians(min(abs(place.lat) + north, 80))))
        for lat in range(floor(place.lat) - north, floor(place.lat) + north + 1):
            for lon in range(floor(place.lon) - east, floor(place.lon) + east + 1):
                for load in self._cells.get((lat, lon), {}).values():
                    if load.pickup_until > now:
                        yield load


def best(market: Market, truck: dict[str, Any]) -> str | None:
    """Return the id of the load ranked first, widening the circle as it did."""
    situation = Situation(
        drop=Point(*truck["place"]),
        home=Point(*truck["home"]),
        free_at=_at(truck["free_at"]),
        currency=COST_CURRENCY,
        cost_empty_cents_per_km=truck["cost_cents_per_km"] or COST_CENTS_PER_KM,
        cost_loaded_cents_per_km=truck["cost_cents_per_km"] or COST_CENTS_PER_KM,
        equipment=Equipment(truck["equipment"]),
        payload_kg=truck["payload_kg"],
        deck_length_m=truck["deck_length_m"],
        is_hazmat_allowed=truck["has_hazmat"],
    )
    road_m = ROADS.distance_m(situation.drop, situation.home)
    corridor = corridor_home(
        situation.drop, situation.home, road_m, PARAMETERS.max_detour_m
    )
    for radius_m in PARAMETERS.radii_m:
        area = SearchArea(CircleFence(situation.drop, radius_m), corridor)
        ranking = Ranking(situation, PARAMETERS, area, ROADS)
        ranking.add(market.within(situation.drop, radius_m, situation.free_at))
        ranked = ranking.outcome().ranked
        if len(ranked) >= PARAMETERS.enough:
            break
    return str(ranked[0].candidate.load_id) if ranked else None


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def main() -> None:
    """Answer until stdin ends."""
    market = Market()
    for line in sys.stdin:
        said = json.loads(line)
        for load in said.get("post", ()):
            market.post(load)
        for load_id in said.get("gone", ()):
            market.take_off(load_id)
        if (truck := said.get("ask")) is not None:
            answer = {"load_id": best(market, truck)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
