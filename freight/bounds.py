"""Upper bounds of a load's gain, computed without judging the load.

In a dense market a search looks only at the loads that can still be among the best. A
bound here is never too low, so no load that belongs to the best is missed.
"""

from dataclasses import dataclass
from typing import Self

from freight.economics import way_home
from freight.situation import Candidate, Parameters, Situation
from geo.distance import haversine_m
from geo.roads import Roads

KEY_CENTS_PER_M = 0.14
"""Cents that a load's key subtracts for each loaded metre. It is near the cost of most
trucks, so that keys are in about the order of gains. Results are right with any
constant; this one is in an index, so it may only change together with that index."""

ROUNDED_CENTS = 3.0
"""The most that rounding adds to a gain: half a cent for each of six rounded terms."""


def key_of(candidate: Candidate) -> float:
    """Return the key by which the index orders the loads of a cell."""
    return candidate.price_cents - candidate.loaded_m * KEY_CENTS_PER_M


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Upper bounds of a truck's gains: by a load's figures, or by its key.

    gain <= price_share * price - loaded_cents_per_m * L
            - empty_cents_per_m * (gc(drop, P) + gc(D, home)) + credit_cents

    because no road is shorter than the great circle gc, and nothing else in the score
    can be positive. L is at most `longest_m`: a longer load is excluded for its detour.
    With price = key + KEY_CENTS_PER_M * L this gives the bound by a key.

    straight_m: from drop to home, by great circle.
    """

    price_share: float
    empty_cents_per_m: float
    loaded_cents_per_m: float
    credit_cents: float
    longest_m: float
    straight_m: float
    speed_mps: float

    @classmethod
    def of(cls, situation: Situation, parameters: Parameters, roads: Roads) -> Self:
        """Return the ceiling for a truck on its way home."""
        baseline = way_home(situation, parameters, roads)
        empty = situation.cost_empty_cents_per_km / 1000
        # A load can save hours, if its posted length is shorter than the road.
        hours_cents = parameters.duty_hour_cents * baseline.elapsed_s / 3600
        return cls(
            price_share=1 - parameters.fee_share,
            empty_cents_per_m=empty,
            loaded_cents_per_m=situation.cost_loaded_cents_per_km / 1000,
            credit_cents=empty * baseline.distance_m + hours_cents + ROUNDED_CENTS,
            longest_m=baseline.distance_m + parameters.max_detour_m,
            straight_m=haversine_m(situation.drop, situation.home),
            speed_mps=parameters.planning_speed_mps,
        )

    def most_cents(self, candidate: Candidate, situation: Situation) -> float:
        """Return the most that the load can gain; the search computes it in SQL."""
        empty_m = haversine_m(situation.drop, candidate.pickup)
        empty_m += haversine_m(candidate.delivery, situation.home)
        return (
            self.price_share * candidate.price_cents
            - self.loaded_cents_per_m * candidate.loaded_m
            - self.empty_cents_per_m * empty_m
            + self.credit_cents
        )

    def least_price_cents(self, score_cents: float) -> float:
        """Return the price below which no load scores `score_cents`.

        A load's length is at least the great circle between its ends, so

        gc(drop, P) + gc(D, home) >= gc(drop, home) - L

        and the price must pay for the empty metres that the load leaves.
        """
        if self.price_share <= 0:
            return float("-inf")
        per_m = self.empty_cents_per_m - self.loaded_cents_per_m
        saved = self.credit_cents - self.empty_cents_per_m * self.straight_m
        longest = max(per_m, 0.0) * self.longest_m
        return (score_cents - saved - longest) / self.price_share

    def least_key(self, score_cents: float, nearest_m: float) -> float:
        """Return the key below which no load scores `score_cents`.

        nearest_m: no pickup is nearer to the drop, by great circle.
        """
        if self.price_share <= 0:
            return float("-inf")
        per_m = self.price_share * KEY_CENTS_PER_M - self.loaded_cents_per_m
        needed = score_cents - self.credit_cents + self.empty_cents_per_m * nearest_m
        return (needed - max(per_m, 0.0) * self.longest_m) / self.price_share
