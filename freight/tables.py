"""A table of loads and what is found out about them, phase by phase."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from freight.columns import Array, Loads, Numbers
from freight.gains import Gains, detours_m, gains_of
from freight.situation import Parameters, Situation
from freight.trips import Trips, WayHome
from geo.areas import AreaReason, SearchArea
from geo.corridors import corridor_home
from geo.fences import MAX_RADIUS_M, MIN_RADIUS_M, CircleFence, PolygonFence
from geo.roads import Roads


@dataclass(frozen=True, slots=True)
class Question:
    """What the loads are asked for: the truck, the rules and the empty way home."""

    situation: Situation
    parameters: Parameters
    baseline: WayHome

    @property
    def deadhead_limit_m(self) -> float:
        """How far the driver drives empty to a pickup."""
        return deadhead_limit_m(self.situation, self.parameters)

    @property
    def home_limit_m(self) -> float:
        """How long a way home may be for a load on which no other metre is driven."""
        return self.baseline.distance_m + self.parameters.max_detour_m


def deadhead_limit_m(situation: Situation, parameters: Parameters) -> float:
    """Return how far the driver drives empty to a pickup."""
    limit_m = situation.max_deadhead_m
    return parameters.max_deadhead_m if limit_m is None else limit_m


def area_of(
    situation: Situation,
    parameters: Parameters,
    roads: Roads,
    operating: tuple[PolygonFence, ...],
    no_go: tuple[PolygonFence, ...],
) -> SearchArea:
    """Return where the driver may pick up and deliver.

    operating, no_go: the areas that were drawn for them.
    """
    drop, home = situation.drop, situation.home
    limit_m = deadhead_limit_m(situation, parameters)
    radius_m = min(max(limit_m, MIN_RADIUS_M), MAX_RADIUS_M)
    road_m = roads.distance_m(drop, home)
    return SearchArea(
        CircleFence(drop, radius_m),
        corridor_home(drop, home, road_m, parameters.max_detour_m),
        operating,
        no_go,
    )


@dataclass(frozen=True, slots=True)
class Asked(Question):
    """The question with what finds out the answer: the area and the roads."""

    area: SearchArea
    roads: Roads


@dataclass(frozen=True, slots=True)
class Table:
    """Loads with what is known of them so far, all of one length."""

    loads: Loads
    outside: Mapping[AreaReason, Array] | None = None
    trips: Trips | None = None
    gains: Gains | None = None

    def __len__(self) -> int:
        return len(self.loads)

    @property
    def known_trips(self) -> Trips:
        """The trips; the phase `routed` has run."""
        assert self.trips is not None
        return self.trips

    @property
    def known_gains(self) -> Gains:
        """The gains; the phase `paid` has run."""
        assert self.gains is not None
        return self.gains

    def stop_outside(self, reason: AreaReason) -> Array:
        """Return the number of each load's first stop that is refused for `reason`,
        counted from 1; 0 if none is. The phase `located` has run."""
        assert self.outside is not None
        return self.outside[reason]

    def detour_m(self, asked: Question) -> Numbers:
        """Return each load's detour."""
        return detours_m(self.loads, self.known_trips, asked.baseline)

    def take(self, picked: Array) -> "Table":
        """Return the table of the loads that `picked` selects."""
        outside = self.outside and {
            reason: stops[picked] for reason, stops in self.outside.items()
        }
        return Table(
            self.loads.take(picked),
            outside,
            self.trips and self.trips.take(picked),
            self.gains and self.gains.take(picked),
        )


def located(table: Table, asked: Asked) -> Table:
    """Return the table with the stops that lie outside the area, and why.

    Of a load whose pickup is outside the corridor, the delivery is not looked at: no
    later question matters. The circle is asked of a table of one load only, since a
    market is read by it.
    """
    loads, area = table.loads, asked.area
    outside = {reason: np.zeros(len(loads), "i2") for reason in AreaReason}
    pickup = loads.pickup
    if len(loads) == 1:
        beyond = area.beyond_circle(pickup.lat, pickup.lon)
        outside[AreaReason.OUTSIDE_CIRCLE][beyond] = 1
    at_pickup = area.refused(pickup.lat, pickup.lon)
    inside = np.flatnonzero(~at_pickup[AreaReason.OUTSIDE_CORRIDOR])
    delivery = loads.take(inside).delivery
    last = _stop_counts(loads)[inside]
    for reason, mask in area.refused(delivery.lat, delivery.lon).items():
        outside[reason][inside] = np.where(mask, last, 0)
        outside[reason][at_pickup[reason]] = 1
    _add_middle_stops(loads, area, outside)
    return replace(table, outside=outside)


def routed(table: Table, asked: Asked) -> Table:
    """Return the table with the ways to the pickups and home from the deliveries.

    Pickups beyond the driver's deadhead limit have no exact figure, unless the table is
    of one load. Nor have ways home that alone are more of a detour than is allowed.
    """
    limits_m = asked.deadhead_limit_m, asked.home_limit_m
    if len(table) == 1:
        limits_m = np.inf, np.inf
    trips = Trips.to(table.loads, asked.situation, asked.roads, *limits_m)
    if asked.baseline.distance_m == np.inf:
        # Without an empty way home there is nothing to compare a load with, also
        # where the legs of a load were measured by other roads.
        trips = replace(trips, has_road=np.zeros(len(table), "?"))
    return replace(table, trips=trips)


def timed(table: Table, asked: Asked) -> Table:
    """Return the table with the times of the trips. Every way is known."""
    trips = table.known_trips.timed(table.loads, asked.situation, asked.parameters)
    return replace(table, trips=trips)


def paid(table: Table, asked: Asked) -> Table:
    """Return the table with the gains. The trips are timed."""
    gains = gains_of(
        *(table.loads, table.known_trips, asked.situation, asked.parameters),
        asked.baseline,
    )
    return replace(table, gains=gains)


def _stop_counts(loads: Loads) -> Array:
    counts = np.full(len(loads), 2, "i2")
    walked = loads.has_extra()
    numbers = loads.extra[walked]
    first = loads.stops.first
    counts[walked] = first[numbers + 1] - first[numbers]
    return counts


def _add_middle_stops(
    loads: Loads, area: SearchArea, outside: Mapping[AreaReason, Array]
) -> None:
    """Note the first middle stop of a load that is outside, where the pickup is not."""
    walked, stops = loads.has_extra(), loads.stops
    numbers = loads.extra[walked]
    first, end = stops.first[numbers], stops.first[numbers + 1]
    for place in range(1, int((end - first).max(initial=0)) - 1):
        has = first + place < end - 1
        walked, first, end = walked[has], first[has], end[has]
        refused = area.refused(stops.lat[first + place], stops.lon[first + place])
        for reason, mask in refused.items():
            before = outside[reason][walked]
            is_first = mask & ((before == 0) | (before > place + 1))
            outside[reason][walked[is_first]] = place + 1
