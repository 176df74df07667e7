"""The words of a search: its stages, its reasons, and the figures it compared."""

from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from freight.figures import Figures
from freight.records import record_of


class Stage(StrEnum):
    """The questions, in the order in which they are asked."""

    CURRENCY = "currency"
    EQUIPMENT = "equipment"
    WEIGHT = "weight"
    LENGTH = "length"
    HAZMAT = "hazmat"
    TEMPERATURE = "temperature"
    COUNTRY = "country"
    AREA = "area"
    ROAD = "road"
    DEADHEAD = "deadhead"
    DETOUR = "detour"
    PICKUP_WINDOW = "pickup_window"
    DELIVERY_WINDOW = "delivery_window"
    HOME_BY = "home_by"
    PAY = "pay"
    WISHES = "wishes"
    GAIN = "gain"


class Reason(StrEnum):
    """Why a load was excluded. Those of the area are of `geo.areas.AreaReason`, those
    of the wishes are hard ones of the driver (`preferences.PreferenceKind`)."""

    CURRENCY_DIFFERS = "currency_differs"
    EQUIPMENT_MISMATCH = "equipment_mismatch"
    EQUIPMENT_UNKNOWN = "equipment_unknown"
    TOO_HEAVY = "too_heavy"
    ABOVE_LEGAL_WEIGHT = "above_legal_weight"
    TOO_LONG = "too_long"
    HAZMAT_NOT_ALLOWED = "hazmat_not_allowed"
    TEMPERATURE_NOT_HELD = "temperature_not_held"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    CABOTAGE = "cabotage"
    OUTSIDE_CIRCLE = "outside_circle"
    OUTSIDE_CORRIDOR = "outside_corridor"
    OUTSIDE_OPERATING_AREA = "outside_operating_area"
    IN_NO_GO_AREA = "in_no_go_area"
    NO_ROAD = "no_road"
    BEYOND_MAX_DEADHEAD = "beyond_max_deadhead"
    DETOUR_TOO_LONG = "detour_too_long"
    PICKUP_CLOSED_BEFORE_ARRIVAL = "pickup_closed_before_arrival"
    DELIVERY_CLOSED_BEFORE_ARRIVAL = "delivery_closed_before_arrival"
    HOME_TOO_LATE = "home_too_late"
    BELOW_MIN_PAY = "below_min_pay"
    OFF_LANE = "off_lane"
    ON_A_WEEKEND = "on_a_weekend"
    AT_NIGHT = "at_night"
    IN_A_CITY = "in_a_city"
    IN_DISLIKED_STATE = "in_disliked_state"
    NO_GAIN = "no_gain"


class Figure(NamedTuple):
    """What the load has and what was allowed, for the explanation.

    unit: "m", "kg", "cents", "cents_per_km", "utc" (ISO 8601), "currency",
        "load_status", "wish", "country" or "equipment" (several joined by "|"); None
        where a side is not known.
    """

    value: float | str | None
    limit: float | str | None
    unit: str


class Refusal(NamedTuple):
    """Why a rule refuses a load. `figure` is None where no figure was compared.

    stop: the number of the stop that it is about, counted from 1; None: of none.
    """

    stage: Stage
    reason: Reason
    figure: Figure | None
    stop: int | None = None


class Excluded(NamedTuple):
    """A load the truck cannot or should not take, with the first rule that refused it.

    figures: what the load would mean all the same; None if no road leads there.
    """

    load_id: UUID
    stage: Stage
    reason: Reason
    figure: Figure | None
    stop: int | None = None
    figures: Figures | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return record_of(self)
