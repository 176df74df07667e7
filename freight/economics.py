"""What a load changes on the way home: kilometres, hours and money.

The model: a truck at the drop A drives home to B empty, or takes a load from P to D
first. Everything is the difference between the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from freight.hours import DAILY_REST_S, elapsed_s
from freight.records import record_of
from freight.situation import Candidate, Parameters, Situation
from geo.roads import Roads

_DAILY_REST = timedelta(seconds=DAILY_REST_S)


class Term(NamedTuple):
    """One signed part of a score."""

    name: str
    unit: str
    value: int


@dataclass(frozen=True, slots=True)
class WayHome:
    """The empty way home, the baseline every load is compared with.

    elapsed_s: with the rests that the law requires.
    """

    distance_m: float
    elapsed_s: float


class Figures(NamedTuple):
    """What one load would mean, for the ranking and for people.

    deadhead_m: empty, drop to pickup. home_deadhead_m: empty, delivery to home.
    detour_m: all metres with the load minus the empty way home; never below 0.
    added_duty_s: how much later the driver is home with the load than without it:
        driving, waiting, stops and rests.
    pay_cents_per_km: the price over all kilometres from the drop to the delivery;
        None if there are none.
    *_eta: arrival, before any wait for the stop to open.
    empty_before_m, empty_after_m: empty without and with the load.
    """

    deadhead_m: float
    loaded_m: float
    home_deadhead_m: float
    baseline_m: float
    detour_m: float
    added_duty_s: float
    pay_cents_per_km: float | None
    pickup_eta: datetime
    delivery_eta: datetime
    home_eta: datetime
    empty_before_m: float
    empty_after_m: float

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the figures from a record that `to_record` made."""
        times = {
            name: datetime.fromisoformat(record[name])
            for name in ("pickup_eta", "delivery_eta", "home_eta")
        }
        return cls(**{**record, **times})


def way_home(situation: Situation, parameters: Parameters, roads: Roads) -> WayHome:
    """Return the baseline of a search: from the drop straight home, empty."""
    distance_m = roads.distance_m(situation.drop, situation.home)
    driving_s = distance_m / parameters.planning_speed_mps
    return WayHome(distance_m, elapsed_s(driving_s))


def figures_of(
    candidate: Candidate,
    situation: Situation,
    parameters: Parameters,
    *,
    roads: Roads,
    baseline: WayHome,
) -> Figures:
    """Return what taking `candidate` would mean.

    Source of the detour: d(A,P) + L + d(D,B) - d(A,B). A posted length shorter than
    the road would make it negative; it is then 0.
    """
    deadhead_m = roads.distance_m(situation.drop, candidate.pickup)
    home_deadhead_m = roads.distance_m(candidate.delivery, situation.home)
    paid_m = deadhead_m + candidate.loaded_m
    pickup_eta, delivery_eta, home_eta = timetable(
        candidate,
        situation.free_at,
        parameters,
        deadhead_m=deadhead_m,
        home_deadhead_m=home_deadhead_m,
    )
    away_s = (home_eta - situation.free_at).total_seconds()
    return Figures(
        deadhead_m=deadhead_m,
        loaded_m=candidate.loaded_m,
        home_deadhead_m=home_deadhead_m,
        baseline_m=baseline.distance_m,
        detour_m=max(paid_m + home_deadhead_m - baseline.distance_m, 0.0),
        added_duty_s=away_s - baseline.elapsed_s,
        pay_cents_per_km=candidate.price_cents / paid_m * 1000 if paid_m else None,
        pickup_eta=pickup_eta,
        delivery_eta=delivery_eta,
        home_eta=home_eta,
        empty_before_m=baseline.distance_m,
        empty_after_m=deadhead_m + home_deadhead_m,
    )


def timetable(
    candidate: Candidate,
    free_at: datetime,
    parameters: Parameters,
    *,
    deadhead_m: float,
    home_deadhead_m: float,
) -> tuple[datetime, datetime, datetime]:
    """Return the arrivals at the pickup, at the delivery and at home.

    Arriving early means waiting until the stop opens. Rests are those of
    `hours.elapsed_s` over the driving since the start, or since a wait at the pickup
    or delivery long enough to be a daily rest. Shorter waits and time at docks are
    not used as breaks, so that an estimate is late rather than early.
    """
    mps, dwell_s = parameters.planning_speed_mps, parameters.dwell_s
    driven_s = deadhead_m / mps
    rested_s = elapsed_s(driven_s)
    pickup_eta = free_at + timedelta(seconds=rested_s)
    pickup_at = max(pickup_eta, candidate.pickup_from)
    if pickup_at - pickup_eta >= _DAILY_REST:
        driven_s = rested_s = 0.0

    before_s, driven_s = rested_s, driven_s + candidate.loaded_m / mps
    rested_s = elapsed_s(driven_s)
    docks_s = dwell_s * (candidate.stop_count - 1)
    delivery_eta = pickup_at + timedelta(seconds=docks_s + rested_s - before_s)
    delivery_at = max(delivery_eta, candidate.delivery_from)
    if delivery_at - delivery_eta >= _DAILY_REST:
        driven_s = rested_s = 0.0

    home_s = elapsed_s(driven_s + home_deadhead_m / mps) - rested_s
    home_eta = delivery_at + timedelta(seconds=dwell_s + home_s)
    return pickup_eta, delivery_eta, home_eta


def gain_terms(
    candidate: Candidate,
    situation: Situation,
    parameters: Parameters,
    figures: Figures,
) -> tuple[Term, ...]:
    """Return the parts of the gain over driving home empty; their sum is the score.

    Each is rounded to a whole cent by itself, so the parts add up exactly.

    Source: g = r (1 - fee) - c (d(A,P) + L + d(D,B)) + c d(A,B) - w h, with separate
    costs c for empty and loaded kilometres; equal costs give this plain formula.
    """
    empty_cents_per_m = situation.cost_empty_cents_per_km / 1000
    loaded_cents_per_m = situation.cost_loaded_cents_per_km / 1000
    added_h = figures.added_duty_s / 3600
    return (
        Term("price", "cents", candidate.price_cents),
        Term("fee", "cents", round(-parameters.fee_share * candidate.price_cents)),
        Term("deadhead_cost", "cents", round(-empty_cents_per_m * figures.deadhead_m)),
        Term("loaded_cost", "cents", round(-loaded_cents_per_m * figures.loaded_m)),
        Term(
            "home_deadhead_cost",
            "cents",
            round(-empty_cents_per_m * figures.home_deadhead_m),
        ),
        Term("baseline_saved", "cents", round(empty_cents_per_m * figures.baseline_m)),
        Term("duty_hours_cost", "cents", round(-parameters.duty_hour_cents * added_h)),
    )
