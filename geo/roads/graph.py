"""Reads the graph of the highways and the bitmap of water, or says what is wrong."""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.roads.water import BLOCK, Water

DATA = Path(__file__).parent / "data"
"""Where the files of this release are."""

HIGHWAYS, WATER = "na_highways.npz", "na_water.npz"

FORMAT = 1
"""The layout of both files. Another one is not read."""

HIGHWAY_COLUMNS = {
    "lat": ("<i4", 1),
    "lon": ("<i4", 1),
    "component": ("<u2", 1),
    "u": ("<i4", 1),
    "v": ("<i4", 1),
    "metres": ("<u2", 1),
    "island": ("<i4", 2),
}
WATER_COLUMNS = {"shape": ("<i4", 1), "water": ("|u1", 1)}
"""Type and dimensions of each array. `Graph` and `Water` say what is in them."""


class RoadsUnusable(Exception):
    """The files of the roads are missing, cut, or not for this release."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The highways: nodes, and the edges between them, each once.

    lat, lon: of the nodes, degrees x 10,000.
    component: of each node: 0 for the mainland, then islands by size.
    u, v, metres: two nodes, u < v, and the length of the road between them.
    island: discs (lat, lon x 10,000, radius in metres) from which no road leads out.
    version: of the arrays.
    """

    lat: NDArray[np.int32]
    lon: NDArray[np.int32]
    component: NDArray[np.uint16]
    u: NDArray[np.int32]
    v: NDArray[np.int32]
    metres: NDArray[np.uint16]
    island: NDArray[np.int32]
    version: str

    def places_of(
        self, nodes: NDArray[Any] | slice
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return latitude and longitude of these nodes, degrees."""
        return self.lat[nodes] / 1e4, self.lon[nodes] / 1e4


def version_of(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a short hash of the arrays, with their names, types and shapes."""
    digest = sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:12]


def read_graph(path: Path = DATA / HIGHWAYS) -> Graph:
    """Return the graph of the highways.

    Raises: RoadsUnusable, which says what is wrong.
    """
    arrays, version = _read(path, HIGHWAY_COLUMNS)
    nodes, edges = len(arrays["lat"]), len(arrays["u"])
    u, v = arrays["u"], arrays["v"]
    is_sound = (
        nodes > 0
        and len(arrays["lon"]) == len(arrays["component"]) == nodes
        and len(v) == len(arrays["metres"]) == edges
        and bool((u >= 0).all() and (u < v).all() and (v < nodes).all())
        and arrays["island"].shape[1] == 3
    )
    if not is_sound:
        raise RoadsUnusable(f"{path.name}: its arrays do not fit each other.")
    return Graph(**arrays, version=version)


def read_water(path: Path = DATA / WATER) -> Water:
    """Return the bitmap of sea and lakes.

    Raises: RoadsUnusable, which says what is wrong.
    """
    arrays, version = _read(path, WATER_COLUMNS)
    shape = tuple(map(int, arrays["shape"]))
    is_sound = (
        len(shape) == 2
        and min(shape) > 0
        and not shape[0] % BLOCK
        and not shape[1] % BLOCK
        and shape[0] * shape[1] == 8 * len(arrays["water"])
    )
    if not is_sound:
        raise RoadsUnusable(f"{path.name}: its arrays do not fit each other.")
    return Water((shape[0], shape[1]), arrays["water"], version)


def _read(
    path: Path, columns: Mapping[str, tuple[str, int]]
) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the arrays of the file and their version."""
    try:
        # Opened here, as numpy leaves a file open that is no archive.
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if "format" not in file or "version" not in file:
                raise RoadsUnusable(f"{path.name}: not a file of roads.")
            found = int(file["format"])
            if found != FORMAT:
                raise RoadsUnusable(
                    f"{path.name}: has format {found}; this release reads {FORMAT}."
                )
            arrays = {name: file[name] for name in columns}
            version = str(file["version"])
    except FileNotFoundError:
        raise RoadsUnusable(f"{path.name}: the file is missing.") from None
    except KeyError as error:
        raise RoadsUnusable(f"{path.name}: {error.args[0]}.") from None
    except (OSError, ValueError, TypeError, EOFError, AttributeError) as error:
        raise RoadsUnusable(f"{path.name}: cannot be read: {error}.") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise RoadsUnusable(f"{path.name}: cut or damaged: {error}.") from None
    for name, (kind, dimensions) in columns.items():
        if arrays[name].dtype.str != kind or arrays[name].ndim != dimensions:
            raise RoadsUnusable(f"{path.name}: the array {name} is of another type.")
    if version_of(arrays) != version:
        raise RoadsUnusable(f"{path.name}: its arrays are not those of its version.")
    return arrays, version
