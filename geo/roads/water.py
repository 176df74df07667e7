"""Sea and lakes as a bitmap: how much water lies under a straight line."""

import numpy as np
from numpy.typing import NDArray

from geo.sphere import Floats

CELLS = 48
"""Cells to a degree: 1.25 minutes of arc, about 2.3 km from south to north."""

SOUTH, WEST = 14.0, -170.0
"""The corner of cell (0, 0)."""

SAMPLE_M = 1000.0
"""A line is looked at once in so many metres."""

BLOCK = 8
"""Rows and columns of a block."""

Lines = tuple[Floats, Floats, Floats, Floats]
"""lat_a, lon_a, lat_b, lon_b of the ends of each line, degrees."""


class Water:
    """The bitmap: one bit a cell, packed; eight rows and columns make a block.

    shape: rows and columns, multiples of 8.

    Blocks answer quickly that there is no water anywhere near a line.
    """

    def __init__(
        self, shape: tuple[int, int], bits: NDArray[np.uint8], version: str
    ) -> None:
        self.version = version
        self._rows, self._columns = shape
        self._bits = bits
        high, wide = shape[0] // BLOCK, shape[1] // BLOCK
        # Strip by strip: unpacked at once, the bitmap would take 16 MB.
        strips = bits.reshape(high, BLOCK * shape[1] // 8)
        blocks = [
            np.unpackbits(strip).reshape(BLOCK, wide, BLOCK).max((0, 2))
            for strip in strips
        ]
        self._wet_blocks = np.zeros((high + 1, wide + 1), np.int32)
        self._wet_blocks[1:, 1:] = np.cumsum(blocks, 0, dtype=np.int32).cumsum(1)

    def is_dry(
        self,
        lat_a: Floats,
        lon_a: Floats,
        lat_b: Floats,
        lon_b: Floats,
        *,
        air_m: Floats,
        wet_m: float,
    ) -> NDArray[np.bool_]:
        """Say of each row's line whether at most `wet_m` of it are water.

        The ends count as land: a quay is no barrier. The same there and back.
        """
        wet = np.flatnonzero(self._may_be_wet((lat_a, lon_a, lat_b, lon_b)))
        dry = np.ones(len(air_m), np.bool_)
        if len(wet):
            lines = lat_a[wet], lon_a[wet], lat_b[wet], lon_b[wet]
            dry[wet] = self._wet_m(lines, air_m[wet]) <= wet_m
        return dry

    def _may_be_wet(self, lines: Lines) -> NDArray[np.bool_]:
        """Say of each line whether a block in the box around it has water."""
        lat_a, lon_a, lat_b, lon_b = lines
        low, left = self._cells(np.minimum(lat_a, lat_b), np.minimum(lon_a, lon_b))
        high, right = self._cells(np.maximum(lat_a, lat_b), np.maximum(lon_a, lon_b))
        low, left = low // BLOCK, left // BLOCK
        high, right = high // BLOCK + 1, right // BLOCK + 1
        sums = self._wet_blocks
        wet = sums[high, right] - sums[low, right] - sums[high, left] + sums[low, left]
        return np.asarray(wet > 0)

    def _wet_m(self, lines: Lines, air_m: Floats) -> Floats:
        """Return the metres of water under each line."""
        lat_a, lon_a, lat_b, lon_b = _from_the_south(lines)
        parts = np.maximum(2, (air_m / SAMPLE_M).astype(np.int64))
        samples = parts - 1
        line = np.repeat(np.arange(len(air_m)), samples)
        first = np.cumsum(samples) - samples
        share = (np.arange(len(line)) - first[line] + 1) / parts[line]
        row, column = self._cells(
            lat_a[line] + (lat_b - lat_a)[line] * share,
            lon_a[line] + (lon_b - lon_a)[line] * share,
        )
        at = row * self._columns + column
        wet = self._bits[at >> 3] >> (7 - (at & 7)).astype(np.uint8) & 1
        metres: Floats = np.bincount(line, wet, len(air_m)) * (air_m / parts)
        return metres

    def _cells(
        self, lat: Floats, lon: Floats
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column; beyond the bitmap, those of its edge."""
        row = np.floor((lat - SOUTH) * CELLS).astype(np.int64)
        column = np.floor((lon - WEST) * CELLS).astype(np.int64)
        return row.clip(0, self._rows - 1), column.clip(0, self._columns - 1)


def _from_the_south(lines: Lines) -> Lines:
    """Return the lines, each from its southern end: so they are the same there and
    back."""
    lat_a, lon_a, lat_b, lon_b = lines
    is_turned = (lat_a > lat_b) | ((lat_a == lat_b) & (lon_a > lon_b))
    return (
        np.where(is_turned, lat_b, lat_a),
        np.where(is_turned, lon_b, lon_a),
        np.where(is_turned, lat_a, lat_b),
        np.where(is_turned, lon_a, lon_b),
    )
