"""The highways as scgraph_data 2.0.0 has them, and the tables that mend them."""

import csv
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.roads.graph import DATA
from geo.sphere import Floats, arc_m, unit_vectors

SOUTH, NORTH, WEST, EAST = 14.0, 72.0, -170.0, -52.0
"""North America, degrees."""

SNAP_M = 6_000.0
"""An end of a spur within this of a node is that node; else it is a new one."""

Ints = NDArray[np.int64]


class Network(NamedTuple):
    """Nodes (rows of lat, lon) and undirected edges with their metres.

    is_link: of each edge, whether it is from the table of added links.
    """

    nodes: Floats
    u: Ints
    v: Ints
    metres: Floats
    is_link: NDArray[np.bool_]


def mended() -> Network:
    """Return the network of the package, cut to North America, with the added links and
    without the removed ones.

    Raises: ModuleNotFoundError without scgraph_data.
    """
    nodes, u, v, metres = _package()
    tree = cKDTree(unit_vectors(nodes[:, 0], nodes[:, 1]))
    kept = (u != v) & ~_is_removed(tree, u, v)
    u, v, metres = u[kept], v[kept], metres[kept]
    more, links = _links(tree, len(nodes))
    ends = np.array([(a, b) for a, b, _ in links], np.int64)
    added = np.array([length for *_, length in links])
    return Network(
        np.vstack([nodes, np.array(more).reshape(-1, 2)]),
        np.concatenate([u, ends.min(1)]),
        np.concatenate([v, ends.max(1)]),
        np.concatenate([metres, added]),
        np.concatenate([np.zeros(len(u), np.bool_), np.ones(len(links), np.bool_)]),
    )


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table beside the data."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _package() -> tuple[Floats, Ints, Ints, Floats]:
    spec = find_spec("scgraph_data")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("Install scgraph_data==2.0.0.")
    folder = Path(next(iter(spec.submodule_search_locations)))
    # The module is a program of 150 MB; read as text, it needs a tenth of the memory.
    graph: list[dict[str, float]] = []
    nodes = np.zeros((0, 2))
    for line in (folder / "world_highways.py").read_text().split("\n"):
        if line.startswith("graph="):
            graph = json.loads(re.sub(r"(\d+):", r'"\1":', line[6:]))
        elif line.startswith("nodes="):
            pairs = line[6:].replace("(", "[").replace(")", "]")
            nodes = np.array(json.loads(pairs), np.float64)
    lat, lon = nodes.T
    inside = (lat > SOUTH) & (lat < NORTH) & (lon > WEST) & (lon < EAST)
    number = np.cumsum(inside) - 1
    edges = [
        (number[i], number[int(j)], km * 1000)
        for i, row in enumerate(graph)
        if inside[i]
        for j, km in row.items()
        if int(j) > i and inside[int(j)]
    ]
    u, v, metres = (np.array(column) for column in zip(*edges, strict=True))
    return nodes[inside], u.astype(np.int64), v.astype(np.int64), metres


def _is_removed(tree: Any, u: Ints, v: Ints) -> NDArray[np.bool_]:  # noqa: ANN401
    """Say of each edge whether the table removes it. Each row must name an edge."""
    removed = np.zeros(len(u), np.bool_)
    for row in table("removed_links.csv"):
        a, b = sorted(_nearest(tree, _end(row, side))[1] for side in "12")
        found = (u == a) & (v == b)
        if not found.any():
            raise ValueError(f"removed_links.csv: no edge for {row['name']}.")
        removed |= found
    return removed


def _links(
    tree: Any,  # noqa: ANN401 - scipy has no types
    nodes: int,
) -> tuple[list[tuple[float, float]], list[tuple[int, int, float]]]:
    """Return the new nodes, and the added links as pairs of nodes with their metres."""
    new: dict[tuple[float, float], int] = {}
    links = []
    for row in table("added_links.csv"):
        ends = []
        for side in "12":
            place = _end(row, side)
            away_m, node = _nearest(tree, place)
            if row["kind"] == "spur" and away_m > SNAP_M:
                node = new.setdefault(place, nodes + len(new))
            ends.append(node)
        links.append((ends[0], ends[1], float(row["km"]) * 1000))
    return list(new), links


def _end(row: dict[str, str], side: str) -> tuple[float, float]:
    return float(row[f"lat{side}"]), float(row[f"lon{side}"])


def _nearest(tree: Any, place: tuple[float, float]) -> tuple[float, int]:  # noqa: ANN401
    chord, node = tree.query(unit_vectors(*np.array(place)))
    return float(arc_m(chord)), int(node)
