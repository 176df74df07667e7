"""Loads as columns: what the rules read, one row for each load.

The market keeps all posted loads like this; one load to be judged is a table of one
row. Both have the same columns of the same types, so that a load judged alone and a
load judged among a million come out equal, bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from typing import Any, Protocol, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from freight.borders import domestic_country
from freight.candidates import Candidate, CandidateStop
from freight.equipment import Equipment
from geo.roads import Places, Roads

Array = NDArray[Any]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

T0_S = 1_577_836_800
"""2020-01-01 in Unix time. Times are whole seconds after it: int32 reaches to 2088."""

E7 = 10_000_000

NO_EXTRA = -1


class Gathers(Protocol):
    """What has the values of a column for row numbers: an array, or one by company."""

    def __getitem__(self, rows: Array, /) -> Array: ...


class Column:
    """One column of `Loads`: its type, and how to read it. Reading gathers the rows."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, loads: "Loads", owner: type | None = None) -> Array:
        return loads.gathered(self.name)


@dataclass(frozen=True)
class Stops:
    """All stops of the loads that two ends do not describe: loads with more than two
    stops, and loads with opening hours. One row for each stop.

    first: for the load with `extra` e, its stops are rows first[e] to first[e + 1].
    leg_m: from the stop before; infinity where no road leads.
    spans_first: of stop s, the spans are rows spans_first[s] to spans_first[s + 1] of
        `span_from` and `span_until`, in order; no span: open all the time.
    """

    first: Array
    lat: Array
    lon: Array
    is_pickup: Array
    window_from: Array
    window_until: Array
    leg_m: Array
    leg_access_m: Array
    country: Array
    state: Array
    spans_first: Array
    span_from: Array
    span_until: Array

    @classmethod
    def of(cls, routes: Sequence[Sequence[CandidateStop]]) -> Self:
        """Return the stops of these routes, in their order."""
        flat = [stop for route in routes for stop in route]
        counts = [len(route) for route in routes]
        spans = [len(stop.opening) // 2 for stop in flat]
        times = [_in_column(at - T0_S) for stop in flat for at in stop.opening]
        return cls(
            first=np.concatenate(([0], np.cumsum(counts))).astype("i4"),
            lat=np.array([stop.point.lat for stop in flat], "f8"),
            lon=np.array([stop.point.lon for stop in flat], "f8"),
            is_pickup=np.array([stop.is_pickup for stop in flat], "?"),
            window_from=np.array([opens(stop.window_from) for stop in flat], "i4"),
            window_until=np.array([closes(stop.window_until) for stop in flat], "i4"),
            leg_m=np.array([round_m(stop.leg_m) for stop in flat], "f4"),
            leg_access_m=np.array([round_m(stop.leg_access_m) for stop in flat], "f4"),
            country=np.array([stop.country or "" for stop in flat], "S2"),
            state=np.array([_code(stop.state) for stop in flat], "S3"),
            spans_first=np.concatenate(([0], np.cumsum(spans))).astype("i4"),
            span_from=np.array(times[::2], "i4"),
            span_until=np.array(times[1::2], "i4"),
        )


def degrees_of(e7: Array) -> Numbers:
    """Return the degrees of a column of ten-millionths."""
    return np.asarray(e7 / E7)


def ranges(first: Array, end: Array) -> tuple[Array, Array]:
    """Return the numbers from each first to its end, and which pair each is of."""
    counts = end - first
    of = np.arange(len(first)).repeat(counts)
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + (first - before)[of], of


class Loads:
    """Loads as columns of one length. `take` makes the table of some of the rows.

    id_high, id_low: the two halves of the load's id; together they order as the id.
    *_lat_e7, *_lon_e7: degrees times ten million: right to a centimetre in 32 bits.
    *_place: as `geo.roads.Places` packs it.
    price_cents: whole. equipment: a set of bits, see `bit_of`; 0 if not stated.
    weight_kg, length_m, coldest_c, warmest_c: NaN if not stated.
    loaded_m, loaded_access_m: whole metres; infinity where no road joins the stops.
    pickup_from ... delivery_until: seconds after T0_S; the first moment is rounded
        down, the last one up.
    home_market: the country if all stops are in one, else "". *_country, *_state: codes
        of the ends, "" if not known.
    countries: a set of bits of the countries of all stops, see `COUNTRIES`.
    is_urban: a stop is in or near a large city.
    cancelled, booked: of the poster's loads.
    extra: NO_EXTRA if the ends say all, else the load's number in `stops`.
    """

    id_high = Column("u8")
    id_low = Column("u8")
    pickup_lat_e7 = Column("i4")
    pickup_lon_e7 = Column("i4")
    pickup_place = Column(f"V{Places.WIDTH}")
    delivery_lat_e7 = Column("i4")
    delivery_lon_e7 = Column("i4")
    delivery_place = Column(f"V{Places.WIDTH}")
    price_cents = Column("i4")
    currency = Column("S3")
    equipment = Column("u4")
    weight_kg = Column("f4")
    length_m = Column("f4")
    has_hazmat = Column("?")
    coldest_c = Column("f4")
    warmest_c = Column("f4")
    takes_reefers = Column("?")
    loaded_m = Column("f4")
    loaded_access_m = Column("f4")
    pickup_from = Column("i4")
    pickup_until = Column("i4")
    delivery_from = Column("i4")
    delivery_until = Column("i4")
    home_market = Column("S2")
    countries = Column("u1")
    pickup_country = Column("S2")
    delivery_country = Column("S2")
    pickup_state = Column("S3")
    delivery_state = Column("S3")
    is_urban = Column("?")
    cancelled = Column("i4")
    booked = Column("i4")
    extra = Column("i4")

    def __init__(
        self, columns: Mapping[str, Gathers], stops: Stops, rows: Array
    ) -> None:
        self._columns = columns
        self.stops = stops
        self.rows = rows
        self._gathered: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def pickup(self) -> Places:
        """Where the first pickup is."""
        return self._place("pickup")

    @property
    def delivery(self) -> Places:
        """Where the last delivery is."""
        return self._place("delivery")

    def gathered(self, name: str) -> Array:
        """Return the column for these rows; gathered once."""
        if name not in self._gathered:
            self._gathered[name] = self._columns[name][self.rows]
        found: Array = self._gathered[name]
        return found

    def take(self, picked: Array) -> "Loads":
        """Return the loads that `picked` selects: a mask, or places in this table."""
        return Loads(self._columns, self.stops, self.rows[picked])

    @property
    def ids(self) -> list[UUID]:
        """The ids of the loads, in the order of the table."""
        halves = zip(self.id_high.tolist(), self.id_low.tolist(), strict=True)
        return [UUID(int=high << 64 | low) for high, low in halves]

    def has_extra(self) -> Array:
        """Return the places of the loads whose stops have to be walked one by one."""
        return np.flatnonzero(self.extra != NO_EXTRA)

    def any_stop(self, column: Array, value: Any) -> Mask:  # noqa: ANN401 - a cell
        """Say which of the loads with `extra` have a stop where the column, one of
        `stops`, has the value; False for all others."""
        found = np.zeros(len(self), "?")
        walked = self.has_extra()
        numbers = self.extra[walked]
        first, end = self.stops.first[numbers], self.stops.first[numbers + 1]
        stops, of = ranges(first, end)
        found[walked[of[column[stops] == value]]] = True
        return found

    def _place(self, name: str) -> Places:
        if name not in self._gathered:
            lat, lon = (self.gathered(f"{name}_{axis}_e7") for axis in ("lat", "lon"))
            place = np.ascontiguousarray(self.gathered(f"{name}_place"))
            self._gathered[name] = Places.of_bytes(
                place.view("u1"), degrees_of(lat), degrees_of(lon)
            )
        found: Places = self._gathered[name]
        return found

    @classmethod
    def of(cls, candidates: Sequence[Candidate], roads: Roads) -> "Loads":
        """Return a table of these loads, one row each in their order."""
        walked = [c.route for c in candidates if is_walked(c.route)]
        numbers = iter(range(len(walked)))
        rows = [
            _row(c, next(numbers) if is_walked(c.route) else NO_EXTRA)
            for c in candidates
        ]
        for end, points in (
            ("pickup", [c.pickup for c in candidates]),
            ("delivery", [c.delivery for c in candidates]),
        ):
            places = roads.places(points).to_bytes()
            for row, point, place in zip(rows, points, places, strict=True):
                row[f"{end}_lat_e7"] = round(point.lat * E7)
                row[f"{end}_lon_e7"] = round(point.lon * E7)
                row[f"{end}_place"] = place
        columns = {
            name: np.array([row[name] for row in rows], dtype)
            for name, dtype in column_types().items()
        }
        return cls(columns, Stops.of(walked), np.arange(len(rows)))


def column_types() -> dict[str, np.dtype[Any]]:
    """Return the name and the type of every column of `Loads`."""
    return {
        name: column.dtype
        for name, column in vars(Loads).items()
        if isinstance(column, Column)
    }


COUNTRIES = ("US", "CA", "MX")
"""Whose bits in `Loads.countries` are 1, 2 and 4; any other country is 8."""


def country_bit(country: str | None) -> int:
    """Return the country's bit in `Loads.countries`; 0 if it is not known."""
    if country is None:
        return 0
    return 1 << (COUNTRIES.index(country) if country in COUNTRIES else len(COUNTRIES))


def countries_of(bits: int) -> set[str]:
    """Return which of COUNTRIES are in a cell of `Loads.countries`."""
    return {country for country in COUNTRIES if country_bit(country) & bits}


def bit_of(equipment: Equipment) -> int:
    """Return the bit of a type in `Loads.equipment`."""
    return 1 << _BITS[equipment]


_BITS = {kind: place for place, kind in enumerate(Equipment)}


def opens(at: datetime) -> int:
    """Return the first moment of a window as seconds after T0_S."""
    return _in_column(floor(at.timestamp()) - T0_S)


def closes(at: datetime) -> int:
    """Return the last moment of a window as seconds after T0_S.

    Rounded up: an arrival in the window's last second is in time.
    """
    return _in_column(ceil(at.timestamp()) - T0_S)


def _in_column(seconds: int) -> int:
    """Return what int32 can keep: one load of the year 2100 must not stop a search."""
    return min(max(seconds, -(2**31)), 2**31 - 1)


def seconds_of(at: datetime) -> float:
    """Return the time as seconds after T0_S."""
    return at.timestamp() - T0_S


def round_m(metres: float) -> float:
    """Return whole metres, which float32 keeps exactly up to 16,000 km."""
    return metres if metres == float("inf") else float(round(metres))


def _code(state: str | None) -> str:
    """Return a state's code; "" if it is not known, or a name in place of a code."""
    return state if state and state.isascii() and len(state) <= 3 else ""


def is_walked(route: Sequence[CandidateStop]) -> bool:
    """Say whether the two ends do not describe the load."""
    return len(route) > 2 or any(stop.opening for stop in route)


def _row(c: Candidate, extra: int) -> dict[str, Any]:
    nan, route = float("nan"), c.route
    countries = [stop.country for stop in route]
    return {
        "id_high": c.load_id.int >> 64,
        "id_low": c.load_id.int & (2**64 - 1),
        "price_cents": c.price_cents,
        "currency": c.currency,
        "equipment": sum(map(bit_of, c.equipment)),
        "weight_kg": nan if c.weight_kg is None else c.weight_kg,
        "length_m": nan if c.length_m is None else c.length_m,
        "has_hazmat": c.has_hazmat,
        "coldest_c": nan if c.temperature_min_c is None else c.temperature_min_c,
        "warmest_c": nan if c.temperature_max_c is None else c.temperature_max_c,
        "takes_reefers": c.takes_reefers,
        "loaded_m": round_m(c.loaded_m),
        "loaded_access_m": round_m(c.loaded_access_m),
        "pickup_from": opens(c.pickup_from),
        "pickup_until": closes(c.pickup_until),
        "delivery_from": opens(c.delivery_from),
        "delivery_until": closes(c.delivery_until),
        "home_market": domestic_country(countries) or "",
        "countries": np.bitwise_or.reduce([country_bit(each) for each in countries]),
        "pickup_country": route[0].country or "",
        "delivery_country": route[-1].country or "",
        "pickup_state": _code(route[0].state),
        "delivery_state": _code(route[-1].state),
        "is_urban": any(stop.is_urban for stop in route),
        "cancelled": c.cancelled,
        "booked": c.booked,
        "extra": extra,
    }
