"""One load as a search sees it, with all its stops: the record of what was judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from freight.equipment import Equipment
from freight.records import keep_in_utc, known_fields, record_of
from freight.situation import InvalidSituation
from geo.points import Point


@dataclass(frozen=True, slots=True)
class CandidateStop:
    """One stop of a load, in the order of the route.

    window_until: the last moment to arrive; arriving at that moment is in time.
    opening: when the dock is open within the window, in seconds of Unix time: from,
        until, from, until and so on. Empty: all the time.
    leg_m, leg_access_m: from the stop before it by road, and the part of that off the
        highways; 0 for the first stop, infinity if no road leads here.
    country: ISO 3166-1; state: of that country; None if not known.
    """

    point: Point
    is_pickup: bool
    window_from: datetime
    window_until: datetime
    opening: tuple[int, ...] = ()
    leg_m: float = 0.0
    leg_access_m: float = 0.0
    country: str | None = None
    state: str | None = None
    is_urban: bool = False

    def __post_init__(self) -> None:
        keep_in_utc(self, "window_from", "window_until")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the stop from a record that `record_of` made."""
        return cls(
            **{
                **known_fields(cls, record),
                "point": Point(**record["point"]),
                "window_from": datetime.fromisoformat(record["window_from"]),
                "window_until": datetime.fromisoformat(record["window_until"]),
                "opening": tuple(record["opening"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A posted load as the search sees it: its ends, its freight, and all its stops.

    loaded_m, loaded_access_m: by road from the first pickup through all stops to the
        last delivery, and the part of that off the highways.
    equipment: the types that the load accepts; empty if not stated.
    weight_kg, length_m, temperature_*_c: None if not stated.
    *_until: the last moment to arrive; arriving at that moment is in time.
    takes_reefers: a refrigerated trailer may carry it where a dry one is asked for.
    stops: all of them. A record of an earlier release has none; `route` then has the
        two ends.
    cancelled, booked: of the poster's loads.
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
    loaded_access_m: float = 0.0
    takes_reefers: bool = True
    stops: tuple[CandidateStop, ...] = ()
    cancelled: int = 0
    booked: int = 0

    def __post_init__(self) -> None:
        if self.stop_count < 2:
            raise InvalidSituation("A load has at least a pickup and a delivery.")
        keep_in_utc(
            self, "pickup_from", "pickup_until", "delivery_from", "delivery_until"
        )

    @property
    def route(self) -> tuple[CandidateStop, ...]:
        """All stops in order."""
        if self.stops:
            return self.stops
        return (
            CandidateStop(self.pickup, True, self.pickup_from, self.pickup_until),
            CandidateStop(
                *(self.delivery, False, self.delivery_from, self.delivery_until),
                leg_m=self.loaded_m,
                leg_access_m=self.loaded_access_m,
            ),
        )

    def to_record(self) -> dict[str, Any]:
        """Return the fields as JSON values; `from_record` undoes it."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the candidate from a record that `to_record` made, in this release or
        an earlier one; other keys are left out."""
        return cls(
            **{
                **known_fields(cls, record),
                "load_id": UUID(record["load_id"]),
                "pickup": Point(**record["pickup"]),
                "delivery": Point(**record["delivery"]),
                "equipment": frozenset(map(Equipment, record["equipment"])),
                "pickup_from": datetime.fromisoformat(record["pickup_from"]),
                "pickup_until": datetime.fromisoformat(record["pickup_until"]),
                "delivery_from": datetime.fromisoformat(record["delivery_from"]),
                "delivery_until": datetime.fromisoformat(record["delivery_until"]),
                "stops": tuple(map(CandidateStop.from_record, record.get("stops", ()))),
            }
        )
