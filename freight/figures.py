"""What one load would mean for the driver, in metres, hours and money."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import numpy as np

from freight.candidates import Candidate
from freight.columns import T0_S, Array, Loads, closes, seconds_of
from freight.gains import Gains
from freight.records import record_of
from freight.sentences import summary
from freight.situation import Situation
from freight.trips import Trips, WayHome


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
    summary: all of it in a sentence; "" in records of earlier releases.
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
    summary: str = ""

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


def figures_of(
    row: int,
    loads: Loads,
    trips: Trips,
    gains: Gains,
    situation: Situation,
    baseline: WayHome,
) -> Figures:
    """Return the figures of one load of a table whose trips are timed."""
    deadhead_m, home_m = float(trips.deadhead_m[row]), float(trips.home_m[row])
    loaded_m = float(loads.loaded_m[row])
    paid_m = deadhead_m + loaded_m
    price_cents = int(loads.price_cents[row])
    home_eta = time_of(trips.home_at[row])
    added_s = float(gains.added_s[row])
    return Figures(
        deadhead_m=deadhead_m,
        loaded_m=loaded_m,
        home_deadhead_m=home_m,
        baseline_m=baseline.distance_m,
        detour_m=float(gains.detour_m[row]),
        added_duty_s=added_s,
        pay_cents_per_km=price_cents / paid_m * 1000 if paid_m else None,
        pickup_eta=time_of(trips.pickup_at[row]),
        delivery_eta=time_of(trips.delivery_at[row]),
        home_eta=home_eta,
        empty_before_m=baseline.distance_m,
        empty_after_m=deadhead_m + home_m,
        summary=summary(
            price_cents=price_cents,
            currency=loads.currency[row].decode(),
            empty_m=deadhead_m + home_m,
            free_at=situation.free_at,
            home_at=home_eta,
            added_s=added_s,
            zone=situation.zone,
        ),
    )


def trips_shown(candidate: Candidate, figures: Figures) -> Trips:
    """Return a table of one trip as the figures tell it, against the load's windows."""

    def one(figure: float, kind: str = "f8") -> Array:
        return np.array([figure], kind)

    pickup_at, delivery_at = map(seconds_of, (figures.pickup_eta, figures.delivery_eta))
    pickup_until = float(closes(candidate.pickup_until))
    delivery_until = float(closes(candidate.delivery_until))
    return Trips(
        deadhead_m=one(figures.deadhead_m),
        deadhead_access_m=one(0.0),
        home_m=one(figures.home_deadhead_m),
        home_access_m=one(0.0),
        has_road=one(True, "?"),
        pickup_at=one(pickup_at),
        delivery_at=one(delivery_at),
        home_at=one(seconds_of(figures.home_eta)),
        late_pickup=one(pickup_at > pickup_until, "i2"),
        late_delivery=one(2 * (delivery_at > delivery_until), "i2"),
        late_pickup_eta=one(pickup_at),
        late_pickup_until=one(pickup_until),
        late_delivery_eta=one(delivery_at),
        late_delivery_until=one(delivery_until),
        is_at_night=one(False, "?"),
    )


def time_of(seconds: float) -> datetime:
    """Return the time of seconds after T0_S."""
    return datetime.fromtimestamp(float(seconds) + T0_S, UTC)
