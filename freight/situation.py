"""What a search starts from: the truck after its drop, the rules, and one load.

All times are aware and kept in UTC, so that adding seconds is right also across a
change to or from summer time. Every class turns into a record of JSON values, and
back into an equal value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from freight.equipment import Equipment
from freight.records import record_of
from geo.distance import METRES_PER_MILE
from geo.points import Point

RADII_M = tuple(miles * METRES_PER_MILE for miles in (50, 100, 150, 250))
"""Circles around the drop, widened until enough loads are found.

Source: one day of a public load board (500 loads, 322 trucks): 25 % of the trucks
find a load within 50 miles, 41 % within 100, 49 % within 150, 58 % within 250.
"""

PLANNING_SPEED_MPS = 55 * METRES_PER_MILE / 3600
"""Speed for estimates: 55 mph, the average over a leg of a truck limited to about 65.

Our choice. The 40 mph implied by ATRI's costs per mile and per hour counts time at
docks too, which is planned separately (DWELL_S).
"""

DWELL_S = 2 * 3600.0
"""Time at a stop: the two hours that are customarily free of detention pay.

ATRI found 39.3 % of stops to take longer (2023), so three in five stops keep it.
Planning two hours promises the driver less than planning one would, and is wrong less
often.
"""

MAX_DETOUR_M = 300 * METRES_PER_MILE
"""Longest detour. Source: the bound under which RADII_M were measured."""


class InvalidSituation(ValueError):
    """A value with which no search can start."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A truck that has become empty at `drop` and wants to be at `home`.

    None means "not known" for a property of the truck, and "no limit" for a wish of the
    driver.

    free_at: when the driver can leave the drop; the driver is assumed to be rested.
    deck_length_m: room for freight, not the length of the vehicle.
    min_pay_cents_per_km: for every kilometre from the drop to the delivery.
    """

    drop: Point
    home: Point
    free_at: datetime
    currency: str
    cost_empty_cents_per_km: float
    cost_loaded_cents_per_km: float
    equipment: Equipment | None = None
    payload_kg: int | None = None
    deck_length_m: float | None = None
    is_hazmat_allowed: bool = False
    home_by_at: datetime | None = None
    max_deadhead_m: float | None = None
    min_pay_cents_per_km: float | None = None

    def __post_init__(self) -> None:
        _keep_in_utc(self, "free_at", "home_by_at")

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_record` undoes it."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the situation from a record that `to_record` made."""
        home_by_at, equipment = record["home_by_at"], record["equipment"]
        return cls(
            **{
                **record,
                "drop": Point(**record["drop"]),
                "home": Point(**record["home"]),
                "free_at": datetime.fromisoformat(record["free_at"]),
                "home_by_at": home_by_at and datetime.fromisoformat(home_by_at),
                "equipment": equipment and Equipment(equipment),
            }
        )


@dataclass(frozen=True, slots=True)
class Parameters:
    """The rules of a search, kept with its result so that it can be explained later.

    enough: stop widening the circle once this many loads are worth taking.
    fee_share: the share of the price that others keep, 0 to 1.
    duty_hour_cents: for each hour the load adds to the way home. 0 by default: the
        cost per kilometre already contains the driver's wage.
    dwell_s: at each stop, after any wait for it to open.

    Raises: InvalidSituation.
    """

    radii_m: tuple[float, ...] = RADII_M
    enough: int = 5
    fee_share: float = 0.0
    duty_hour_cents: int = 0
    planning_speed_mps: float = PLANNING_SPEED_MPS
    dwell_s: float = DWELL_S
    max_detour_m: float = MAX_DETOUR_M

    def __post_init__(self) -> None:
        if not self.radii_m or list(self.radii_m) != sorted(set(self.radii_m)):
            raise InvalidSituation("radii_m must grow from one to the next.")
        if self.planning_speed_mps <= 0:
            raise InvalidSituation("planning_speed_mps must be above 0.")
        if not 0 <= self.fee_share <= 1:
            raise InvalidSituation("fee_share must be from 0 to 1.")

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_record` undoes it."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the parameters from a record that `to_record` made."""
        return cls(**{**record, "radii_m": tuple(record["radii_m"])})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A posted load as the search sees it: first pickup, last delivery, freight.

    loaded_m: by road from the first pickup through all stops to the last delivery.
    equipment: the types that the load accepts; empty if not stated.
    weight_kg, length_m, temperature_*_c: None if not stated.
    *_until: the last moment to arrive; arriving at that moment is in time.
    """

    load_id: UUID
    pickup: Point
    delivery: Point
    loaded_m: float
    price_cents: int
    currency: str
    equipment: frozenset[Equipment]
    pickup_from: datetime
    pickup_until: datetime
    delivery_from: datetime
    delivery_until: datetime
    weight_kg: int | None = None
    length_m: float | None = None
    has_hazmat: bool = False
    stop_count: int = 2
    temperature_min_c: float | None = None
    temperature_max_c: float | None = None

    def __post_init__(self) -> None:
        if self.stop_count < 2:
            raise InvalidSituation("A load has at least a pickup and a delivery.")
        _keep_in_utc(
            self, "pickup_from", "pickup_until", "delivery_from", "delivery_until"
        )

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_record` undoes it."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the candidate from a record that `to_record` made."""
        return cls(
            **{
                **record,
                "load_id": UUID(record["load_id"]),
                "pickup": Point(**record["pickup"]),
                "delivery": Point(**record["delivery"]),
                "equipment": frozenset(map(Equipment, record["equipment"])),
                "pickup_from": datetime.fromisoformat(record["pickup_from"]),
                "pickup_until": datetime.fromisoformat(record["pickup_until"]),
                "delivery_from": datetime.fromisoformat(record["delivery_from"]),
                "delivery_until": datetime.fromisoformat(record["delivery_until"]),
            }
        )


def _keep_in_utc(value: object, *names: str) -> None:
    for name in names:
        at: datetime | None = getattr(value, name)
        if at is None or at.tzinfo is UTC:
            continue
        if at.tzinfo is None:
            raise InvalidSituation(f"{name} must have a time zone.")
        object.__setattr__(value, name, at.astimezone(UTC))
