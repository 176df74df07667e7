"""The market in memory: every posted load as a row of columns, as fresh as its search.

Row security ends where rows become columns: `Listed.visible` must be the first mask of
every search.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import cos, pi, radians, sin
from threading import Lock
from time import monotonic, perf_counter
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import Connection

from freight.columns import Loads, Stops, degrees_of
from geo.distance import EARTH_RADIUS_M, distances_m
from geo.fences import CircleFence
from geo.points import Point
from geo.roads import Places, Roads
from runtime.db import one_snapshot
from runtime.memory import give_back
from runtime.telemetry import MARKET_RELOADS, MARKET_SECONDS, Reading, log
from services.market import changes
from services.market.changes import News, Place
from services.market.columns import Array, Layout, Mask, layout_for
from services.market.loading import IS_LISTED, Batch, Reader
from services.market.rows import Rows

LOADED_WITHIN_S = 600
"""The longest that reading the whole market may take."""

BOOKINGS_EVERY_S = 600.0
"""So often the posters' bookings are counted: 300,000 assignments take 0.2 s."""

APPLIED_UP_TO = 100_000
"""Of more changes each would cost more time and memory than a load of all that is read:
1,000,000 left 180 MB behind."""

ALL_ROWS = slice(None)

AXES = ("lat", "lon")

AT_A_TIME = 65_536

ROUNDED = 3e-7
"""The most that rounding to 32 bits adds to the cosine of an angle."""


class OfCompany:
    """A column of the loads that is kept for each company."""

    def __init__(self, values: Array, company: Array) -> None:
        self._values, self._company = values, company

    def __getitem__(self, rows: Any) -> Array:  # noqa: ANN401 - as of an array
        found: Array = self._values[self._company[rows]]
        return found


@dataclass(frozen=True, eq=False)
class Listed:
    """The market as one snapshot of the database saw it. It never changes.

    Not all rows are there: `visible` says which.

    loads: the columns of `freight.columns.Loads`, with `company` (the company's number)
        and those that only the market asks.
    stops: of walked loads.
    """

    loads: Mapping[str, Any]
    stops: Stops
    _is_there: Mask
    _numbers: Mapping[bytes, int]
    _is_suspended: Mask

    def __len__(self) -> int:
        """How many loads there are."""
        return int(np.count_nonzero(self._is_there))

    def visible(self, org_id: UUID, now: datetime, rows: Any = ALL_ROWS) -> Mask:  # noqa: ANN401 - an index
        """Return which of the rows are on the market for the company at that moment.

        Equals `services.loads.market.ON_THE_MARKET`.
        """
        loads = self.loads
        seen: Mask = loads["listed_until"][rows] > now.timestamp()
        seen &= self._is_there[rows]
        company = loads["company"][rows]
        own = self._numbers.get(org_id.bytes, -1)
        seen &= loads["is_network"][rows] | (company == own)
        if self._is_suspended.any():
            seen &= ~self._is_suspended[company]
        return seen

    def near(self, circle: CircleFence, org_id: UUID, now: datetime) -> Loads:
        """Return the loads on the market for the company whose pickups are in the
        circle."""
        centre, loads = circle.center, self.loads
        rows, is_near_edge = self._around(circle)
        is_visible = self.visible(org_id, now, rows)
        rows, near_edge = rows[is_visible], np.flatnonzero(is_near_edge[is_visible])
        # The product is too inexact near the edge: there the places decide.
        edge = rows[near_edge]
        lat, lon = (degrees_of(loads[f"pickup_{axis}_e7"][edge]) for axis in AXES)
        outside = distances_m(centre, lat, lon) > circle.radius_m
        return self.those(np.delete(rows, near_edge[outside]))

    def _around(self, circle: CircleFence) -> tuple[Array, Mask]:
        """Return the rows in the circle or near its edge, and which are near its edge.

        Some rows at a time: what is computed on the way stays in the processor's cache.
        """
        north, east = radians(circle.center.lat), radians(circle.center.lon)
        towards = cos(north) * cos(east), cos(north) * sin(east), sin(north)
        least = cos(min(circle.radius_m / EARTH_RADIUS_M, pi))
        rows, cosines = [], []
        for first in range(0, len(self._is_there), AT_A_TIME):
            some = slice(first, first + AT_A_TIME)
            cosine = np.zeros(len(self._is_there[some]), "f4")
            for axis, part in zip("xyz", towards, strict=True):
                cosine += self.loads[f"pickup_{axis}"][some] * np.float32(part)
            found = np.flatnonzero(cosine >= np.float32(least - ROUNDED))
            rows.append(found + first)
            cosines.append(cosine[found])
        none = np.zeros(0, "i8"), np.zeros(0, "f4")
        cosine = np.concatenate((none[1], *cosines))
        return np.concatenate((none[0], *rows)), cosine <= np.float32(least + ROUNDED)

    def those(self, rows: Array) -> Loads:
        """Return the loads in these rows, in that order."""
        return Loads(self.loads, self.stops, rows)


class Market:
    """The posted loads of all companies, kept by one process for all its searches.

    Each search borrows it (`lend`), and keeps nothing of it afterwards.
    """

    def __init__(self, roads: Roads, layout: Layout | None = None) -> None:
        self._roads = roads
        self._layout = layout or layout_for(roads)
        self._turn = Lock()
        self._begun = self._done = 0
        self._listed: Listed | None = None
        self._place: Place | None = None
        self._why = "start"
        self._rows = Rows(self._layout)
        self._numbers: dict[bytes, int] = {}
        self._bookings: list[tuple[UUID, int, int]] = []
        self._bookings_at = self._refreshed_at = -float("inf")

    def refresh(self) -> Listed:
        """Return the market as it is now: with all that was committed before the call.

        One thread reads, and the others wait for a reading that began after they asked.

        Raises: DBAPIError, WrongWidth.
        """
        with self.lend() as listed:
            return listed

    @contextmanager
    def lend(self) -> Iterator[Listed]:
        """Lend the market, refreshed, to one search at a time.

        So that the columns are held once: a search that began before a reload would
        keep the old ones, and several at once need several times the memory that one
        needs for its own. On few cores they would not be done sooner.

        Raises: DBAPIError, WrongWidth.
        """
        wanted = self._begun + 1
        with self._turn:
            # While this thread waited, another may have begun and ended.
            if self._done < wanted:
                self._begun += 1
                self._listed = self._read_again()
                self._done = self._begun
            assert self._listed is not None
            yield self._listed

    def readings(self) -> list[Reading]:
        """Return the gauges of this market; the age counts since the last refresh."""
        listed, at = self._listed, self._refreshed_at
        rows = len(listed) if listed is not None else 0
        age = monotonic() - at if listed is not None else float("inf")
        return [
            Reading("backhaul_market_rows", "Loads in memory.", {"": rows}),
            Reading("backhaul_market_age_seconds", "Since a refresh.", {"": age}),
            Reading(
                "backhaul_market_bytes", "Of their columns.", {"": self._rows.nbytes}
            ),
        ]

    def _read_again(self) -> Listed:
        started, at = perf_counter(), monotonic()
        with one_snapshot() as connection:
            before = self._place
            news = changes.news(connection, before)
            why = self._why_to_reload(news)
            if at - self._bookings_at > BOOKINGS_EVERY_S:
                self._bookings = changes.bookings(connection)
                self._bookings_at = at
            if why or before is None or news.changed or news.deleted:
                # If it fails half-way, the next one reads all.
                self._place, self._why = None, "unfinished"
                if why or before is None:
                    self._load(connection)
                else:
                    self._apply(connection, before, news)
        self._place = None if news.is_own else news.place
        self._why = "own transaction"
        self._refreshed_at = at
        listed = self._as_listed(news)
        took_s = perf_counter() - started
        MARKET_SECONDS.labels("reload" if why else "refresh").observe(took_s)
        if why:
            MARKET_RELOADS.labels(why).inc()
            rows = len(listed)
            log().info("market.loaded", why=why, rows=rows, seconds=round(took_s, 3))
        return listed

    def _why_to_reload(self, news: News) -> str:
        if self._place is None:
            return self._why
        if reason := self._place.reason_to_reload(news.place):
            return reason
        return "many" if news.changed > APPLIED_UP_TO else ""

    def _load(self, connection: Connection[Any]) -> None:
        # Let go of the old columns before the new ones are made.
        self._listed = None
        self._rows = Rows(self._layout)
        connection.execute(
            f"set local statement_timeout = '{LOADED_WITHIN_S}s'".encode()
        )
        self._fill(connection)
        give_back()
        self._rows.rebuild()
        give_back()

    def _fill(self, connection: Connection[Any]) -> None:
        reader = Reader(connection, self._layout, self._rows, IS_LISTED)
        reader.read_stops()
        for loads in reader.loads():
            self._rows.fill(loads.keys, self._columns_of(loads))

    def _apply(self, connection: Connection[Any], before: Place, news: News) -> None:
        if self._rows.needs_rebuild(news.changed):
            self._listed = None
            self._rows.rebuild(news.changed)
        gone = b"".join(load_id.bytes for load_id in news.deleted)
        self._rows.remove(np.frombuffer(gone, "V16"))
        changed = before.unseen("loads.changed_xid")
        reader = Reader(connection, self._layout, self._rows, changed)
        reader.read_stops()
        for loads in reader.loads():
            self._rows.remove(loads.keys[~loads.is_listed])
            here = loads.those(loads.is_listed)
            self._rows.add(here.keys, self._columns_of(here))

    def _columns_of(self, loads: Batch) -> dict[str, Array]:
        numbers = self._numbers
        company = [numbers.setdefault(org, len(numbers)) for org in loads.companies]
        columns = {**loads.columns, "company": np.array(company, "i4")}
        if not loads.is_snapped.all():
            anew = np.flatnonzero(~loads.is_snapped)
            for end in ("pickup", "delivery"):
                columns[f"{end}_place"][anew] = self._snapped(columns, end, anew)
        return columns

    def _snapped(self, columns: Mapping[str, Array], end: str, rows: Array) -> Array:
        ends = (degrees_of(columns[f"{end}_{axis}_e7"][rows]).tolist() for axis in AXES)
        points = [Point(lat, lon) for lat, lon in zip(*ends, strict=True)]
        found = self._roads.places(points).to_bytes()
        return np.frombuffer(b"".join(found), f"V{Places.WIDTH}")

    def _as_listed(self, news: News) -> Listed:
        rows, numbers = self._rows, self._numbers
        loads = rows.loads.columns()
        is_suspended = np.zeros(len(numbers), "?")
        for org_id in news.suspended:
            if (number := numbers.get(org_id.bytes)) is not None:
                is_suspended[number] = True
        booked, cancelled = np.zeros((2, len(numbers)), "i4")
        for org_id, *counts in self._bookings:
            if (number := numbers.get(org_id.bytes)) is not None:
                booked[number], cancelled[number] = counts
        stops, spans = rows.stops.columns(), rows.spans.columns()
        of_company = {
            "booked": OfCompany(booked, loads["company"]),
            "cancelled": OfCompany(cancelled, loads["company"]),
        }
        walked = Stops(
            **stops,
            spans_first=spans["first"],
            span_from=spans["from"],
            span_until=spans["until"],
        )
        return Listed(
            {**loads, **of_company}, walked, rows.is_there, numbers, is_suspended
        )
