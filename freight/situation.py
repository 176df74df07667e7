"""What a search starts from: the truck after its drop, and the rules.

All times are aware and kept in UTC, so that adding seconds is right also across a
change to or from summer time. Every class turns into a record of JSON values, and
back into an equal value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from freight.equipment import Equipment
from freight.preferences import Preference, RankBy
from freight.records import keep_in_utc, known_fields, record_of
from geo.distance import METRES_PER_MILE
from geo.points import Point

MAX_DEADHEAD_M = 250 * METRES_PER_MILE
"""How far a driver drives empty to a pickup, by road, if they named no limit.

Source: one day of a public load board (500 loads, 322 trucks): 25 % of the trucks find
a load within 50 miles, 41 % within 100, 49 % within 150, 58 % within 250. A better load
lay between the fifth one and 250 miles in 104 of 249 searches.
"""

HIGHWAY_MPS = 50 * METRES_PER_MILE / 3600
"""Speed on the highways, door to door. A network with speed limits gives 54 to 61 mph
at the limit, of which this is 82 to 93 %."""

ACCESS_MPS = 30 * METRES_PER_MILE / 3600
"""Speed off the highways, at both ends of a way."""

DWELL_S = 2 * 3600.0
"""Time at a stop: the two hours that are customarily free of detention pay.

ATRI found 39.3 % of stops to take longer (2023), so three in five stops keep it.
Planning two hours promises the driver less than planning one would, and is wrong less
often.
"""

BORDER_S = 2 * 3600.0
"""Time that a truck needs to cross a border. Our choice, on the safe side: most wait
less than an hour, and customs may look into any of them."""

MAX_DETOUR_M = 300 * METRES_PER_MILE
"""Longest detour. Source: the bound under which MAX_DEADHEAD_M was measured."""


OF_ONE_SPEED = "planning_speed_mps"
"""The speed of searches kept by earlier releases, which knew only one."""

Metres = TypeVar("Metres", float, NDArray[np.float64])


class InvalidSituation(ValueError):
    """A value with which no search can start."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A truck that has become empty at `drop` and wants to be at `home`.

    None means "not known" for a property of the truck, and "no limit" for a wish of the
    driver.

    free_at: when the driver can leave the drop; the driver is assumed to be rested.
    hour_cents: what an hour of truck and driver is worth.
    deck_length_m: room for freight, not the length of the vehicle.
    max_deadhead_m: None is that of the parameters.
    min_pay_cents_per_km: for every kilometre from the drop to the delivery.
    is_crew: two drivers share the truck.
    drop_country, home_country: ISO 3166-1; None asks nothing about borders.
    carrier_country, driver_country: whose domestic freight they may carry; None allows
        all.
    countries: where both the driver and the carrier may go; None is everywhere.
    zone: IANA, of the driver's days and nights.
    """

    drop: Point
    home: Point
    free_at: datetime
    currency: str
    cost_empty_cents_per_km: float
    cost_loaded_cents_per_km: float
    hour_cents: int = 0
    equipment: Equipment | None = None
    payload_kg: int | None = None
    deck_length_m: float | None = None
    is_hazmat_allowed: bool = False
    home_by_at: datetime | None = None
    max_deadhead_m: float | None = None
    min_pay_cents_per_km: float | None = None
    is_crew: bool = False
    drop_country: str | None = None
    home_country: str | None = None
    carrier_country: str | None = None
    driver_country: str | None = None
    countries: frozenset[str] | None = None
    rank_by: RankBy = RankBy.GAIN
    preferences: tuple[Preference, ...] = ()
    zone: str = "UTC"

    def __post_init__(self) -> None:
        keep_in_utc(self, "free_at", "home_by_at")

    @property
    def zone_offset_s(self) -> float:
        """Seconds that the driver's clock is ahead of UTC when they are free.

        A change of the clock on the way is left out: it moves a night by an hour.
        """
        offset = self.free_at.astimezone(ZoneInfo(self.zone)).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_record` undoes it."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the situation from a record that `to_record` made, in this release or
        an earlier one; other keys are left out."""
        home_by_at, equipment = record["home_by_at"], record["equipment"]
        countries = record.get("countries")
        return cls(
            **{
                **known_fields(cls, record),
                "drop": Point(**record["drop"]),
                "home": Point(**record["home"]),
                "free_at": datetime.fromisoformat(record["free_at"]),
                "home_by_at": home_by_at and datetime.fromisoformat(home_by_at),
                "equipment": equipment and Equipment(equipment),
                "countries": None if countries is None else frozenset(countries),
                "rank_by": RankBy(record.get("rank_by", RankBy.GAIN)),
                "preferences": tuple(
                    Preference.from_record(wish)
                    for wish in record.get("preferences", ())
                ),
            }
        )


@dataclass(frozen=True, slots=True)
class Parameters:
    """The rules of a search, kept with its result so that it can be explained later.

    fee_share: the share of the price that others keep, 0 to 1.
    dwell_s: at each stop, after any wait for it to open.
    border_s: for each border that is crossed.
    max_deadhead_m: of a driver who named no limit.

    Raises: InvalidSituation.
    """

    fee_share: float = 0.0
    highway_mps: float = HIGHWAY_MPS
    access_mps: float = ACCESS_MPS
    dwell_s: float = DWELL_S
    border_s: float = BORDER_S
    max_deadhead_m: float = MAX_DEADHEAD_M
    max_detour_m: float = MAX_DETOUR_M

    def __post_init__(self) -> None:
        if min(self.highway_mps, self.access_mps) <= 0:
            raise InvalidSituation("highway_mps and access_mps must be above 0.")
        if not 0 <= self.fee_share <= 1:
            raise InvalidSituation("fee_share must be from 0 to 1.")

    def seconds(self, metres: Metres, access_m: Metres) -> Metres:
        """Return how long a way takes to drive, without rests.

        access_m: the part of `metres` that is off the highways.
        """
        on_highways = (metres - access_m) / self.highway_mps
        return on_highways + access_m / self.access_mps

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_record` undoes it."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the parameters from a record that `to_record` made, in this release or
        an earlier one; other keys are left out."""
        fields = known_fields(cls, record)
        if OF_ONE_SPEED in record:
            speed = record[OF_ONE_SPEED]
            fields |= {"highway_mps": speed, "access_mps": speed}
        return cls(**fields)
