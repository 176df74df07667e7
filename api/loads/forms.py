"""The two forms of a load: in full for its poster and its carrier, else for the market.

`market_form` alone decides what the market sees, wherever a load is shown.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from api.kernel.auth import actor
from models.loads.loads import Load


class Form(StrEnum):
    """FULL: everything, for the poster, and for the carrier from acceptance on.

    MARKET: towns, windows and freight; positions are rounded to 0.01 degree.
    """

    FULL = "full"
    MARKET = "market"


IF_FULL = "if the load is shown in full: to its poster, and to the carrier that has it"

DECIMALS = 2
"""Of degrees: 0.01 degree is about 1.1 km, a town and not a dock."""

POSITIONS = frozenset(
    {
        *("lat", "lon", "pickup_lat", "pickup_lon"),
        *("delivery_lat", "delivery_lon"),
    }
)
TOWN = frozenset({"city", "state", "country"})
"""The parts of an address that the market sees."""

HIDDEN = frozenset(
    {
        *("load_number", "references", "consignee", "bill_to", "cancel_reason"),
        *("interrupted_at", "interruption_reason", "warnings"),
        *("interrupted_lat", "interrupted_lon"),
        # Of a candidate; a term of the score says what they come to.
        *("cancelled", "booked"),
    }
)
"""The fields of a load that only its poster and its carrier see."""

HIDDEN_AT_STOPS = frozenset(
    {
        *("facility", "contact", "instructions", "status"),
        *("arrived_at", "completed_at", "departed_at", "confirmed_at"),
        *("confirmed_by", "confirmed_pieces", "confirmed_weight_kg"),
        *("seal_number", "bol_number"),
    }
)
"""The same of a stop: who is there, and how far the load's truck is."""


def form_of(load: Load | Mapping[str, Any]) -> Form:
    """Return the form in which the actor sees the load, or what was kept of one.

    A load that was read without asking whether the actor carries it is shown in the
    market's form, unless the actor's company posted it.
    """
    if not isinstance(load, Load):
        return Form.MARKET
    is_full = load.org_id == actor().org_id or bool(load.is_carried)
    return Form.FULL if is_full else Form.MARKET


def market_form(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the market sees of a load, or of a candidate that a search kept."""
    return {
        name: _coarse(name, value)
        for name, value in shown.items()
        if name not in HIDDEN
    }


TIMES = frozenset(
    {
        *("pickup_from", "pickup_until", "delivery_from", "delivery_until"),
        *("posted_at", "lease_expires_at", "created_at", "updated_at"),
        *("window_from", "window_until"),
    }
)


LATER_OF_LOADS = {"takes_reefers": None, "crossings": 0, "domestic_country": None}
LATER_OF_STOPS = dict.fromkeys(("opening_hours", "country", "state"))
"""Fields that loads and stops of before revision 0023 were kept without."""


def as_kept(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the load, or a stop of it, that an assignment kept when it was cut short:
    its fields, with their times."""
    missing = LATER_OF_LOADS if "stops" in kept else LATER_OF_STOPS
    return {**missing, **{name: _timed(name, value) for name, value in kept.items()}}


def _timed(name: str, value: Any) -> Any:  # noqa: ANN401 - any field of a load
    if name == "stops":
        return [as_kept(stop) for stop in value]
    is_time = name in TIMES and value is not None
    return datetime.fromisoformat(value) if is_time else value


def _coarse(name: str, value: Any) -> Any:  # noqa: ANN401 - any field of a load
    if name in POSITIONS:
        return round(value, DECIMALS)
    if name in {"pickup", "delivery", "point"}:
        return market_form(value)
    if name == "stops":
        return [_market_stop(stop) for stop in value]
    if name == "address":
        return {part: value[part] for part in value if part in TOWN}
    return value


def _market_stop(stop: Mapping[str, Any]) -> dict[str, Any]:
    seen = {name: stop[name] for name in stop if name not in HIDDEN_AT_STOPS}
    return market_form(seen)
