"""One load for many waiting trucks: what it could gain each of them at most.

Cheap, so that a load that comes to the market finds the few trucks that are worth a
search of their own. Not below the gain that such a search finds, if home and crew are
those of the baseline: hours are those of driving, docks and windows, without rests and
borders. Left to that search are the areas, the windows of deliveries and of middle
stops, and the driver's wishes about time and pay.
"""

from dataclasses import dataclass, fields
from math import inf, nan
from typing import Any, Self

import numpy as np

from freight.candidates import Candidate
from freight.columns import Array, Loads, Numbers
from freight.equipment import DRY_FOR_REEFERS, Equipment
from freight.hours import RESTART_S, elapsed_s
from freight.rules import FREIGHT, LANES, PLACES
from freight.situation import Parameters, Situation
from freight.tables import Question, Table
from freight.trips import WayHome
from geo.points import Point
from geo.roads import Places, Roads, Ways


@dataclass(frozen=True, slots=True)
class Trucks:
    """Waiting trucks as columns of one length.

    place, home: where they are, and where they want to be.
    free_at: seconds after `columns.T0_S`.
    baseline_m, baseline_s: of the empty way home; NaN if not known.
    wishes_cents: the most that the driver's soft wishes can add.
    """

    place: Places
    home: Places
    free_at: Numbers
    baseline_m: Numbers
    baseline_s: Numbers
    cost_empty_cents_per_km: Numbers
    cost_loaded_cents_per_km: Numbers
    hour_cents: Numbers
    max_deadhead_m: Numbers
    wishes_cents: Numbers

    def __len__(self) -> int:
        return len(self.free_at)

    def take(self, rows: Array) -> Self:
        """Return the trucks of these row numbers, in that order."""
        taken: dict[str, Any] = {}
        for each in fields(self):
            column = getattr(self, each.name)
            is_places = isinstance(column, Places)
            taken[each.name] = column.take(rows) if is_places else column[rows]
        return type(self)(**taken)


def types_for(load: Candidate) -> list[Equipment]:
    """Return the types of truck that may take the load."""
    types = sorted(load.equipment - {Equipment.OTHER})
    if load.takes_reefers:
        types += [reefer for reefer, dry in DRY_FOR_REEFERS.items() if dry in types]
    return types


def longest_s(more_m: Numbers) -> Numbers:
    """Return how much later each truck may be home whose way became so much longer.

    One mile more may mean one rest more.
    """
    longest: Numbers = elapsed_s(more_m / SLOW_MPS) + RESTART_S
    return np.where(more_m == 0, 0.0, longest)


def most_gain_cents(
    load: Loads, trucks: Trucks, parameters: Parameters, roads: Roads
) -> Numbers:
    """Return the most that the load can gain each truck over driving home empty.

    -inf where the truck cannot take it: no road, too far empty, too long a detour, or a
    pickup that closes before it can be there.

    load: a table of one. trucks: at least one, of `types_for` the load.
    """
    most = np.full(len(trucks), -inf)
    farthest_m = float(trucks.max_deadhead_m.max())
    out = roads.ways_from(_point(load.pickup), trucks.place, farthest_m)
    near = np.flatnonzero(out.metres <= trucks.max_deadhead_m)
    if not len(near):
        return most
    trucks, out = trucks.take(near), _take(out, near)
    # A longer way home is too long a detour. A baseline that is not known gives NaN.
    limits_m = trucks.baseline_m + parameters.max_detour_m - load.loaded_m[0]
    limits_m = np.where(np.isnan(limits_m), inf, limits_m - out.metres)
    farthest_m = max(float(limits_m.max()), 0.0)
    home = roads.ways_from(_point(load.delivery), trucks.home, farthest_m)
    on_the_way = np.flatnonzero(np.isfinite(home.metres) & (home.metres <= limits_m))
    trucks, near = trucks.take(on_the_way), near[on_the_way]
    ways = _take(out, on_the_way), _take(home, on_the_way)
    most[near] = _most_gain_cents(load, trucks, *ways, parameters)
    return most


def _most_gain_cents(
    load: Loads, trucks: Trucks, out: Ways, home: Ways, parameters: Parameters
) -> Numbers:
    loaded_m = float(load.loaded_m[0])
    pickup_at = trucks.free_at + parameters.seconds(out.metres, out.access_m)
    home_at = _home_at(load, pickup_at, home, parameters)
    more_m = out.metres + home.metres - trucks.baseline_m
    added_s = home_at - trucks.free_at - trucks.baseline_s
    gain: Numbers = (
        float(load.price_cents[0]) * (1 - parameters.fee_share)
        - trucks.cost_loaded_cents_per_km * loaded_m / 1000
        - trucks.cost_empty_cents_per_km * more_m / 1000
        - trucks.hour_cents * added_s / 3600
        + trucks.wishes_cents
        + ROUNDED_CENTS
    )
    gain[np.isnan(trucks.baseline_m)] = inf
    gain[pickup_at > float(load.pickup_until[0])] = -inf
    return gain


def _home_at(
    load: Loads, pickup_at: Numbers, home: Ways, parameters: Parameters
) -> Numbers:
    """Return when the trucks are home at the earliest: without rests and borders."""
    loaded = load.loaded_m.astype("f8"), load.loaded_access_m.astype("f8")
    left_at = np.maximum(pickup_at, float(load.pickup_from[0])) + parameters.dwell_s
    delivery_at = left_at + parameters.seconds(*loaded)
    done_at = np.maximum(delivery_at, float(load.delivery_from[0])) + parameters.dwell_s
    found: Numbers = done_at + parameters.seconds(home.metres, home.access_m)
    return found


def may_take(load: Loads, situation: Situation, parameters: Parameters) -> bool:
    """Say whether none of AT_SIGHT refuses the load, a table of one."""
    asked = Question(situation, parameters, WayHome(nan, nan))
    return not any(rule.refuses(Table(load), asked)[0] for rule in AT_SIGHT)


AT_SIGHT = (*FREIGHT, LANES, *PLACES)
"""The rules of a search that need no way and no time."""

SLOW_MPS = 10.0
"""No truck plans to be slower."""

ROUNDED_CENTS = 4.0
"""As each term of a gain is a whole number of cents."""


def _take(ways: Ways, rows: Array) -> Ways:
    return Ways(ways.metres[rows], ways.access_m[rows], ways.has_road[rows])


def _point(places: Places) -> Point:
    return Point(float(places.lat[0]), float(places.lon[0]))
