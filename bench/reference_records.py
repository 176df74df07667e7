"""What one search is given, for the reference: truck, driver, companies and loads.

Nothing is imported from the server, so that an error there is not repeated here. Places
are (lat, lon) in degrees, times are aware, other units are in the names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

METRES_PER_MILE = 1609.344
HOUR_S = 3600.0
MPH = METRES_PER_MILE / HOUR_S

Place = tuple[float, float]
Way = tuple[float, float]
"""Metres by road, infinite if there is none; and how many of them are off highways."""

WayOf = Callable[[Place, Place], Way]
Ring = tuple[Place, ...]
"""The corners of a polygon, in order; the first need not be repeated at the end."""


@dataclass(frozen=True)
class Opening:
    """Weekly hours of a dock, in the stop's zone.

    days: "mon" to "sun". opens, closes: "08:00"; a dock that closes no later than
    it opens closes on the next day. "24:00" is the end of the day.
    """

    days: tuple[str, ...]
    opens: str
    closes: str


@dataclass(frozen=True)
class Stop:
    """One stop of a load. `openings` None: open in the whole window.

    country, state: None if not known.
    """

    kind: str
    place: Place
    window_from: datetime
    window_until: datetime
    zone: str = "America/Chicago"
    openings: tuple[Opening, ...] | None = None
    country: str | None = None
    state: str | None = None
    is_urban: bool = False


@dataclass(frozen=True)
class Poster:
    """How many loads of a company were booked, and how many of these it cancelled."""

    booked: int = 0
    cancelled: int = 0


@dataclass(frozen=True)
class Load:
    """A posted load with all its stops, in order. None: not stated.

    takes_reefers: whether a reefer may take it as dry freight.
    """

    id: str
    stops: tuple[Stop, ...]
    price_cents: int
    currency: str = "USD"
    equipment: frozenset[str] = frozenset({"van"})
    takes_reefers: bool | None = None
    weight_kg: float | None = None
    length_m: float | None = None
    has_hazmat: bool = False
    temperature_min_c: float | None = None
    temperature_max_c: float | None = None
    is_price_confirmed: bool = False
    poster: Poster = Poster()


@dataclass(frozen=True)
class Truck:
    """The truck with its trailer. None: not known, or the organisation's."""

    equipment: str | None = "van"
    payload_kg: float | None = None
    deck_length_m: float | None = None
    is_hazmat_allowed: bool = False
    cost_empty_cents_per_km: float | None = None
    cost_loaded_cents_per_km: float | None = None
    hour_cents: int | None = None


@dataclass(frozen=True)
class Preference:
    """A wish of the driver: lane, no_weekends, no_nights, no_cities or no_state.

    A hard one refuses. `cents`: what a soft one is worth, added for a lane, taken off
    for the others.
    """

    kind: str
    is_hard: bool = False
    cents: int = 0
    state: str | None = None
    from_state: str | None = None
    to_state: str | None = None


@dataclass(frozen=True)
class WeeklyHome:
    """When the driver is home every week; weekday "mon" to "sun", at "18:00"."""

    weekday: str
    at: str
    zone: str


@dataclass(frozen=True)
class Driver:
    """The driver, or a crew of two on one truck. None: no limit, or the default.

    countries: where they may drive; None is their own. country: None is the
    organisation's. min_pay_cents_per_km: for all kilometres until the delivery. zone:
    of their home, whose clock tells nights and weekends.
    """

    home: Place
    countries: frozenset[str] | None = None
    country: str | None = None
    is_crew: bool = False
    home_by: datetime | None = None
    home_every: WeeklyHome | None = None
    max_deadhead_m: float | None = None
    min_pay_cents_per_km: float | None = None
    zone: str = "America/Chicago"
    rank_by: str = "gain"
    preferences: tuple[Preference, ...] = ()


@dataclass(frozen=True)
class Organisation:
    """The carrier, with its costs (None: the default) and its drawn areas.

    countries: where it may go; None is its own.
    """

    country: str = "US"
    countries: frozenset[str] | None = None
    currency: str = "USD"
    cost_cents_per_km: float | None = None
    hour_cents: int | None = None
    operating: tuple[Ring, ...] = ()
    no_go: tuple[Ring, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The rules of a search that are settings."""

    max_deadhead_m: float = 250 * METRES_PER_MILE
    max_detour_m: float = 300 * METRES_PER_MILE
    cost_cents_per_km: float = 156 / (METRES_PER_MILE / 1000)
    hour_cents: int = 1_400
    fee_share: float = 0.0
    road_mps: float = 50 * MPH
    access_mps: float = 30 * MPH
    dwell_s: float = 2 * HOUR_S
    border_s: float = 2 * HOUR_S
    kept: int = 50


@dataclass(frozen=True)
class Situation:
    """A truck that can leave `place` at `free_at`; its driver has rested.

    country: of the place, None if not known. home_country: of the home, None if not
    known.
    """

    place: Place
    free_at: datetime
    driver: Driver
    truck: Truck = Truck()
    organisation: Organisation = Organisation()
    country: str | None = None
    home_country: str | None = None
    settings: Settings = Settings()
