"""What each load earns more than driving home empty, in signed terms.

Each term is rounded to a whole cent by itself, so that the terms add up to the score.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from freight.columns import Array, Loads, Numbers, seconds_of
from freight.preferences import PreferenceKind
from freight.situation import Parameters, Situation
from freight.trips import Trips, WayHome
from freight.wishes import against, on_lane

LEAST_BOOKED = 5
"""Of a poster with fewer booked loads nothing is said."""

SHRUNK_BY = 10
"""Booked loads, none of them cancelled, that are added to every poster's own: a small
sample says little."""


class Term(NamedTuple):
    """One signed part of a score. `sample`: how many cases it is drawn from, if any."""

    name: str
    unit: str
    value: int
    sample: int | None = None


@dataclass(frozen=True, slots=True)
class Gains:
    """For each load: the terms in whole cents, and what they are made of.

    detour_m: all metres with the load minus the empty way home; never below 0.
    added_s: how much later the driver is home with the load than without it.
    """

    detour_m: Numbers
    added_s: Numbers
    price: Numbers
    fee: Numbers
    deadhead_cost: Numbers
    loaded_cost: Numbers
    home_deadhead_cost: Numbers
    baseline_saved: Numbers
    duty_hours_cost: Numbers
    cancellation_risk: Numbers
    lane: Numbers
    no_weekends: Numbers
    no_nights: Numbers
    no_cities: Numbers
    no_state: Numbers

    def take(self, picked: Array) -> Self:
        """Return the gains of the loads that `picked` selects."""
        return type(self)(*(getattr(self, f.name)[picked] for f in fields(self)))

    @property
    def score_cents(self) -> Numbers:
        """The sum of the terms."""
        terms: Numbers = sum(getattr(self, name) for name in TERMS)
        return terms

    def terms(self, row: int, loads: Loads) -> tuple[Term, ...]:
        """Return one load's terms. SOMETIMES are left out where they are 0."""
        found = []
        for name in TERMS:
            value = int(getattr(self, name)[row])
            is_risk = name == "cancellation_risk"
            if value or name not in SOMETIMES:
                sample = int(loads.booked[row]) if is_risk else None
                found.append(Term(name, "cents", value, sample))
        return tuple(found)


TERMS = tuple(f.name for f in fields(Gains) if f.name not in {"detour_m", "added_s"})
SOMETIMES = frozenset({"cancellation_risk", *PreferenceKind})
"""Terms that a load without them does not show. A wish's term is called as its kind."""


def detours_m(loads: Loads, trips: Trips, baseline: WayHome) -> Numbers:
    """Return d(A,P) + L + d(D,B) - d(A,B) of each load, never below 0.

    Ways by road are no true metric: one over a third place may come out a little
    shorter than the direct one.
    """
    whole_m = trips.deadhead_m + loads.loaded_m + trips.home_m
    return np.maximum(whole_m - baseline.distance_m, 0.0)


def gains_of(
    loads: Loads,
    trips: Trips,
    situation: Situation,
    parameters: Parameters,
    baseline: WayHome,
) -> Gains:
    """Return the gain of each load over driving home empty. The trips are timed.

    Source: g = r (1 - fee) - c (d(A,P) + L + d(D,B)) + c d(A,B) - w h, with separate
    costs c for empty and loaded kilometres; equal costs give this plain formula. What a
    poster cancels is lost: its share of what the load would gain, if it gains.
    """
    empty = situation.cost_empty_cents_per_km / 1000
    loaded = situation.cost_loaded_cents_per_km / 1000
    price = loads.price_cents.astype("f8")
    away_s = trips.home_at - seconds_of(situation.free_at)
    added_s = away_s - baseline.elapsed_s
    terms = {
        "price": price,
        "fee": np.rint(-parameters.fee_share * price),
        "deadhead_cost": np.rint(-empty * trips.deadhead_m),
        "loaded_cost": np.rint(-loaded * loads.loaded_m.astype("f8")),
        "home_deadhead_cost": np.rint(-empty * trips.home_m),
        "baseline_saved": np.full(len(loads), np.rint(empty * baseline.distance_m)),
        "duty_hours_cost": np.rint(-situation.hour_cents * added_s / 3600),
    }
    so_far = np.maximum(sum(terms.values()), 0.0)
    return Gains(
        detour_m=detours_m(loads, trips, baseline),
        added_s=added_s,
        **terms,
        cancellation_risk=np.rint(-cancelled_share(loads) * so_far),
        **_wishes(loads, trips, situation),
    )


def cancelled_share(loads: Loads) -> Numbers:
    """Return the share of each poster's booked loads that is likely to be cancelled.

    The cancelled ones of the booked ones and SHRUNK_BY others; 0 below LEAST_BOOKED.
    """
    booked = loads.booked.astype("f8")
    share: Numbers = loads.cancelled / (booked + SHRUNK_BY)
    return np.where(booked < LEAST_BOOKED, 0.0, share)


def _wishes(loads: Loads, trips: Trips, situation: Situation) -> dict[str, Numbers]:
    cents = {kind.value: np.zeros(len(loads)) for kind in PreferenceKind}
    for wish in situation.preferences:
        if wish.is_hard:
            continue
        if wish.kind is PreferenceKind.LANE:
            cents[wish.kind] += on_lane(wish, loads) * float(wish.cents)
        else:
            disliked = against(wish, loads, trips, situation)
            cents[wish.kind] -= disliked * float(wish.cents)
    return cents
