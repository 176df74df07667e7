"""The columns of the market in memory: how the database sends each, and its type here.

A column more is a line more in `COLUMNS`, `STOPS` or `SPANS`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from freight.columns import COUNTRIES, E7, T0_S
from freight.equipment import Equipment
from geo.roads import Places, Roads

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Columns = Mapping[str, Array]

UNKNOWN_EQUIPMENT = 30
"""The bit of types that this release does not know. Without it, a load that accepts
nothing else would count as one that accepts anything."""


@dataclass(frozen=True)
class Column:
    """One column.

    sql: never null, as every record has the same width. A number, a boolean or a uuid;
        bytes for the types S and V: `of_width` gives them their width.
    dtype: a number out of its range becomes the nearest one that it holds.
    """

    name: str
    sql: LiteralString
    dtype: str

    @property
    def type(self) -> np.dtype[Any]:
        return np.dtype(self.dtype)

    @property
    def sent(self) -> str:
        """The expression in the type in which it is sent."""
        return f"({self.sql})::{self.sent_as[0]}"

    @property
    def sent_as(self) -> tuple[str, str]:
        """The PostgreSQL type, and how its binary form reads."""
        if self.type.kind in "SV":
            return "bytea", self.dtype
        if self.type.kind == "b":
            return "boolean", "?"
        if self.dtype == "i8":
            return "bigint", ">i8"
        # As float8 any smaller number passes: a cast to a smaller type would refuse
        # what does not fit, and with one value the whole market.
        return "float8", ">f8"

    def read(self, sent: Array) -> Array:
        """Return the values that were sent in the column's type."""
        if self.type.kind in "iu" and sent.dtype.kind == "f":
            range_ = np.iinfo(self.type)
            return np.clip(sent, range_.min, range_.max).astype(self.type)
        with np.errstate(over="ignore", under="ignore"):
            return sent.astype(self.type)


@dataclass(frozen=True)
class Layout:
    """All columns: of the loads, of the stops of walked loads, of their opening spans.

    is_walked: the condition that two ends do not describe a load; its stops are kept.
    is_snapped: the condition that both ends have their places on the roads in use.
    spans: of one stop: (from, until, from, until ...) as bigint[].
    """

    loads: Sequence[Column]
    stops: Sequence[Column]
    is_walked: LiteralString
    spans: LiteralString
    is_snapped: str = "false"


def of_width(width: int, sql: LiteralString) -> LiteralString:
    """Return the text as bytes of this width, filled up with zeros."""
    zeros = "00" * width
    text = f"convert_to(coalesce({sql}, ''), 'UTF8')"
    return f"substr({text} || '\\x{zeros}'::bytea, 1, {width})"


def known(sql: LiteralString) -> LiteralString:
    """Return the number, NaN where it is not known."""
    return f"coalesce(({sql})::float8, 'NaN')"


def opens(sql: LiteralString) -> LiteralString:
    """Return the first moment of a window as whole seconds after T0_S."""
    return f"floor(date_part('epoch', {sql})) - {T0_S}"


def closes(sql: LiteralString) -> LiteralString:
    """Return the last moment of a window as whole seconds after T0_S, rounded up."""
    return f"ceil(date_part('epoch', {sql})) - {T0_S}"


def _country_bit(country: LiteralString) -> LiteralString:
    cases: LiteralString = " ".join(
        f"when '{name}' then {1 << place}" for place, name in enumerate(COUNTRIES)
    )
    return f"(case {country} {cases} else 8 * ({country} is not null)::int end)"


def _countries() -> LiteralString:
    """Return the bits of the countries of all stops."""
    ends = f"{_country_bit('first.country')} | {_country_bit('last.country')}"
    every = f"select bit_or({_country_bit('country')}) from {OF_LOAD}"
    return f"coalesce(case when stop_count > 2 then ({every}) else {ends} end, 0)"


def _is_urban() -> LiteralString:
    """Return whether one of the stops is urban."""
    every = f"select bool_or(is_urban) from {OF_LOAD}"
    ends = "first.is_urban or last.is_urban"
    return f"coalesce(case when stop_count > 2 then ({every}) else {ends} end, false)"


OF_LOAD: LiteralString = "stops where load_id = loads.id"


def _end(end: LiteralString, stop: LiteralString) -> Iterator[Column]:
    """Yield the columns of one end of the load, and of the stop there."""
    yield Column(f"{end}_lat_e7", f"round({end}_lat * {E7})", "i4")
    yield Column(f"{end}_lon_e7", f"round({end}_lon * {E7})", "i4")
    yield Column(f"{end}_country", of_width(2, f"{stop}.country"), "S2")
    yield Column(f"{end}_state", of_width(3, f"{stop}.state"), "S3")
    yield Column(
        f"{end}_place",
        f"coalesce({stop}.road_place, '\\x{'00' * Places.WIDTH}'::bytea)",
        f"V{Places.WIDTH}",
    )


ENDS: LiteralString = """loads
    left join stops first on first.load_id = loads.id and first.sequence = 0
    left join stops last on last.load_id = loads.id
        and last.sequence = loads.stop_count - 1"""
"""Loads with the stops at their two ends."""


def _bits() -> LiteralString:
    names = ", ".join(f"'{kind}'" for kind in Equipment)
    place = (
        f"coalesce(array_position(array[{names}], e::text) - 1, {UNKNOWN_EQUIPMENT})"
    )
    return f"(select coalesce(bit_or(1 << {place}), 0) from unnest(equipment) e)"


COLUMNS = (
    # When time alone takes the load off the market.
    Column(
        "listed_until",
        "case when lease_expires_at is null then 0"
        " else date_part('epoch', least(pickup_until, lease_expires_at)) end",
        "f8",
    ),
    Column("is_network", "visibility = 'network'", "?"),
    Column("price_cents", "price_cents", "i4"),
    Column("currency", of_width(3, "currency"), "S3"),
    Column("equipment", _bits(), "u4"),
    Column("weight_kg", known("weight_kg"), "f4"),
    Column("length_m", known("length_m"), "f4"),
    Column("has_hazmat", "has_hazmat", "?"),
    Column("coldest_c", known("temperature_min_c"), "f4"),
    Column("warmest_c", known("temperature_max_c"), "f4"),
    Column("takes_reefers", "takes_reefers is not false", "?"),
    Column(
        "loaded_m",
        "case distance_source when 'no_road' then 'Infinity' else round(loaded_m) end",
        "f4",
    ),
    Column("loaded_access_m", "round(loaded_access_m)", "f4"),
    Column("home_market", of_width(2, "domestic_country"), "S2"),
    Column("countries", _countries(), "u1"),
    Column("is_urban", _is_urban(), "?"),
    *_end("pickup", "first"),
    *_end("delivery", "last"),
    # The pickup as a unit vector: a product with another one is the cosine of the
    # angle between them.
    Column("pickup_x", "cos(radians(pickup_lat)) * cos(radians(pickup_lon))", "f4"),
    Column("pickup_y", "cos(radians(pickup_lat)) * sin(radians(pickup_lon))", "f4"),
    Column("pickup_z", "sin(radians(pickup_lat))", "f4"),
    Column("pickup_from", opens("pickup_from"), "i4"),
    Column("pickup_until", closes("pickup_until"), "i4"),
    Column("delivery_from", opens("delivery_from"), "i4"),
    Column("delivery_until", closes("delivery_until"), "i4"),
)

LEG_M: LiteralString = """case
    when stops.sequence = 0 then 0
    when stops.road_version is null then round(loads.loaded_m / (loads.stop_count - 1))
    else coalesce(round(stops.leg_m), 'Infinity') end"""
"""As `candidates` says of one load: legs that were never measured are equal parts."""

STOPS = (
    Column("lat", "stops.lat", "f8"),
    Column("lon", "stops.lon", "f8"),
    Column("is_pickup", "stops.kind = 'pickup'", "?"),
    Column("window_from", opens("stops.window_from"), "i4"),
    Column("window_until", closes("stops.window_until"), "i4"),
    Column("leg_m", LEG_M, "f4"),
    Column("leg_access_m", "coalesce(round(stops.leg_access_m), 0)", "f4"),
    Column("country", of_width(2, "stops.country"), "S2"),
    Column("state", of_width(3, "stops.state"), "S3"),
)

WALKED: LiteralString = """(loads.stop_count > 2 or exists (
    select from stops o where o.load_id = loads.id and o.opening_spans is not null))"""


def layout_for(roads: Roads) -> Layout:
    """Return the columns that a search over these roads reads."""
    versions = f"'{roads.version}' = all (array[first.road_version, last.road_version])"
    return Layout(
        COLUMNS,
        STOPS,
        is_walked=WALKED,
        spans="coalesce(stops.opening_spans, '{}'::bigint[])",
        is_snapped=f"coalesce({versions}, false)",
    )


class WrongWidth(Exception):
    """The database sent a column that is null or of another width."""


def selected(columns: Sequence[Column]) -> str:
    """Return the columns as the list of a SELECT."""
    return ", ".join(column.sent for column in columns)


def record_of(columns: Sequence[Column]) -> np.dtype[Any]:
    """Return the type of one record of COPY in binary form."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for number, column in enumerate(columns):
        fields += [(f"width {number}", ">i4"), (column.name, column.sent_as[1])]
    return np.dtype(fields)


BYTES_AT_A_TIME = 2_000_000
HEADER_BYTES, TRAILER_BYTES = 19, 2


def copied(
    connection: Connection[Any], columns: Sequence[Column], query: str
) -> Iterator[Array]:
    """Yield the query's rows as arrays of records, some megabytes at a time.

    query: selects `selected(columns)`.

    Raises: WrongWidth, psycopg.Error.
    """
    record = record_of(columns)
    full = max(BYTES_AT_A_TIME // record.itemsize, 1) * record.itemsize
    held = bytearray()
    skipped = HEADER_BYTES
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy ({query}) to stdout (format binary)".encode()) as copy,
    ):
        for block in copy:
            held += block
            if len(held) >= full + skipped + TRAILER_BYTES:
                yield _checked(held, skipped, full // record.itemsize, columns)
                held = held[skipped + full :]
                skipped = 0
    rest, cut = divmod(len(held) - skipped - TRAILER_BYTES, record.itemsize)
    if cut:
        # Find the column, also in the only record.
        _checked(held + bytes(record.itemsize), skipped, rest + 1, columns)
        raise WrongWidth("A record is shorter or longer than its columns.")
    yield _checked(held, skipped, rest, columns)


def _checked(
    held: bytearray, offset: int, number: int, columns: Sequence[Column]
) -> Array:
    # A copy, as the buffer goes on growing.
    raw = bytes(memoryview(held)[offset:])
    record = record_of(columns)
    records = np.frombuffer(raw, record, count=number)
    for place, column in enumerate(columns):
        width = record[column.name].itemsize
        if (records[f"width {place}"] != width).any():
            raise WrongWidth(f"{column.name} is null or not {width} bytes wide.")
    return records


def read(columns: Sequence[Column], records: Array) -> dict[str, Array]:
    """Return the columns of these records."""
    return {column.name: column.read(records[column.name]) for column in columns}
