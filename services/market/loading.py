"""Reads loads and their stops from one snapshot of the database into rows."""

# scope: the server reads the loads of all companies.

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import numpy as np
from psycopg import Connection

from freight.columns import NO_EXTRA, T0_S
from services.market.columns import (
    ENDS,
    Array,
    Column,
    Layout,
    Mask,
    copied,
    read,
    selected,
)
from services.market.rows import Index, Rows, halves

IS_LISTED: LiteralString = "(loads.status = 'posted' and not loads.is_unconfirmed)"
"""On the market, but for what time, visibility and suspensions say later."""

KEY = Column("key", "uuid_send(loads.id)", "V16")
COMPANY = Column("org_id", "uuid_send(loads.org_id)", "V16")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some loads that were read. keys: their ids as 16 bytes.

    columns: those of the layout, and `extra`.
    is_snapped: whether the places of both ends are of the roads that were asked for.
    """

    keys: Array
    companies: list[bytes]
    is_listed: Mask
    columns: dict[str, Array]
    is_snapped: Mask

    def those(self, picked: Mask) -> "Batch":
        """Return those of the loads that `picked` selects."""
        if picked.all():
            return self
        return Batch(
            self.keys[picked],
            [org for org, is_in in zip(self.companies, picked, strict=True) if is_in],
            self.is_listed[picked],
            {name: column[picked] for name, column in self.columns.items()},
            self.is_snapped[picked],
        )


class Reader:
    """Reads the loads for which a condition is true, and the stops of walked ones.

    The stops are read first: a load's row says where its stops are.
    """

    def __init__(
        self, connection: Connection[Any], layout: Layout, rows: Rows, condition: str
    ) -> None:
        self._connection, self._layout, self._rows = connection, layout, rows
        self._condition = condition
        self._groups = Index(np.zeros(0, "u8"), np.zeros(0, "u8"))
        self._first_group = 0

    def loads(self) -> Iterator[Batch]:
        """Yield the loads, some at a time."""
        flags = (
            Column("is_listed", IS_LISTED, "?"),
            Column("is_walked", self._layout.is_walked, "?"),
            Column("is_snapped", self._layout.is_snapped, "?"),
        )
        columns = (KEY, COMPANY, *flags, *self._layout.loads)
        query = f"select {selected(columns)} from {ENDS} where {self._condition}"
        for records in copied(self._connection, columns, query):
            keys = np.ascontiguousarray(records["key"])
            found = read(self._layout.loads, records)
            found["extra"] = np.full(len(records), NO_EXTRA, "i4")
            walked = np.flatnonzero(records["is_walked"] & records["is_listed"])
            which, groups = self._groups.find(keys[walked])
            found["extra"][walked[which]] = groups + self._first_group
            companies = records["org_id"].tolist()
            is_listed, is_snapped = (
                records[name].copy() for name in ("is_listed", "is_snapped")
            )
            yield Batch(keys, companies, is_listed, found, is_snapped)

    def read_stops(self) -> None:
        """Add the stops of the walked loads, with their spans, to the rows."""
        self._first_group = self._rows.stops.groups
        spans = self._layout.spans
        columns = (
            KEY,
            Column("spans", f"cardinality({spans}) / 2", "i4"),
            *self._layout.stops,
        )
        order = "order by stops.load_id, stops.sequence"
        query = f"select {selected(columns)} {self._of_stops()} {order}"
        held: Array | None = None
        keys, spans_of = [np.zeros(0, KEY.type)], [np.zeros(0, "i4")]

        def add(records: Array) -> None:
            spans_of.append(records["spans"].astype("i4"))
            keys.append(self._add_stops(records))

        for sent in copied(self._connection, columns, query):
            records = sent if held is None else np.concatenate((held, sent))
            # The last load may go on in what comes next.
            whole = _starts(records["key"])[-1] if len(records) else 0
            add(records[:whole])
            held = records[whole:]
        if held is not None:
            add(held)
        self._groups = Index(*halves(np.concatenate(keys)))
        self._add_spans(np.concatenate(spans_of), order)

    def _add_stops(self, records: Array) -> Array:
        """Add the stops of whole loads; return the keys of these."""
        starts = _starts(records["key"])
        counts = np.diff(starts, append=len(records))
        self._rows.stops.append(counts, read(self._layout.stops, records))
        return np.ascontiguousarray(records["key"][starts])

    def _add_spans(self, counts: Array, order: str) -> None:
        ends = [np.zeros(0, "f8")]
        if counts.any():
            spans, at = self._layout.spans, Column("at", "span.at", "f8")
            every = f", unnest({spans}) with ordinality span(at, n)"
            # One that has no end would shift all that follow.
            have_ends = f"n <= cardinality({spans}) / 2 * 2"
            query = (
                f"select {at.sent} {self._of_stops(every)} and {have_ends} {order}, n"
            )
            for records in copied(self._connection, [at], query):
                ends.append(records["at"].astype("f8"))
        both = np.clip(np.concatenate(ends) - T0_S, 0, np.iinfo("i4").max).astype("i4")
        self._rows.spans.append(counts, {"from": both[::2], "until": both[1::2]})

    def _of_stops(self, more: str = "") -> str:
        walked = f"{IS_LISTED} and {self._layout.is_walked}"
        return (
            "from loads join stops on stops.load_id = loads.id"
            f"{more} where {walked} and {self._condition}"
        )


def _starts(keys: Array) -> Array:
    """Return where each run of equal keys begins."""
    if not len(keys):
        return np.zeros(0, "i8")
    high, low = halves(keys)
    is_new = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return np.concatenate(([0], np.flatnonzero(is_new) + 1))
