"""Whether a truck can take a load, asked stage by stage, cheap questions first."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from freight.economics import Figures
from freight.equipment import Match, holds_temperature, legal_payload_kg, match
from freight.records import record_of
from freight.situation import Candidate, Parameters, Situation


class Stage(StrEnum):
    """The questions, in the order in which they are asked."""

    AREA = "area"
    CURRENCY = "currency"
    EQUIPMENT = "equipment"
    WEIGHT = "weight"
    LENGTH = "length"
    HAZMAT = "hazmat"
    TEMPERATURE = "temperature"
    DEADHEAD = "deadhead"
    DETOUR = "detour"
    PICKUP_WINDOW = "pickup_window"
    DELIVERY_WINDOW = "delivery_window"
    HOME_BY = "home_by"
    PAY = "pay"
    GAIN = "gain"


class Reason(StrEnum):
    """Why a load was excluded. The first four are those of `geo.areas.AreaReason`."""

    OUTSIDE_CIRCLE = "outside_circle"
    OUTSIDE_CORRIDOR = "outside_corridor"
    OUTSIDE_OPERATING_AREA = "outside_operating_area"
    IN_NO_GO_AREA = "in_no_go_area"
    CURRENCY_DIFFERS = "currency_differs"
    EQUIPMENT_MISMATCH = "equipment_mismatch"
    EQUIPMENT_UNKNOWN = "equipment_unknown"
    TOO_HEAVY = "too_heavy"
    ABOVE_LEGAL_WEIGHT = "above_legal_weight"
    TOO_LONG = "too_long"
    HAZMAT_NOT_ALLOWED = "hazmat_not_allowed"
    TEMPERATURE_NOT_HELD = "temperature_not_held"
    BEYOND_MAX_DEADHEAD = "beyond_max_deadhead"
    DETOUR_TOO_LONG = "detour_too_long"
    PICKUP_CLOSED_BEFORE_ARRIVAL = "pickup_closed_before_arrival"
    DELIVERY_CLOSED_BEFORE_ARRIVAL = "delivery_closed_before_arrival"
    HOME_TOO_LATE = "home_too_late"
    BELOW_MIN_PAY = "below_min_pay"
    NO_GAIN = "no_gain"


class Figure(NamedTuple):
    """What the load has and what was allowed, for the explanation.

    unit: "m", "kg", "cents", "cents_per_km", "utc" (ISO 8601), "currency",
        "load_status" or "equipment" (types joined by "|"); None where a side is not
        known.
    """

    value: float | str | None
    limit: float | str | None
    unit: str


class Refusal(NamedTuple):
    """Why one stage refuses a load. `figure` is None where no figure was compared."""

    reason: Reason
    figure: Figure | None


class Excluded(NamedTuple):
    """A load the truck cannot or should not take, with the first stage that refused."""

    load_id: UUID
    stage: Stage
    reason: Reason
    figure: Figure | None

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return record_of(self)


def equipment(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse a type that does not match; an unknown type has a reason of its own."""
    outcome = match(candidate.equipment, situation.equipment)
    if outcome is Match.MATCH:
        return None
    figure = Figure(
        "|".join(sorted(candidate.equipment)) or None,
        situation.equipment and situation.equipment.value,
        "equipment",
    )
    if outcome is Match.UNKNOWN:
        return Refusal(Reason.EQUIPMENT_UNKNOWN, figure)
    return Refusal(Reason.EQUIPMENT_MISMATCH, figure)


def currency(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse a price that cannot be compared with the truck's costs."""
    if candidate.currency == situation.currency:
        return None
    figure = Figure(candidate.currency, situation.currency, "currency")
    return Refusal(Reason.CURRENCY_DIFFERS, figure)


def weight(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse a load above the truck's payload or above the legal weight."""
    return payload(candidate, situation) or gross_weight(candidate, situation)


def gross_weight(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse a load with which truck, trailer and freight are above the legal limit."""
    limit = legal_payload_kg(situation.payload_kg)
    if candidate.weight_kg is None or candidate.weight_kg <= limit:
        return None
    return Refusal(Reason.ABOVE_LEGAL_WEIGHT, Figure(candidate.weight_kg, limit, "kg"))


def payload(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse a load whose weight is above the truck's payload, if both are known.

    An unknown payload refuses nothing: nearly every posted load is within what any
    tractor with trailer may carry, and a gap in a truck's papers must not hide all
    freight from its driver. `unchecked` then names this stage.
    """
    limit = situation.payload_kg
    if limit is None or candidate.weight_kg is None or candidate.weight_kg <= limit:
        return None
    return Refusal(Reason.TOO_HEAVY, Figure(candidate.weight_kg, limit, "kg"))


def length(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse a load longer than the truck's deck, if both are known; see `payload`."""
    limit = situation.deck_length_m
    if limit is None or candidate.length_m is None or candidate.length_m <= limit:
        return None
    return Refusal(Reason.TOO_LONG, Figure(candidate.length_m, limit, "m"))


def hazmat(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse dangerous goods unless driver and truck may carry them."""
    if not candidate.has_hazmat or situation.is_hazmat_allowed:
        return None
    return Refusal(Reason.HAZMAT_NOT_ALLOWED, None)


def temperature(candidate: Candidate, situation: Situation) -> Refusal | None:
    """Refuse a temperature range that the truck has no unit to hold."""
    lowest_c, highest_c = candidate.temperature_min_c, candidate.temperature_max_c
    if holds_temperature(situation.equipment, lowest_c, highest_c):
        return None
    return Refusal(Reason.TEMPERATURE_NOT_HELD, None)


def deadhead(figures: Figures, situation: Situation) -> Refusal | None:
    """Refuse a pickup farther away than the driver is willing to drive empty."""
    limit = situation.max_deadhead_m
    if limit is None or figures.deadhead_m <= limit:
        return None
    return Refusal(Reason.BEYOND_MAX_DEADHEAD, Figure(figures.deadhead_m, limit, "m"))


def detour(figures: Figures, parameters: Parameters) -> Refusal | None:
    """Refuse a detour longer than the search allows."""
    limit = parameters.max_detour_m
    if figures.detour_m <= limit:
        return None
    return Refusal(Reason.DETOUR_TOO_LONG, Figure(figures.detour_m, limit, "m"))


def in_time(eta: datetime, until: datetime | None, late: Reason) -> Refusal | None:
    """Refuse an arrival later than `until`, with the reason `late`."""
    if until is None or eta <= until:
        return None
    return Refusal(late, Figure(eta.isoformat(), until.isoformat(), "utc"))


def pay(figures: Figures, situation: Situation) -> Refusal | None:
    """Refuse less pay per kilometre, deadhead included, than the driver asks for."""
    paid, limit = figures.pay_cents_per_km, situation.min_pay_cents_per_km
    if paid is None or limit is None or paid >= limit:
        return None
    return Refusal(Reason.BELOW_MIN_PAY, Figure(paid, limit, "cents_per_km"))


def gain(score_cents: int) -> Refusal | None:
    """Refuse a load that earns no more than driving home empty."""
    if score_cents > 0:
        return None
    return Refusal(Reason.NO_GAIN, Figure(score_cents, 0, "cents"))


TRUCK_CHECKS: tuple[
    tuple[Stage, Callable[[Candidate, Situation], Refusal | None]], ...
] = (
    (Stage.CURRENCY, currency),
    (Stage.EQUIPMENT, equipment),
    (Stage.WEIGHT, weight),
    (Stage.LENGTH, length),
    (Stage.HAZMAT, hazmat),
    (Stage.TEMPERATURE, temperature),
)
"""The checks that need no distance, in the order of Stage."""


def unchecked(candidate: Candidate, situation: Situation) -> tuple[Stage, ...]:
    """Return the stages passed only because the truck's own figure is missing."""
    stages: tuple[Stage, ...] = ()
    if situation.payload_kg is None and candidate.weight_kg is not None:
        stages = (Stage.WEIGHT,)
    if situation.deck_length_m is None and candidate.length_m is not None:
        stages = (*stages, Stage.LENGTH)
    return stages
