"""A load's figures: the total of a price by the mile, and what is odd about them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from freight import plausible
from freight.equipment import Equipment
from freight.plausible import (
    POUNDS_PER_CWT,
    POUNDS_PER_KG,
    Posted,
    Visit,
    findings,
)
from geo.distance import METRES_PER_MILE
from models.loads.loads import Load, RateType, Visibility
from runtime.errors import Invalid

BY_RATE = frozenset({RateType.PER_MILE, RateType.PER_CWT})
"""With these, a poster gives the price of a unit."""

OF_THE_TOTAL = frozenset(
    {"price_cents", "rate_type", "billed_miles", "weight_kg", "stops"}
)
"""A change of one of these changes the total of a price by the mile or by weight."""

POSTER = "poster"
"""Where the billed miles are from, if it is not the product's distance."""

LARGEST_CENTS = 2**31 - 1

Places = tuple[tuple[float, float], ...]
"""Latitude and longitude of each stop."""


@dataclass(frozen=True, slots=True)
class Warned:
    """What a poster is told about their load: a code, the field, a sentence."""

    code: str
    pointer: str
    detail: str

    def to_record(self) -> dict[str, str]:
        """Return the warning as JSON values."""
        return {"code": self.code, "pointer": self.pointer, "detail": self.detail}


def are_changed(load: Load, given: Mapping[str, Any]) -> bool:
    """Say whether a given field differs from the load's.

    A field that the total depends on counts as changed: a given price may be that of
    one mile.
    """
    return any(
        name in OF_THE_TOTAL or getattr(load, name) != value
        for name, value in given.items()
    )


def check_rate_type(load: Load, given: Mapping[str, Any]) -> None:
    """Check that a change of the rate type gives the price of its new unit.

    Raises: Invalid.
    """
    wanted = given.get("rate_type", load.rate_type)
    if (
        wanted in BY_RATE
        and wanted is not load.rate_type
        and "price_cents" not in given
    ):
        raise Invalid("#/price_cents", f"Give the price that is {wanted}.")


def check_temperature(load: Load) -> None:
    """Check that the load's lowest temperature is not above its highest.

    Raises: Invalid.
    """
    low, high = load.temperature_min_c, load.temperature_max_c
    if low is not None and high is not None and low > high:
        raise Invalid(
            "#/temperature_min_c", "temperature_min_c is above temperature_max_c."
        )


def claims_of(load: Load, now: datetime) -> tuple[Posted, Places]:
    """Return what a confirmation of the load's figures is about.

    The caller has set the stops.
    """
    visits = [
        Visit(stop.point, stop.window_from, stop.window_until) for stop in load.stops
    ]
    posted = Posted(
        equipment=frozenset(Equipment(word) for word in load.equipment),
        loaded_m=load.loaded_m,
        price_cents=load.price_cents,
        # A new load has the column's default only once it is written.
        currency=load.currency or "USD",
        weight_kg=load.weight_kg,
        length_m=load.length_m,
        temperature_min_c=load.temperature_min_c,
        temperature_max_c=load.temperature_max_c,
        is_private=load.visibility is Visibility.PRIVATE,
        longest_window=max(stop.window_until - stop.window_from for stop in load.stops),
        # Time makes this only shorter, so a load does not become odd by waiting.
        ahead=load.pickup_from - now,
        # Time makes this longer, and only an edit asks again.
        late=plausible.lateness(visits, now),
        longest_wait=plausible.longest_wait(visits),
    )
    return posted, tuple((stop.lat, stop.lon) for stop in load.stops)


def settle(
    load: Load,
    given: Mapping[str, Any],
    changed: Collection[str],
    before: tuple[Posted, Places] | None = None,
    *,
    now: datetime,
) -> None:
    """Compute the load's total, and decide whether its figures need a confirmation.

    The stops are set. Figures that were confirmed stay so until one of them changes:
    the same warning may be about other figures.

    given: the fields of the request that are set on the load; its `price_cents` is of
        one mile or of 100 pounds where the rate type says so.
    changed: the names of all fields that the request changes, `stops` among them.
    before: `claims_of` the load before the request; None for a new load.

    Raises: Invalid, with the likely slip, for impossible figures.
    """
    _settle_total(load, given, changed)
    claims = claims_of(load, now)
    found = findings(claims[0])
    for finding in found:
        if finding.is_impossible:
            raise Invalid(f"#/{finding.field}", finding.detail)
    warnings = [
        Warned(finding.code, f"#/{finding.field}", finding.detail).to_record()
        for finding in found
    ]
    if claims != before or warnings != load.warnings:
        load.warnings = warnings
        load.is_unconfirmed = bool(warnings)


def _settle_total(
    load: Load, given: Mapping[str, Any], changed: Collection[str]
) -> None:
    if load.rate_type not in BY_RATE:
        load.rate_cents = load.billed_miles = load.miles_source = None
        return
    if not OF_THE_TOTAL & set(changed):
        return
    if "price_cents" in given:
        load.rate_cents = given["price_cents"]
    if load.rate_cents is None:
        # Posted before rates were kept: its price is the total.
        return
    if load.rate_type is RateType.PER_CWT:
        load.billed_miles = load.miles_source = None
        if load.weight_kg is None:
            raise Invalid("#/weight_kg", "A price per 100 lb needs the weight.")
        units = load.weight_kg * POUNDS_PER_KG / POUNDS_PER_CWT
    else:
        if given.get("billed_miles") is not None:
            load.miles_source = POSTER
        elif "billed_miles" in given or "stops" in changed:
            load.miles_source = None
        if load.miles_source != POSTER:
            load.billed_miles = round(load.loaded_m / METRES_PER_MILE, 1)
            load.miles_source = load.distance_source
        assert load.billed_miles is not None
        units = load.billed_miles
    total = round(load.rate_cents * units)
    if total > LARGEST_CENTS:
        raise Invalid("#/price_cents", f"The total would be {total} cents.")
    load.price_cents = total
