"""Growing columns, and the rows of the market: written once, never changed in place."""

import secrets
from collections.abc import Mapping, Sequence
from mmap import mmap
from typing import Any

import numpy as np

from freight.columns import E7, NO_EXTRA, ranges
from services.market.columns import Array, Layout, Mask

LARGE_BYTES = 1_000_000

LEAST_SPARE = 4_096
"""Rows of room after a rebuild, at least."""

SPARE_SHARE = 8
"""And at least one for each so many rows: so often the columns are written anew."""


class Table:
    """Columns of one length that grow at their end.

    What was taken from it stays as it is: rows are added behind, and columns that are
    written anew are other arrays.
    """

    def __init__(self, types: Mapping[str, np.dtype[Any]]) -> None:
        self.rows = 0
        self._held = {name: np.empty(0, type_) for name, type_ in types.items()}

    def __getitem__(self, name: str) -> Array:
        return self._held[name][: self.rows]

    @property
    def room(self) -> int:
        """How many rows fit before the columns must be written anew."""
        return min(map(len, self._held.values())) - self.rows

    @property
    def nbytes(self) -> int:
        return sum(self[name].nbytes for name in self._held)

    def columns(self) -> dict[str, Array]:
        """Return the columns as they are now, not to be written."""
        found = {name: self[name] for name in self._held}
        for column in found.values():
            column.flags.writeable = False
        return found

    def append(self, added: Mapping[str, Array], rows: int) -> None:
        """Add the rows; no column may be missing."""
        if self.room < rows:
            self._rewrite(None, self.rows + rows + max(rows, self.rows // 4))
        until = self.rows + rows
        for name, held in self._held.items():
            held[self.rows : until] = added[name]
        self.rows = until

    def keep(self, picked: Array, spare: int) -> None:
        """Keep these rows in this order, with room for `spare` more.

        One column after the other, so that only one exists twice.
        """
        self._rewrite(picked, len(picked) + spare)

    def _rewrite(self, picked: Array | None, capacity: int) -> None:
        rows = self.rows if picked is None else len(picked)
        for name, held in self._held.items():
            made = _empty(capacity, held.dtype)
            if picked is None:
                made[:rows] = held[:rows]
            else:
                # All are there. By default numpy would check that in a copy.
                np.take(held, picked, out=made[:rows], mode="clip")
            self._held[name] = made
        self.rows = rows


class Lists:
    """Rows of a table in groups: group g is rows first[g] to first[g + 1]."""

    def __init__(self, types: Mapping[str, np.dtype[Any]]) -> None:
        self.table = Table(types)
        self._first = Table({"first": np.dtype("i4")})
        self._first.append({"first": np.zeros(1, "i4")}, 1)

    @property
    def first(self) -> Array:
        return self._first["first"]

    @property
    def groups(self) -> int:
        return len(self.first) - 1

    @property
    def nbytes(self) -> int:
        return self.table.nbytes + self._first.nbytes

    def append(self, counts: Array, added: Mapping[str, Array]) -> None:
        """Add groups of so many rows each."""
        ends = self.first[-1] + np.cumsum(counts, dtype="i4")
        self.table.append(added, int(counts.sum()))
        self._first.append({"first": ends}, len(counts))

    def keep(self, groups: Array) -> Array:
        """Keep these groups in this order; return the rows that were kept."""
        starts, ends = self.first[groups], self.first[groups + 1]
        picked, _ = ranges(starts, ends)
        self.table.keep(picked, len(picked) // SPARE_SHARE)
        self._first = Table({"first": np.dtype("i4")})
        first = np.concatenate(([0], np.cumsum(ends - starts))).astype("i4")
        self._first.append({"first": first}, len(first))
        return picked

    def columns(self) -> dict[str, Array]:
        """Return the columns as they are now, with `first`."""
        return {"first": self._first.columns()["first"], **self.table.columns()}


def _empty(rows: int, type_: np.dtype[Any]) -> Array:
    """Return a new array, of pages of its own where it is large.

    The system gets them back at once, and none is taken before it is written. Freed
    columns of the allocator's heap stayed: 80 MB after a market of 1,000,000 loads.
    """
    wanted = rows * type_.itemsize
    if wanted < LARGE_BYTES:
        return np.empty(rows, type_)
    return np.frombuffer(mmap(-1, wanted), type_, rows)


MIX = tuple(np.uint64(secrets.randbits(64) | 1) for _ in range(2))
"""Drawn by each process, so that no poster, who may choose the ids of loads, can make
many whose mixes are equal."""


class Index:
    """Where each id is in two columns of halves, by a mix of both."""

    def __init__(self, high: Array, low: Array) -> None:
        self._high, self._low = high, low
        mixed = _mixed(high, low)
        self._order = np.argsort(mixed).astype("i4")
        self._sorted = mixed[self._order]

    @property
    def nbytes(self) -> int:
        return int(self._order.nbytes + self._sorted.nbytes)

    def find(self, keys: Array) -> tuple[Array, Array]:
        """Return which of the keys were found, and the row of each of these."""
        high, low = halves(keys)
        asked = np.arange(len(keys))
        mixed = _mixed(high, low)
        at = np.searchsorted(self._sorted, mixed)
        which, where = [asked[:0]], [asked[:0]]
        # More than one round only where mixes are equal by chance.
        while len(asked):
            is_in = at < len(self._order)
            asked, at = asked[is_in], at[is_in]
            is_near = self._sorted[at] == mixed[asked]
            asked, at = asked[is_near], at[is_near]
            rows, at = self._order[at], at + 1
            is_found = (self._high[rows] == high[asked]) & (
                self._low[rows] == low[asked]
            )
            which.append(asked[is_found])
            where.append(rows[is_found])
            asked, at = asked[~is_found], at[~is_found]
        return np.concatenate(which), np.concatenate(where)


class Rows:
    """The loads of the market, their stops and spans, and where each load is.

    A changed load gets another row, and its old one is no longer there (`is_there`).
    When the room is used up, or too many rows are dead, the columns are written anew,
    ordered by where the pickups are: a search reads loads that are near each other.
    """

    def __init__(self, layout: Layout) -> None:
        types = {column.name: column.type for column in layout.loads}
        types |= {"id_high": np.dtype("u8"), "id_low": np.dtype("u8")}
        types |= {"company": np.dtype("i4"), "extra": np.dtype("i4")}
        self.loads = Table(types)
        self.stops = Lists({column.name: column.type for column in layout.stops})
        self.spans = Lists({name: np.dtype("i4") for name in ("from", "until")})
        self.is_there: Mask = np.zeros(0, "?")
        # Of the rows at the last rebuild; `_recent` has those after it.
        self._settled = Index(np.zeros(0, "u8"), np.zeros(0, "u8"))
        self._recent: dict[bytes, int] = {}

    @property
    def nbytes(self) -> int:
        parts = (self.loads, self.stops, self.spans, self.is_there, self._settled)
        return sum(part.nbytes for part in parts)

    def needs_rebuild(self, incoming: int) -> bool:
        """Whether so many rows do not fit, or too many rows are dead."""
        dead = self.loads.rows - int(np.count_nonzero(self.is_there))
        too_many = max(LEAST_SPARE, self.loads.rows // (SPARE_SHARE // 2))
        return self.loads.room < incoming or dead > too_many

    def add(self, keys: Array, added: Mapping[str, Array]) -> None:
        """Add loads, in the place of those with the same keys.

        keys: the ids as 16 bytes. added: the other columns.
        """
        self.remove(keys)
        start = self.loads.rows
        self.fill(keys, added)
        self.is_there = np.concatenate((self.is_there, np.ones(len(keys), "?")))
        self._recent.update(
            zip(keys.tolist(), range(start, self.loads.rows), strict=True)
        )

    def remove(self, keys: Array) -> None:
        """Take the loads with these keys out, as far as they are there."""
        names = keys.tolist()
        # What was taken keeps its mask.
        self.is_there = self.is_there.copy()
        self.is_there[self._find(keys, names)] = False
        for name in names:
            self._recent.pop(name, None)

    def fill(self, keys: Array, added: Mapping[str, Array]) -> None:
        """Add loads of which none is there yet. `rebuild` must follow."""
        high, low = halves(keys)
        self.loads.append({**added, "id_high": high, "id_low": low}, len(keys))

    def rebuild(self, incoming: int = 0) -> None:
        """Write the columns anew, without the dead rows, with room for more."""
        if len(self.is_there) < self.loads.rows:
            self.is_there = np.ones(self.loads.rows, "?")
        alive = np.flatnonzero(self.is_there).astype("i4")
        lat, lon = (self.loads[f"pickup_{axis}_e7"][alive] for axis in ("lat", "lon"))
        cells = (lat // E7 * 361 + lon // E7).astype("i4")
        alive = alive[np.argsort(cells, kind="stable")]
        spare = max(LEAST_SPARE, len(alive) // SPARE_SHARE)
        self.is_there = np.ones(len(alive), "?")
        self.loads.keep(alive, incoming + spare)
        extra = self.loads["extra"]
        walked = np.flatnonzero(extra != NO_EXTRA)
        self.spans.keep(self.stops.keep(extra[walked]))
        extra[walked] = np.arange(len(walked))
        self._settled = Index(self.loads["id_high"], self.loads["id_low"])
        self._recent = {}

    def _find(self, keys: Array, names: Sequence[bytes]) -> Array:
        recent = [row for name in names if (row := self._recent.get(name)) is not None]
        _, settled = self._settled.find(keys)
        # One that has a newer row is dead among these, which changes nothing.
        return np.concatenate((np.array(recent, "i8"), settled))


def _mixed(high: Array, low: Array) -> Array:
    """Return 32 bits of each id, of which equal ones are rare."""
    mixed: Array = high * MIX[0] + low * MIX[1]
    return (mixed >> np.uint64(32)).astype("u4")


def halves(keys: Array) -> tuple[Array, Array]:
    """Return the upper and the lower 64 bits of 16 bytes, as numbers."""
    both = np.ascontiguousarray(keys).view(">u8").reshape(-1, 2).astype("u8")
    return both[:, 0], both[:, 1]
